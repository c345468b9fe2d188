package mqtt

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// tcpLine is a TCP connection, plain or under TLS.
type tcpLine struct {
	nc  net.Conn
	raw syscall.RawConn // of a plain one, where the system lets it be waited for without a buffer

	// Of the goroutine that reads.
	heard time.Time     // when it was last done with what came: while it works, nobody is silent
	armed time.Duration // the silence that the read deadline was last set for

	// Of who writes: what is being tried.
	trying  []byte
	tried   int
	attempt func(fd uintptr) bool

	mu     sync.Mutex // of the deadlines
	halted bool
}

func newTCPLine(nc net.Conn) *tcpLine {
	l := &tcpLine{nc: nc, heard: time.Now()}
	if tcp, ok := nc.(*net.TCPConn); ok {
		l.raw = rawOf(tcp)
	}
	return l
}

func (l *tcpLine) read(c *conn) error {
	if l.raw != nil {
		return l.readRaw(c)
	}
	return l.readPlain(c)
}

// keptBuffer is what a connection holds that cannot be waited for without.
const keptBuffer = 2 << 10

// readPlain reads where there is no telling beforehand that something has come.
func (l *tcpLine) readPlain(c *conn) error {
	buf := make([]byte, keptBuffer)
	for {
		if err := l.arm(c.dead()); err != nil {
			return err
		}
		n, err := l.nc.Read(buf)
		if n > 0 {
			if err := l.burst(c, buf[:n]); err != nil {
				return err
			}
		}
		if err = l.excuse(c.dead(), err); err != nil {
			return err
		}
	}
}

func (l *tcpLine) burst(c *conn, b []byte) error {
	s := scratches.Get().(*scratch)
	defer s.free()
	if err := c.feed(s, b); err != nil {
		return err
	}
	err := c.done(s)
	l.heard = time.Now()
	return err
}

// arm sets the read deadline when another silence is allowed than before. It is not
// moved with every byte: excuse does that when it has passed.
func (l *tcpLine) arm(dead time.Duration) error {
	if dead == l.armed {
		return nil
	}
	l.armed = dead
	return l.wait(dead)
}

func (l *tcpLine) wait(dead time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.halted {
		return nil
	}
	var until time.Time
	if dead > 0 {
		until = l.heard.Add(dead)
	}
	if err := l.nc.SetReadDeadline(until); err != nil {
		return fmt.Errorf("set read deadline: %w", err)
	}
	return nil
}

// excuse judges an error of reading: a deadline that passed is none if something was
// heard meanwhile.
func (l *tcpLine) excuse(dead time.Duration, err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	l.mu.Lock()
	halted := l.halted
	l.mu.Unlock()
	if halted || dead == 0 || time.Since(l.heard) >= dead {
		return err
	}
	return l.wait(dead)
}

func (l *tcpLine) write(b []byte, patience time.Duration) error {
	l.mu.Lock()
	if l.halted {
		patience = min(patience, parting)
	}
	err := l.nc.SetWriteDeadline(time.Now().Add(patience))
	l.mu.Unlock()
	if err == nil {
		_, err = l.nc.Write(b)
	}
	if err != nil {
		return fmt.Errorf("write to client: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.halted {
		_ = l.nc.SetWriteDeadline(time.Time{}) // the next write tells
	}
	return nil
}

func (l *tcpLine) halt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halted = true
	_ = l.nc.SetWriteDeadline(time.Now().Add(parting))
	_ = l.nc.SetReadDeadline(time.Unix(1, 0))
}

func (l *tcpLine) close(lastWords bool) {
	half, ok := l.nc.(interface{ CloseWrite() error })
	if lastWords && ok && half.CloseWrite() == nil {
		// Closing with bytes unread would reset the connection, and lose what we said.
		_ = l.nc.SetReadDeadline(time.Now().Add(parting))
		_, _ = io.Copy(io.Discard, l.nc)
	}
	_ = l.nc.Close()
}
