package desk

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/roost-iot/roost/micropython"
)

// Host is the name under which boards find a Server in memory.
const Host = "desk"

// URL is the address of a Server in memory.
const URL = "http://" + Host

// wire is one end of a connection in memory. What the far end does is known, so a clock
// may pass while both wait.
type wire struct {
	net.Conn
	far     *wire
	reading atomic.Bool // somebody waits for what comes
	busy    atomic.Bool // of a server: a request is worked at
	held    atomic.Bool // of a server: it waits for a clock or an event
	cut     atomic.Int64
	gone    atomic.Bool
}

// pipe gives both ends of a connection.
func pipe() (board, server *wire) {
	a, b := net.Pipe()
	board, server = &wire{Conn: a}, &wire{Conn: b}
	board.far, server.far = server, board
	server.cut.Store(-1)
	board.cut.Store(-1)
	return board, server
}

func (w *wire) Read(p []byte) (int, error) {
	w.reading.Store(true)
	n, err := w.Conn.Read(p)
	w.reading.Store(false)
	return n, closedAs(err)
}

// Write stops in the midst of it when a fault says so.
func (w *wire) Write(p []byte) (int, error) {
	left := w.cut.Load()
	if left < 0 || int64(len(p)) <= left {
		n, err := w.Conn.Write(p)
		if left >= 0 {
			w.cut.Store(left - int64(n))
		}
		return n, closedAs(err)
	}
	n, _ := w.Conn.Write(p[:left])
	_ = w.Close()
	return n, syscall.ECONNRESET
}

// Close closes this end; the other one reads its end.
func (w *wire) Close() error {
	w.gone.Store(true)
	return w.Conn.Close()
}

// LocalAddr and RemoteAddr are an address like any, for programs that look at it.
func (w *wire) LocalAddr() net.Addr  { return loopback }
func (w *wire) RemoteAddr() net.Addr { return loopback }

var loopback = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}

// Settled tells a board that nothing comes by itself.
func (w *wire) Settled() bool {
	s := w.far
	return w.reading.Load() && !s.gone.Load() && s.reading.Load() && (!s.busy.Load() || s.held.Load())
}

func closedAs(err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		return syscall.ECONNRESET
	}
	return err
}

// listener takes connections that are dialled in memory.
type listener struct {
	came chan *wire
	off  chan struct{}
	once sync.Once
}

func newListener() *listener {
	return &listener{came: make(chan *wire), off: make(chan struct{})}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case w := <-l.came:
		return w, nil
	case <-l.off:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.off) })
	return nil
}

func (l *listener) Addr() net.Addr { return loopback }

// Settled tells that nobody dials.
func (l *listener) Settled() bool { return true }

// dial connects to whoever accepts.
func (l *listener) dial(ctx context.Context) (net.Conn, error) {
	board, server := pipe()
	select {
	case l.came <- server:
		return board, nil
	case <-l.off:
		return nil, syscall.ECONNREFUSED
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// wireKey is under what a request's context has its connection.
type wireKey struct{}

// watch lets a server tell what it does with its connections.
func watch(s *http.Server) {
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, wireKey{}, c)
	}
	s.ConnState = func(c net.Conn, state http.ConnState) {
		if w, ok := c.(*wire); ok {
			w.busy.Store(state == http.StateActive)
		}
	}
}

// held marks a request as one that only a clock or an event goes on with.
func held(ctx context.Context, is bool) {
	if w, ok := ctx.Value(wireKey{}).(*wire); ok {
		w.held.Store(is)
	}
}

// wait waits until woken is closed or ctx ends, at most for d of clock, or of real time
// if there is none.
func wait(ctx context.Context, clock *micropython.Clock, d time.Duration, woken <-chan struct{}) {
	over := make(chan struct{})
	if clock == nil {
		timer := time.AfterFunc(d, func() { close(over) })
		defer timer.Stop()
	} else {
		stop := clock.At(clock.Now().Add(d), func() {
			held(ctx, false)
			close(over)
		})
		defer stop()
	}
	held(ctx, true)
	defer held(ctx, false)
	select {
	case <-woken:
	case <-over:
	case <-ctx.Done():
	}
}
