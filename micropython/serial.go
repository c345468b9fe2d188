package micropython

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"sync/atomic"
)

// serial is the board's side of a serial line.
type serial struct {
	line      io.ReadWriteCloser
	interrupt atomic.Bool   // a Ctrl-C waits
	came      chan struct{} // has room for one: something came
	room      chan struct{} // has room for one: something was taken
	off       chan struct{}
	reader    sync.WaitGroup

	mu      sync.Mutex
	waiting []byte // at most mostWaiting
	ended   bool
	last    byte // that was written
}

const (
	ctrlA, ctrlB, ctrlC, ctrlD, ctrlE = 1, 2, 3, 4, 5

	// mostWaiting is what a board takes before it lets the other side wait.
	mostWaiting = 4096
)

func newSerial(line io.ReadWriteCloser) *serial {
	s := &serial{line: line, came: make(chan struct{}, 1), room: make(chan struct{}, 1), off: make(chan struct{})}
	s.reader.Go(s.receive)
	return s
}

func (s *serial) close() {
	close(s.off)
	_ = s.line.Close() // the reader ends
	s.reader.Wait()
}

// receive takes what comes until the line ends.
func (s *serial) receive() {
	chunk := make([]byte, mostWaiting/4)
	for {
		n, err := s.line.Read(chunk)
		if !s.put(chunk[:n]) {
			return
		}
		if err != nil {
			s.mu.Lock()
			s.ended = true
			s.mu.Unlock()
			signal(s.came)
			return
		}
	}
}

// put keeps a chunk, when there is room for it; false when the board is off.
func (s *serial) put(chunk []byte) bool {
	for {
		s.mu.Lock()
		if len(s.waiting)+len(chunk) <= mostWaiting {
			s.waiting = append(s.waiting, chunk...)
			s.interrupt.Store(bytes.IndexByte(s.waiting, ctrlC) >= 0)
			s.mu.Unlock()
			signal(s.came)
			return true
		}
		s.mu.Unlock()
		select {
		case <-s.room:
		case <-s.off:
			return false
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// take gives up to len(p) bytes that came; io.EOF when none come any more.
func (s *serial) take(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 && s.ended {
		return 0, io.EOF
	}
	n = copy(p, s.waiting)
	s.drop(0, n)
	return n, nil
}

// takeInterrupt takes one Ctrl-C out of what waits, if there is one.
func (s *serial) takeInterrupt() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := bytes.IndexByte(s.waiting, ctrlC)
	if at < 0 {
		return false
	}
	s.drop(at, at+1)
	return true
}

func (s *serial) drop(from, to int) {
	s.waiting = append(s.waiting[:from], s.waiting[to:]...)
	s.interrupt.Store(bytes.IndexByte(s.waiting, ctrlC) >= 0)
	signal(s.room)
}

// read waits for at least one byte.
func (s *serial) read(ctx context.Context, p []byte) (int, error) {
	for {
		if n, err := s.take(p); n > 0 || err != nil {
			return n, err
		}
		s.wait(ctx)
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
}

// wait waits until something comes, or ctx ends.
func (s *serial) wait(ctx context.Context) {
	select {
	case <-s.came:
	case <-ctx.Done():
	}
}

// ready tells whether a byte waits.
func (s *serial) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting) > 0
}

// write ends lines as a terminal wants it. That nobody reads them is no concern
// of the board's.
func (s *serial) write(text string) {
	var out strings.Builder
	for i := range len(text) {
		if text[i] == '\n' && s.last != '\r' {
			out.WriteByte('\r')
		}
		s.last = text[i]
		out.WriteByte(text[i])
	}
	_, _ = io.WriteString(s.line, out.String())
}
