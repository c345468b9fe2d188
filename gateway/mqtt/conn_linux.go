//go:build linux && !race

package mqtt

import (
	"syscall"
	"unsafe"
)

// Sockets do not block, so the scheduler need not hear of these calls: that is a
// twentieth of what a message costs that comes alone. Long writes it does hear of.
const quick = 4 << 10

// receive reads what there is. b is not empty.
func receive(fd int, b []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return -1, errno
		}
	}
}

// transmit writes what goes. b is not empty.
func transmit(fd int, b []byte) (int, error) {
	if len(b) > quick {
		return syscall.Write(fd, b)
	}
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
