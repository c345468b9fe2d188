package agent

import "time"

// Bounds of how long a thing may be silent.
const (
	leastSilence = 20 * time.Second
	mostSilence  = 6 * time.Hour
	mostGap      = 10 * time.Minute // that is learnt from how it comes
)

// silence is how long the thing may be silent: 2.5 times what lies between its syncs. One
// that waits beside this one counts, too: nothing is to be heard until it is answered.
func (t *thing) silence(wait time.Duration) time.Duration {
	every := wait
	if w, ok := t.d.cfg.Releases.Wanted(t.ref); ok && w.Settings.Battery {
		every = max(every, time.Duration(w.Settings.Management)*time.Second)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiter != nil {
		every = max(every, time.Until(t.until))
	}
	every = max(every, t.gap)
	return max(min(every*5/2, mostSilence), every*5/4, leastSilence)
}

// cameAgain learns how long lies between the syncs of the thing. What lay between two only
// once was no rhythm of its own: it was away. One that comes early now and then is not
// late later. The caller holds t.mu.
func (t *thing) cameAgain(now time.Time) {
	if !t.lastAt.IsZero() {
		pause := now.Sub(t.lastAt)
		t.gap = min(max(min(pause, t.pause), t.gap*7/8), mostGap)
		t.pause = pause
	}
	t.lastAt = now
}
