package install

import (
	"io"
	"sync"
	"testing"
	"time"
)

// cable is a serial line in memory: the tests' end of it is the board's.
type cable struct {
	up, down *lane // to the board, from it

	mu       sync.Mutex
	wait     time.Duration
	baud     int
	dtr, rts bool
	// switched is told of every change of the control lines and the rate.
	switched func(dtr, rts bool, baud int)
}

// lane is one direction of a cable. Writes never wait.
type lane struct {
	mu     sync.Mutex
	data   []byte
	closed bool
	news   chan struct{} // holds one token when something changed
}

func newLane() *lane { return &lane{news: make(chan struct{}, 1)} }

func (l *lane) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, io.ErrClosedPipe
	}
	l.data = append(l.data, p...)
	l.wake()
	return len(p), nil
}

func (l *lane) wake() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}

func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake()
}

// take gives what is there, or waits for it; 0 and no error when the time is over.
func (l *lane) take(p []byte, wait time.Duration) (int, error) {
	t := time.NewTimer(wait)
	defer t.Stop()
	for {
		l.mu.Lock()
		n := copy(p, l.data)
		l.data = l.data[n:]
		closed := l.closed
		if closed || len(l.data) > 0 {
			l.wake()
		}
		l.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		if closed {
			return 0, io.EOF
		}
		select {
		case <-l.news:
		case <-t.C:
			return 0, nil
		}
	}
}

// Read waits for as long as it takes: the board's end.
func (l *lane) Read(p []byte) (int, error) {
	for {
		if n, err := l.take(p, time.Minute); n > 0 || err != nil {
			return n, err
		}
	}
}

func newCable(t *testing.T) *cable {
	c := &cable{up: newLane(), down: newLane(), baud: Usual}
	t.Cleanup(func() { c.Close() })
	return c
}

func (c *cable) Read(p []byte) (int, error) {
	c.mu.Lock()
	wait := c.wait
	c.mu.Unlock()
	return c.down.take(p, wait)
}

func (c *cable) Write(p []byte) (int, error) { return c.up.Write(p) }

func (c *cable) SetReadTimeout(d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wait = d
	return nil
}

func (c *cable) SetBaud(rate int) error { return c.change(func() { c.baud = rate }) }
func (c *cable) SetDTR(on bool) error   { return c.change(func() { c.dtr = on }) }
func (c *cable) SetRTS(on bool) error   { return c.change(func() { c.rts = on }) }

func (c *cable) change(f func()) error {
	c.mu.Lock()
	f()
	dtr, rts, baud, told := c.dtr, c.rts, c.baud, c.switched
	c.mu.Unlock()
	if told != nil {
		told(dtr, rts, baud)
	}
	return nil
}

func (c *cable) Close() error {
	c.up.close()
	c.down.close()
	return nil
}
