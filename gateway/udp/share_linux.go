package udp

import (
	"context"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// share lets further sockets of this user bind the address of c.
func share(c *net.UDPConn) bool {
	raw, err := c.SyscallConn()
	return err == nil && reuse(raw) == nil
}

// listenShared opens a further socket at an address that is shared. Linux finds
// the socket of a datagram by a hash of both its addresses and ports.
func listenShared(address string) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error { return reuse(raw) }}
	c, err := lc.ListenPacket(context.Background(), "udp", address)
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

func reuse(raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	if err != nil {
		return err
	}
	return failed
}
