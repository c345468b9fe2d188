package gateway

import (
	"sync"
	"time"
)

// mostBuckets bounds what a Limiter remembers.
const mostBuckets = 20_000

// Limiter lets Burst calls of one key pass at once, and then one each time that Every
// has gone by. What it remembers is bounded: under a storm of keys it forgets, and lets
// more pass. Its methods may be called from many goroutines.
type Limiter struct {
	Burst int
	Every time.Duration

	mu   sync.Mutex
	full map[string]time.Time // when the bucket of a key will be empty again
}

// Take tells whether one more call of key may pass.
func (l *Limiter) Take(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	until := l.full[key]
	if until.Before(now) {
		until = now
	}
	if until.Sub(now) > time.Duration(l.Burst-1)*l.Every {
		return false
	}
	if len(l.full) >= mostBuckets {
		l.sweep(now)
	}
	if l.full == nil {
		l.full = map[string]time.Time{}
	}
	l.full[key] = until.Add(l.Every)
	return true
}

// sweep forgets the buckets that are empty, or all when none is; the caller holds l.mu.
func (l *Limiter) sweep(now time.Time) {
	for key, until := range l.full {
		if !until.After(now) {
			delete(l.full, key)
		}
	}
	if len(l.full) >= mostBuckets {
		clear(l.full)
	}
}
