//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peek gives the first byte and leaves it in the socket, so that a door gets the
// connection as the kernel made it.
func peek(conn net.Conn) (byte, net.Conn, error) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return peekAhead(conn)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, conn, fmt.Errorf("look at the first byte: %w", err)
	}
	var b [1]byte
	var n int
	var fault error
	err = raw.Read(func(fd uintptr) bool {
		n, _, fault = unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK)
		return !errors.Is(fault, unix.EAGAIN) && !errors.Is(fault, unix.EINTR)
	})
	if err = errors.Join(err, fault); err == nil && n == 0 {
		err = io.EOF
	}
	return b[0], conn, err
}
