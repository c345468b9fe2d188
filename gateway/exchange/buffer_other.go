//go:build !unix

package exchange

import (
	"fmt"
	"net"
)

// ReadBuffer asks the system for a receive buffer of that many bytes, and
// returns the number asked for: what it gave is not to be learnt here.
func ReadBuffer(c *net.UDPConn, bytes int) (int, error) {
	if err := c.SetReadBuffer(bytes); err != nil {
		return 0, fmt.Errorf("set receive buffer: %w", err)
	}
	return bytes, nil
}
