//go:build !linux

package udp

import (
	"errors"
	"net"
)

// share: only Linux is known to keep a remote at one of several sockets.
func share(*net.UDPConn) bool { return false }

func listenShared(string) (*net.UDPConn, error) { return nil, errors.ErrUnsupported }
