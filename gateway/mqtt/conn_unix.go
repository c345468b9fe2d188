//go:build unix

package mqtt

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// rawOf gives the way around the buffers: a connection is waited for without one.
func rawOf(tcp *net.TCPConn) syscall.RawConn {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// readRaw takes a buffer when there is something to read, and gives it back when
// there is not.
func (l *tcpLine) readRaw(c *conn) error {
	var s *scratch
	defer func() {
		if s != nil {
			s.free()
		}
	}()
	var n, from int
	var failed error
	attempt := func(fd uintptr) bool {
		if s == nil {
			s = scratches.Get().(*scratch)
		}
		from = c.prepend(s)
		n, failed = receive(int(fd), s.buf[from:])
		if failed == syscall.EAGAIN {
			s.free()
			s = nil
			return false
		}
		return true
	}
	for {
		if err := l.arm(c.dead()); err != nil {
			return err
		}
		err := l.raw.Read(attempt)
		switch {
		case err != nil:
			if err = l.excuse(c.dead(), err); err != nil {
				return err
			}
			continue
		case failed != nil:
			return fmt.Errorf("read from client: %w", os.NewSyscallError("read", failed))
		case n == 0:
			return io.EOF
		}
		l.heard = time.Now()
		if from > 0 {
			c.left = c.left[:0]
		}
		if err := c.feed(s, s.buf[:from+n]); err != nil {
			return err
		}
		if err := c.done(s); err != nil {
			return err
		}
	}
}

func (l *tcpLine) try(b []byte) int {
	if l.raw == nil || len(b) == 0 {
		return 0
	}
	if l.attempt == nil {
		l.attempt = l.send
	}
	l.trying, l.tried = b, 0
	_ = l.raw.Write(l.attempt) // what is wrong, write will say
	l.trying = nil
	return l.tried
}

// send tries once.
func (l *tcpLine) send(fd uintptr) bool {
	if n, err := transmit(int(fd), l.trying); err == nil && n > 0 {
		l.tried = n
	}
	return true
}
