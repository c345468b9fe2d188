package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

const (
	// mostJoins bounds the keys that wait for one thing.
	mostJoins = 16
	// mostJoinsOf bounds those that one address asked for: the first and the last.
	mostJoinsOf = 2
)

// addJoin notes a key that was given to who says to be a thing that waits. The first stays
// the thing's unless a person names another. Errors: roost.TooMany, roost.Unavailable.
func (d *Door) addJoin(ctx context.Context, c *call, q wire.Join, key wire.Key, fresh roost.Agent) error {
	return d.keyed(fresh, func(t *thing) error { return t.addJoin(ctx, c, q, key) })
}

// addJoin notes a key that was given in the name of t; the caller holds t.turn.
func (t *thing) addJoin(ctx context.Context, c *call, q wire.Join, key wire.Key) error {
	if known, _, ok := t.d.cfg.Registry.Get(t.ref); ok && known.Enrolment == roost.Enrolled {
		return refused(wire.StateLater, 0, roost.Unavailable, "%s was let in just now.", t.ref.Thing)
	}
	j := roost.Join{Key: key[:], Print: key.Print(), Address: host(c.remote), Platform: q.Platform, Machine: q.Machine, At: c.now.UTC()}
	all, ok := withJoin(joinsOf(t.now()), j)
	if !ok {
		return refused(wire.StateLater, 0, roost.TooMany, "Too many keys wait for %s: let one in, or delete it.", t.ref.Thing)
	}
	err := t.change(ctx, func(a *roost.Agent) {
		if a.Joins = all; len(all) == 1 {
			a.Key, a.Platform, a.Machine, a.Python, a.Kind, a.MAC = key, q.Platform, q.Machine, q.Python, q.Kind, q.MAC
		}
	})
	if err == nil && len(all) > 1 {
		t.d.write(t.ref, "warn", fmt.Sprintf("another key was asked for in the name of this thing: %s from %s", j.Print, j.Address), "")
	}
	return err
}

// joinsOf gives the keys that wait for a thing, one that was given before they were noted, too.
func joinsOf(a roost.Agent) []roost.Join {
	if len(a.Joins) > 0 || a.Key == [32]byte{} {
		return a.Joins
	}
	key := wire.Key(a.Key)
	return []roost.Join{{Key: key[:], Print: key.Print(), Platform: a.Platform, Machine: a.Machine}}
}

// withJoin adds j. Of one address the first and the last are kept; false: there are too many.
func withJoin(all []roost.Join, j roost.Join) ([]roost.Join, bool) {
	all = slices.Clone(all)
	var same []int
	for i := range all {
		if peer(all[i].Address) == peer(j.Address) {
			same = append(same, i)
		}
	}
	if len(same) >= mostJoinsOf {
		all = slices.Delete(all, same[len(same)-1], same[len(same)-1]+1)
	}
	if len(all) >= mostJoins {
		return all, false
	}
	return append(all, j), true
}

// keyless is what may be shown of joins.
func keyless(all []roost.Join) (shown []roost.Join) {
	for _, j := range all {
		j.Key = nil
		shown = append(shown, j)
	}
	return shown
}

// Choose makes the key that a person names by its print that of a thing that waits; "" is
// the only one. Errors: roost.Conflict when several were asked for and none is named,
// roost.NotFound when there is none such.
func (d *Door) Choose(ctx context.Context, ref roost.Ref, mark string) error {
	known, _, ok := d.cfg.Registry.Get(ref)
	d.joining.Lock() // it may be seen already, and have no key yet
	t := d.known(ref)
	d.joining.Unlock()
	if t == nil && ok && known.Enrolment == roost.Waiting && known.Identity.Door == doorName {
		return roost.Errorf(roost.Conflict, "%s has no key yet: Roost ended while it joined. It does so again by itself; let it in then.", ref.Thing)
	}
	if t == nil {
		if mark == "" {
			return nil
		}
		return roost.Errorf(roost.NotFound, "%s did not join by a key.", ref.Thing)
	}
	t.turn.Lock()
	defer t.turn.Unlock()
	if known, _, ok = d.cfg.Registry.Get(ref); !ok || known.Enrolment == roost.Enrolled {
		return nil // there is no choice, or no thing
	}
	all := joinsOf(t.now())
	if mark == "" && len(all) < 2 {
		return nil
	}
	if mark == "" {
		return roost.Errorf(roost.Conflict, "%d keys were asked for in the name of %s: %s. Compare with what the board itself tells (\"Joined …, key …\"), "+
			"and name the one: roost thing approve --key KEY %s", len(all), ref.Thing, listed(all), ref.Thing)
	}
	i := slices.IndexFunc(all, func(j roost.Join) bool { return strings.EqualFold(j.Print, mark) })
	if i < 0 {
		return roost.Errorf(roost.NotFound, "No key %s was asked for in the name of %s.", mark, ref.Thing)
	}
	return t.change(ctx, func(a *roost.Agent) {
		copy(a.Key[:], all[i].Key)
		a.Platform, a.Machine, a.Joins = all[i].Platform, all[i].Machine, all[i:i+1:i+1]
	})
}

// listed tells of joins for people, each with its address and time.
func listed(all []roost.Join) string {
	var parts []string
	for _, j := range all {
		text := j.Print
		if j.Address != "" {
			text += " from " + j.Address
		}
		if !j.At.IsZero() {
			text += " at " + j.At.Format(time.RFC3339)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}
