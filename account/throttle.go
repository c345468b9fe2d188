package account

import (
	"fmt"
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/roost-iot/roost"
)

// Throttled is the cause of a roost.TooMany error of this package.
type Throttled struct {
	Wait time.Duration // until the next try is looked at
}

func (t *Throttled) Error() string { return "wait " + t.Wait.String() }

// throttle counts tries that failed, by key. After a few free ones each costs a
// wait that doubles up to longest; after longest without a try they are forgotten.
type throttle struct {
	mu      sync.Mutex
	free    int
	longest time.Duration
	tries   map[string]*tries
}

type tries struct {
	failed int
	last   time.Time
}

// maxThrottled bounds the memory of a throttle. When it is full of fresh keys,
// the oldest gives way.
const maxThrottled = 10_000

func newThrottle(free int, longest time.Duration) *throttle {
	return &throttle{free: free, longest: longest, tries: map[string]*tries{}}
}

// take counts a try before its outcome is known, so that many at once are many;
// success takes it back. It gives how long to wait when it is too early.
func (t *throttle) take(key string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.tries[key]
	if e == nil {
		t.makeRoom(now)
		e = &tries{}
		t.tries[key] = e
	}
	if now.Sub(e.last) > t.forgetAfter() {
		e.failed = 0
	}
	if wait := e.last.Add(t.wait(e.failed)).Sub(now); wait > 0 {
		return wait
	}
	e.failed++
	e.last = now
	return 0
}

// wait is how long after the last try the next one is looked at.
func (t *throttle) wait(failed int) time.Duration {
	if failed < t.free {
		return 0
	}
	return time.Duration(min(float64(t.longest), float64(time.Second)*math.Pow(2, float64(min(failed-t.free, 40)))))
}

func (t *throttle) forgetAfter() time.Duration { return max(t.longest, 15*time.Minute) }

// forgive forgets the failures of key.
func (t *throttle) forgive(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tries, key)
}

// giveBack takes one try back.
func (t *throttle) giveBack(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.tries[key]; e != nil && e.failed > 0 {
		e.failed--
	}
}

func (t *throttle) makeRoom(now time.Time) {
	if len(t.tries) < maxThrottled {
		return
	}
	var oldest string
	var at time.Time
	for key, e := range t.tries {
		if now.Sub(e.last) > t.forgetAfter() {
			delete(t.tries, key)
		} else if oldest == "" || e.last.Before(at) {
			oldest, at = key, e.last
		}
	}
	if len(t.tries) >= maxThrottled {
		delete(t.tries, oldest)
	}
}

// remoteKey is what tries from an address are counted by: the address without
// its port; the /64 of an IPv6 one, because one machine has all of it.
func remoteKey(remote string) string {
	addr, err := netip.ParseAddr(remote)
	if err != nil {
		ap, err := netip.ParseAddrPort(remote)
		if err != nil {
			return remote
		}
		addr = ap.Addr()
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return remote
	}
	return prefix.String()
}

func tooMany(wait time.Duration) error {
	wait = max(wait.Round(time.Second), time.Second)
	in := fmt.Sprintf("%d seconds", int(wait.Seconds()))
	if wait > 2*time.Minute {
		in = fmt.Sprintf("%d minutes", int(math.Ceil(wait.Minutes())))
	} else if wait == time.Second {
		in = "a second"
	}
	return roost.Because(roost.TooMany, &Throttled{Wait: wait}, "Too many wrong tries; try again in %s.", in)
}
