package pythings

import (
	"sync"
	"time"
)

// Bounds of registrations of one thing from one address. A device that cannot read
// answers registers every 3 s for ever; one that moves to a new app starts a few times
// within a minute.
const (
	startBurst = 20
	startEvery = 5 * time.Second
	// mostUnlocks is how many preregistrations are decrypted at one time.
	mostUnlocks = 4
)

// mostBuckets bounds what a limiter remembers.
const mostBuckets = 10_000

// bucket lets burst events pass at once and then one each time that every has gone by.
type bucket struct {
	level float64 // what was taken and has not come back
	at    time.Time
}

// take tells whether one more may pass.
func (b *bucket) take(now time.Time, burst int, every time.Duration) bool {
	if gone := now.Sub(b.at); gone > 0 {
		b.level = max(0, b.level-float64(gone)/float64(every))
		b.at = now
	}
	if b.level+1 > float64(burst) {
		return false
	}
	b.level++
	return true
}

// limiter has a bucket for each key.
type limiter struct {
	burst int
	every time.Duration

	mu      sync.Mutex
	buckets map[string]*bucket
}

func (l *limiter) take(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[key]
	if b == nil {
		if len(l.buckets) >= mostBuckets {
			l.sweep(now)
		}
		if l.buckets == nil {
			l.buckets = map[string]*bucket{}
		}
		b = &bucket{at: now}
		l.buckets[key] = b
	}
	return b.take(now, l.burst, l.every)
}

// sweep forgets the buckets that are empty again, or all when none is; the caller
// holds l.mu.
func (l *limiter) sweep(now time.Time) {
	whole := time.Duration(l.burst) * l.every
	for key, b := range l.buckets {
		if now.Sub(b.at) >= whole {
			delete(l.buckets, key)
		}
	}
	if len(l.buckets) >= mostBuckets {
		clear(l.buckets)
	}
}
