//go:build unix

package exchange

import (
	"fmt"
	"net"
	"syscall"
)

// ReadBuffer asks the system for a receive buffer of that many bytes, since the
// usual one holds some 200 small datagrams, and returns what it gave: Linux
// doubles the number and stops at net.core.rmem_max.
func ReadBuffer(c *net.UDPConn, bytes int) (int, error) {
	if err := c.SetReadBuffer(bytes); err != nil {
		return 0, fmt.Errorf("set receive buffer: %w", err)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("set receive buffer: %w", err)
	}
	var got int
	var optErr error
	err = raw.Control(func(fd uintptr) {
		got, optErr = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
	})
	if err == nil {
		err = optErr
	}
	if err != nil {
		return 0, fmt.Errorf("read receive buffer size: %w", err)
	}
	return got, nil
}
