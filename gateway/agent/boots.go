package agent

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
)

// Boots gives the starts that are kept of a thing, the latest first; false for things that
// do not run the runtime.
func (d *Door) Boots(ctx context.Context, ref roost.Ref) (all []roost.Boot, ok bool, err error) {
	if d.known(ref) == nil {
		return nil, false, nil
	}
	all, err = d.cfg.Store.Boots(ctx, ref)
	return all, true, err
}

// ran is how long the boot that the thing has had ran by its own clock, or between what was
// heard of it first and last; 0: not known. To be asked before the thing is said to be here.
func (t *thing) ran() time.Duration {
	t.mu.Lock()
	up, booted := t.up, t.facts.Booted
	t.mu.Unlock()
	if up > 0 || booted.IsZero() {
		return up
	}
	known, _, _ := t.d.cfg.Registry.Get(t.ref) // Roost was started since
	return max(known.LastHeard.Sub(booted), 0)
}

// runs notes how long a boot has run, in ms.
func (t *thing) runs(boot string, up int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if boot == t.facts.Boot { // not a straggler of an earlier one
		t.up = time.Duration(min(max(up, 0), mostUp)) * time.Millisecond
	}
}

// mostUp bounds how long a thing may say to run, in ms: 250 years.
const mostUp = 1 << 43

// saveBoot keeps the boot of a thing of which a will be known; booted: it is new, and the one
// before it ran so long. The caller holds t.turn. Error: roost.Unavailable.
func (t *thing) saveBoot(ctx context.Context, a roost.Agent, booted bool, ran time.Duration) error {
	b := roost.Boot{Ref: t.ref, Name: a.Boot, At: a.Booted, Reset: a.Reset, Why: a.Why, OS: a.OS.Version, App: a.App.Version}
	if booted {
		b.Before = ran
		t.mu.Lock()
		t.up, t.newest = 0, 0
		t.mu.Unlock()
	}
	if err := t.d.cfg.Store.SaveBoot(ctx, b); err != nil {
		return roost.Because(roost.Unavailable, err, "That the thing has started cannot be stored at present.")
	}
	return nil
}
