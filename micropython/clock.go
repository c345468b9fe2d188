package micropython

import (
	"sync"
	"time"
)

// Clock is a time that passes only where a board waits and has no socket open:
// then at once. With a socket open waiting takes as long as it does for anybody.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock gives one that stands at start.
func NewClock(start time.Time) *Clock { return &Clock{at: start} }

// Now is the time at which it stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves it on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
