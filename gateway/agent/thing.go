package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	wire "github.com/roost-iot/roost/wire/agent"
)

// thing is what is known of a thing. It is the thing's Link.
type thing struct {
	d   *Door
	ref roost.Ref

	turn sync.Mutex // held over the disk: one call of a thing at a time; taken before mu

	mu      sync.Mutex
	facts   roost.Agent // what it points at is replaced, never changed
	gone    bool
	waiter  *waiter        // of the sync that waits; nil: none does
	sets    map[string]set // that it was not given or has not answered, by command
	order   []string       // of sets, as they came
	gap     time.Duration  // between its syncs, the longest of late
	pause   time.Duration  // between the last two
	until   time.Time      // when the sync that waits is answered at the latest
	lastAt  time.Time      // of its last sync
	before  string         // the boot before the one that it has now
	memory  int64          // free bytes, as it told last; so are IP and RSSI
	ip      string
	rssi    int           // dBm
	newest  int64         // time of the newest entry that it sent in this boot, in ms; 0: none
	kept    int64         // the latest time at which something of it is kept, in ms
	looked  bool          // kept counts what was there at the start, too
	aheadIn string        // the boot in whose log it stands that its clock is ahead
	up      time.Duration // that the boot ran which it has now, as it told last; 0: not told
	given   time.Time     // when it was given what it was given last
	offered time.Time     // when its offer was in an answer last
}

// waiter is a sync that waits for news.
type waiter struct {
	news      chan struct{} // of size 1
	displaced chan struct{} // closed when another sync waits
}

// set is a value on its way to a thing.
type set struct {
	cmd   roost.Command
	given time.Time // zero: not yet
	over  chan error
}

func newThing(d *Door, a roost.Agent) *thing {
	return &thing{d: d, ref: a.Ref, facts: a, sets: map[string]set{}}
}

// now gives what is known of the thing.
func (t *thing) now() roost.Agent {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.facts
}

// change makes f of what is known and keeps it; the caller holds t.turn. Errors:
// roost.Unavailable, or errUnknown when the thing was deleted, and nothing has changed.
func (t *thing) change(ctx context.Context, f func(a *roost.Agent)) error {
	return t.changeBy(f, func(next roost.Agent) error { return t.d.cfg.Store.SaveAgent(ctx, next) })
}

// changeBy is change for who keeps it by himself, together with something else.
func (t *thing) changeBy(f func(a *roost.Agent), save func(next roost.Agent) error) error {
	t.mu.Lock()
	next, gone := t.facts, t.gone
	t.mu.Unlock()
	if gone {
		return errUnknown
	}
	f(&next)
	if err := save(next); err != nil {
		return roost.Because(roost.Unavailable, err, "What the thing says cannot be stored at present.")
	}
	t.mu.Lock()
	t.facts = next
	t.mu.Unlock()
	return nil
}

// isGone tells that what t stood for was deleted.
func (t *thing) isGone() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.gone
}

// wake tells the sync that waits, if one does, that there may be news.
func (t *thing) wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiter == nil {
		return
	}
	select {
	case t.waiter.news <- struct{}{}:
	default:
	}
}

// wait makes a sync the one that waits, until a time; the one that did is answered. The caller
// ends it with leave.
func (t *thing) wait(until time.Time) *waiter {
	w := &waiter{news: make(chan struct{}, 1), displaced: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiter != nil {
		close(t.waiter.displaced)
	}
	t.waiter, t.until = w, until
	return w
}

// leave ends a wait.
func (t *thing) leave(w *waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiter == w {
		t.waiter = nil
	}
}

// mostSets bounds the values on their way to one thing.
const mostSets = 64

// Send implements gateway.Link. It returns when the thing has answered.
func (t *thing) Send(ctx context.Context, c roost.Command) error {
	switch {
	case c.Kind == roost.Refresh: // its values come by themselves
		return t.d.cfg.Core.Answer(ctx, gateway.Answer{Ref: c.Ref, ID: c.ID, State: roost.Done})
	case c.Kind != roost.Set:
		return roost.Errorf(roost.Conflict, "A thing of this kind takes no %s.", c.Kind)
	}
	over, err := t.admit(c)
	if err != nil {
		return err
	}
	t.wake()
	select {
	case err := <-over:
		return err
	case <-ctx.Done():
		t.endSet(c.ID, nil)
		return ctx.Err()
	}
}

// admit takes a value on its way to the thing; what it gives gets the end. Errors:
// command.ErrGone, roost.TooMany.
func (t *thing) admit(c roost.Command) (<-chan error, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone {
		return nil, command.ErrGone
	}
	if len(t.sets) >= mostSets {
		return nil, roost.Errorf(roost.TooMany, "Too many values are on their way to this thing.")
	}
	over := make(chan error, 1)
	t.sets[c.ID] = set{cmd: c, over: over}
	t.order = append(t.order, c.ID)
	return over, nil
}

// endSet ends the wait of Send with err, and gives its command. false: nobody waits.
func (t *thing) endSet(id string, err error) (roost.Command, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.sets[id]
	if !ok {
		return roost.Command{}, false
	}
	delete(t.sets, id)
	for i, o := range t.order {
		if o == id {
			t.order = append(t.order[:i:i], t.order[i+1:]...)
			break
		}
	}
	s.over <- err
	return s.cmd, true
}

// endSets ends the sets that the thing was given; all: those that it was not, too.
func (t *thing) endSets(err error, all bool) {
	t.mu.Lock()
	var ids []string
	for id, s := range t.sets {
		if all || !s.given.IsZero() {
			ids = append(ids, id)
		}
	}
	t.mu.Unlock()
	for _, id := range ids {
		t.endSet(id, err)
	}
}

// Close implements gateway.Link: the thing was deleted, or is another door's.
func (t *thing) Close(string) { t.endSets(command.ErrGone, true) }

// end makes t useless: what it stood for was deleted.
func (t *thing) end() {
	t.mu.Lock()
	t.gone = true
	t.mu.Unlock()
	t.endSets(command.ErrGone, true)
	t.wake()
}

// setCommand is a set as a thing is given it.
func setCommand(c roost.Command) (wire.Command, error) {
	body, err := json.Marshal(wire.SetBody{Name: c.Resource, Value: c.Value})
	if err != nil {
		return wire.Command{}, fmt.Errorf("encode a set: %w", err)
	}
	return wire.Command{ID: c.ID, Kind: string(roost.Set), Body: roost.Value(body)}, nil
}
