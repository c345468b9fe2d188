//go:build unix && (!linux || race)

package mqtt

import (
	"errors"
	"syscall"
)

// receive reads what there is.
func receive(fd int, b []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, b)
		if !errors.Is(err, syscall.EINTR) {
			return n, err
		}
	}
}

// transmit writes what goes.
func transmit(fd int, b []byte) (int, error) { return syscall.Write(fd, b) }
