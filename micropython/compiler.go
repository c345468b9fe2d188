package micropython

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

const (
	// maxSource is more than any board could load.
	maxSource = 256 << 10
	// compileTime bounds the compilation of one file; a usual one takes milliseconds.
	compileTime = 10 * time.Second
	// compilerIdle is after how long without a file the memory is given back:
	// some 7 MB, which the next file has to wait a few tenths of a second for.
	compilerIdle = 10 * time.Minute
)

// SyntaxError is why a file does not compile.
type SyntaxError struct {
	File         string
	Line, Column int // from 1; 0 unknown
	Text         string
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Text
	}
	return fmt.Sprintf("%s, line %d: %s", e.File, e.Line, e.Text)
}

// Compiler compiles Python source as MicroPython does, for .mpy version 6. Any
// number of goroutines may use it; they share a few instances.
type Compiler struct {
	slots chan struct{} // one per instance that may run
	limit time.Duration // for one file

	mu     sync.Mutex
	idle   []*cross
	rest   *time.Timer // frees what has been idle for long
	held   bool        // the engine
	closed bool
}

// NewCompiler costs nothing yet: the compiler itself is made ready at the first
// file, and freed when none has come for long. Close it. ErrUnavailable without MicroPython in the build.
func NewCompiler(context.Context) (*Compiler, error) {
	if !Available() {
		return nil, ErrUnavailable
	}
	c := &Compiler{slots: make(chan struct{}, min(runtime.GOMAXPROCS(0), 4)), limit: compileTime}
	c.rest = time.AfterFunc(compilerIdle, c.freeIdle)
	return c, nil
}

// Check tells where and why source does not compile: text is empty when it
// does. Line counts from 1, 0 is unknown; the column is always unknown (0).
// The error says that nothing could be found out: closed, cancelled, too large.
func (c *Compiler) Check(ctx context.Context, name string, source []byte) (line, column int, text string, err error) {
	_, err = c.Compile(ctx, name, source)
	var fault *SyntaxError
	if errors.As(err, &fault) {
		return fault.Line, fault.Column, fault.Text, nil
	}
	return 0, 0, "", err
}

// Compile returns source as a .mpy file, or a *SyntaxError.
func (c *Compiler) Compile(ctx context.Context, name string, source []byte) (mpy []byte, err error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("compile %s: %d bytes are more than the %d that fit", name, len(source), maxSource)
	}
	x, err := c.take(ctx)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", name, err)
	}
	limited, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	mpy, fault, err := x.compile(limited, name, source)
	if err != nil {
		x.close()
		x = nil
	}
	c.put(x)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("compile %s: %w", name, ctx.Err())
	case err != nil:
		return nil, crashed(name, err)
	case fault != nil:
		return nil, fault
	}
	return mpy, nil
}

// Close frees all instances. Those who compile now finish first; who comes
// later is refused.
func (c *Compiler) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	for range cap(c.slots) {
		c.slots <- struct{}{}
	}
	c.rest.Stop()
	c.mu.Lock()
	c.free()
	c.mu.Unlock()
	for range cap(c.slots) {
		<-c.slots
	}
	return nil
}

// free gives all memory back; nobody compiles, and c.mu is held.
func (c *Compiler) free() {
	for _, x := range c.idle {
		x.close()
	}
	if c.held {
		crossEngine.drop()
	}
	c.idle, c.held = nil, false
}

// freeIdle frees unless somebody compiles; who does sets the timer again.
func (c *Compiler) freeIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.slots) == 0 {
		c.free()
	}
}

var errClosed = errors.New("the compiler is closed")

// take waits for its turn and gives an instance.
func (c *Compiler) take(ctx context.Context) (x *cross, err error) {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() {
		if err != nil {
			<-c.slots
		}
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if !c.held {
		if err := crossEngine.hold(ctx); err != nil {
			return nil, err
		}
		c.held = true
	}
	if n := len(c.idle); n > 0 {
		x, c.idle = c.idle[n-1], c.idle[:n-1]
		return x, nil
	}
	return newCross(context.WithoutCancel(ctx))
}

// put gives an instance back; nil for one that is of no more use.
func (c *Compiler) put(x *cross) {
	c.mu.Lock()
	if x != nil {
		c.idle = append(c.idle, x)
	}
	if !c.closed {
		c.rest.Reset(compilerIdle)
	}
	c.mu.Unlock()
	<-c.slots
}
