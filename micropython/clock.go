package micropython

import (
	"slices"
	"sync"
	"time"
)

// Clock is a time that passes only where a board waits and nothing is under way to or
// from it: then at once. With a connection of which that cannot be known waiting takes as
// long as it does for anybody, so the network must say so: see Settled.
type Clock struct {
	mu     sync.Mutex
	at     time.Time
	timers []*clockTimer
}

// clockTimer is a function that waits for its time.
type clockTimer struct {
	at time.Time
	do func()
}

// Settled is what a net.Conn or a net.Listener that a hook of BoardConfig gave may have,
// too: whether its other end waits, so that nothing comes unless the board sends something
// or a function of Clock.At is called.
type Settled interface{ Settled() bool }

// NewClock gives one that stands at start.
func NewClock(start time.Time) *Clock { return &Clock{at: start} }

// Now is the time at which it stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// At has do called when the clock comes to at, by whoever moves it; stop makes that
// void. do must not wait.
func (c *Clock) At(at time.Time, do func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &clockTimer{at: at, do: do}
	c.timers = append(c.timers, t)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.timers = slices.DeleteFunc(c.timers, func(x *clockTimer) bool { return x == t })
	}
}

// Advance moves it on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.at = c.at.Add(d)
	var due []*clockTimer
	c.timers = slices.DeleteFunc(c.timers, func(t *clockTimer) bool {
		if t.at.After(c.at) {
			return false
		}
		due = append(due, t)
		return true
	})
	c.mu.Unlock()
	for _, t := range due {
		t.do()
	}
}

// step advances by d, but not past the next function that waits.
func (c *Clock) step(d time.Duration) {
	c.mu.Lock()
	for _, t := range c.timers {
		d = min(d, max(0, t.at.Sub(c.at)))
	}
	c.mu.Unlock()
	c.Advance(d)
}
