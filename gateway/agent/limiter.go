package agent

import (
	"sync"
	"time"
)

// mostBuckets bounds what a limiter remembers.
const mostBuckets = 20_000

// limiter lets burst calls of one key pass at once, and then one each time that every
// has gone by.
type limiter struct {
	burst int
	every time.Duration

	mu   sync.Mutex
	full map[string]time.Time // when the bucket of a key will be empty again
}

// take tells whether one more may pass.
func (l *limiter) take(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	until := l.full[key]
	if until.Before(now) {
		until = now
	}
	if until.Sub(now) > time.Duration(l.burst-1)*l.every {
		return false
	}
	if len(l.full) >= mostBuckets {
		l.sweep(now)
	}
	if l.full == nil {
		l.full = map[string]time.Time{}
	}
	l.full[key] = until.Add(l.every)
	return true
}

// sweep forgets the buckets that are empty, or all when none is; the caller holds l.mu.
func (l *limiter) sweep(now time.Time) {
	for key, until := range l.full {
		if !until.After(now) {
			delete(l.full, key)
		}
	}
	if len(l.full) >= mostBuckets {
		clear(l.full)
	}
}
