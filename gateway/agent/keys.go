package agent

import (
	"context"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

// NewKey gives a thing another key; the old one and all sessions are void. Errors:
// roost.NotFound for what did not come by this door, roost.Unavailable.
func (d *Door) NewKey(ctx context.Context, ref roost.Ref) (wire.Key, error) {
	known, _, ok := d.cfg.Registry.Get(ref)
	if !ok || known.Identity.Door != doorName {
		return wire.Key{}, roost.Errorf(roost.NotFound, "%s does not run Roost's own runtime.", ref.Thing)
	}
	key := wire.NewKey()
	return key, d.giveKey(ctx, key, roost.Agent{Ref: ref})
}

// giveKey makes key that of a thing, of which fresh is known if nothing else is. Error:
// roost.Unavailable, and it has the key that it had.
func (d *Door) giveKey(ctx context.Context, key wire.Key, fresh roost.Agent) error {
	return d.keyed(fresh, func(t *thing) error {
		if err := t.change(ctx, func(a *roost.Agent) { a.Key, a.Joins = key, nil }); err != nil {
			return err
		}
		d.sessions.drop(t.ref)
		t.wake()
		return nil
	})
}

// keyed has change give a key to a thing, of which fresh is known if nothing else is; change
// holds t.turn. Who comes at the same time for one thing finds the same, or it would have one
// key in memory and another on disk. A thing that got no key then, and had none, is dropped.
func (d *Door) keyed(fresh roost.Agent, change func(t *thing) error) error {
	t := d.enter(fresh)
	defer t.turn.Unlock()
	err := change(t)
	if err != nil && t.now().Key == [32]byte{} {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.things[t.ref] == t {
			delete(d.things, t.ref)
		}
	}
	return err
}

// enter gives a thing, made of fresh if nothing is known, when t.turn is the caller's.
func (d *Door) enter(fresh roost.Agent) *thing {
	for {
		d.mu.Lock()
		t := d.things[fresh.Ref]
		if t == nil {
			t = newThing(d, fresh)
			d.things[fresh.Ref] = t
		}
		d.mu.Unlock()
		t.turn.Lock()
		if d.known(fresh.Ref) == t || t.isGone() {
			return t
		}
		t.turn.Unlock() // it got no key and was dropped meanwhile
	}
}
