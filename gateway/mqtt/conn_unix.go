//go:build unix

package mqtt

import (
	"errors"
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

// rawReader reads from a socket. It takes a buffer when there is something to read,
// and gives it back when there is not.
type rawReader struct {
	l      *tcpLine
	c      *conn
	s      *scratch // nil: there was nothing
	from   int      // where in its buffer the new bytes are
	n      int
	failed error
}

func (l *tcpLine) readRaw(c *conn) error {
	r := &rawReader{l: l, c: c}
	attempt := r.attempt
	err := l.arm(c.dead())
	for err == nil {
		if err = l.raw.Read(attempt); err == nil {
			err = r.take()
		} else {
			err = l.excuse(c.dead(), err)
		}
		if err == nil {
			err = l.arm(c.dead())
		}
	}
	r.release()
	return err
}

// attempt reads if something is there; false: wait.
func (r *rawReader) attempt(fd uintptr) bool {
	if r.s == nil {
		r.s = scratches.Get().(*scratch)
	}
	r.from = r.c.prepend(r.s)
	r.n, r.failed = receive(int(fd), r.s.buf[r.from:])
	if errors.Is(r.failed, syscall.EAGAIN) {
		r.release()
		return false
	}
	return true
}

func (r *rawReader) release() {
	if r.s != nil {
		r.s.free()
		r.s = nil
	}
}

// take hands over what was read.
func (r *rawReader) take() error {
	switch {
	case r.failed != nil:
		return fmt.Errorf("read from client: %w", os.NewSyscallError("read", r.failed))
	case r.n == 0:
		return io.EOF
	}
	if r.from > 0 {
		r.c.left = r.c.left[:0]
	}
	if err := r.c.feed(r.s, r.s.buf[:r.from+r.n]); err != nil {
		return err
	}
	err := r.c.done(r.s)
	r.l.heard = time.Now()
	return err
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
