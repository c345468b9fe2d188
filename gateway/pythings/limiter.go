package pythings

import (
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
