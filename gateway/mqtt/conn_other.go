//go:build !unix

package mqtt

import (
	"net"
	"syscall"
)

func rawOf(*net.TCPConn) syscall.RawConn { return nil }

func (l *tcpLine) readRaw(c *conn) error { return l.readPlain(c) }

func (l *tcpLine) try([]byte) int { return 0 }
