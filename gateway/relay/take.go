package relay

import (
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
)

const (
	// firstWait doubles up to lastWait while Core has no room.
	firstWait = 5 * time.Millisecond
	lastWait  = time.Second
	// complainEvery keeps a full store from filling the log.
	complainEvery = 10 * time.Second
	// abreast is how many things' entries a slow Core gets side by side.
	abreast = 64
)

// step is an entry and its thing; reports that follow each other are one step.
type step struct {
	t   *distant
	e   *Entry
	old bool
}

// takeAll gives entries to Core, in order. old tells which are of the time before
// this connection. The error ends the connection.
func (v *visit) takeAll(list []Entry, old func(i int) bool) error {
	steps := v.steps(list, old)
	if v.s.cfg.Slow && len(steps) > 1 {
		return v.sideBySide(steps)
	}
	for i := range steps {
		if err := v.one(steps[i].t, steps[i].e, steps[i].old); err != nil {
			return err
		}
	}
	return nil
}

// steps finds the things of entries and joins reports.
func (v *visit) steps(list []Entry, old func(i int) bool) []step {
	steps := make([]step, 0, len(list))
	for i := range list {
		e := &list[i]
		if e.Kind == 0 {
			v.warn("entry of a gateway makes no sense; it is skipped", nil)
			continue
		}
		if e.Kind == Begun {
			continue
		}
		if e.Kind == Ended {
			v.g.ended(e)
			continue
		}
		t := v.thing(e.Key)
		if t == nil {
			v.warn("too many things at a gateway; one is not taken", nil)
			continue
		}
		if n := len(steps); e.Kind == Reported && n > 0 && steps[n-1].t == t && steps[n-1].old == old(i) {
			if last := steps[n-1].e; last.Kind == Reported && len(last.Values)+len(e.Values) <= maxValues {
				last.Values = append(last.Values, e.Values...)
				continue
			}
		}
		steps = append(steps, step{t, e, old(i)})
	}
	return steps
}

// sideBySide takes steps of different things at the same time, those of one in order.
func (v *visit) sideBySide(steps []step) error {
	var order []*distant
	of := map[*distant][]step{}
	for _, s := range steps {
		if of[s.t] == nil {
			order = append(order, s.t)
		}
		of[s.t] = append(of[s.t], s)
	}
	var work sync.WaitGroup
	var mu sync.Mutex
	var first error
	room := make(chan struct{}, abreast)
	for _, t := range order {
		room <- struct{}{}
		work.Go(func() {
			defer func() { <-room }()
			for _, s := range of[t] {
				if err := v.one(s.t, s.e, s.old); err != nil {
					mu.Lock()
					first = err
					mu.Unlock()
					return
				}
			}
		})
	}
	work.Wait()
	return first
}

// ended hands the outcome of a command to whoever waits for it.
func (g *remote) ended(e *Entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w := g.waiting[e.Command]; w != nil {
		select {
		case w.outcome <- *e:
		default: // it has one
		}
	}
}

// thing gives the thing of a key, a new one if need be; nil: there are too many.
func (v *visit) thing(key Key) *distant {
	if t := v.g.things[key]; t != nil {
		return t
	}
	if len(v.g.things) >= v.s.cfg.MaxThings {
		for k, t := range v.g.things {
			if !t.here && !t.late {
				delete(v.g.things, k)
				break
			}
		}
	}
	if len(v.g.things) >= v.s.cfg.MaxThings {
		return nil
	}
	t := &distant{g: v.g, key: key}
	t.ref.Store(&roost.Ref{Project: v.g.project, Thing: roost.CleanThingID(key.Own)})
	v.g.things[key] = t
	return t
}

// one gives an entry to Core. Its error is that of a connection that ends; what Core
// refuses for good is lost, and said in the log.
func (v *visit) one(t *distant, e *Entry, old bool) error {
	var err error
	switch e.Kind {
	case Arrived:
		if e.Protocol != "" {
			t.protocol = e.Protocol
		}
		t.address = e.Address
		if old && t.known && !e.Restarted {
			return nil // who is here now is in the roll
		}
		v.mark(t, old)
		err = v.insist(func() error { return v.arrive(t, e.Restarted) })
	case Reported:
		err = v.report(t, e, old)
	case Left:
		if !old && (t.here || t.late) {
			v.g.leave(v.ctx, t)
		}
	case Answered:
		if !t.known { // said before this server started
			v.mark(t, old)
			if err = v.insist(func() error { return v.arrive(t, false) }); err != nil {
				break
			}
		}
		a := gateway.Answer{Ref: *t.ref.Load(), ID: e.Command, State: e.State, Value: e.Value, Error: e.Error}
		err = v.insist(func() error { return v.s.cfg.Core.Answer(v.ctx, a) })
	}
	if v.ctx.Err() != nil {
		return v.ctx.Err()
	}
	if err != nil && roost.KindOf(err) != roost.Denied {
		v.warn("entry of a gateway not taken; it is lost", err)
	}
	return nil
}

// mark notes that a thing is here, or is so only because of what it said before.
func (v *visit) mark(t *distant, old bool) {
	switch {
	case old && !t.here:
		t.late = true
	case !old && !t.here:
		t.here, t.late = true, false
		v.g.note(func(st *Status) { st.Things++ })
	}
}

func (v *visit) report(t *distant, e *Entry, old bool) error {
	if !t.known || !t.here && !t.late {
		v.mark(t, old)
		if err := v.insist(func() error { return v.arrive(t, false) }); err != nil {
			return err
		}
	}
	err := v.insist(func() error { return v.s.cfg.Core.Report(v.ctx, *t.ref.Load(), e.Values) })
	if roost.KindOf(err) != roost.NotFound {
		return err
	}
	// Deleted by a person, and alive: it comes as a new thing.
	if err := v.insist(func() error { return v.arrive(t, false) }); err != nil {
		return err
	}
	return v.insist(func() error { return v.s.cfg.Core.Report(v.ctx, *t.ref.Load(), e.Values) })
}

// arrive tells Core that a thing is here. Its gateway says when it is gone.
func (v *visit) arrive(t *distant, restarted bool) error {
	standing, err := v.s.cfg.Core.Arrive(v.ctx, gateway.Arrival{
		Project: v.g.project, Identity: roost.Identity{Door: t.key.Door, Own: t.key.Own}, Protocol: t.protocol,
		Address: t.address, Gateway: v.g.name, Restarted: restarted, Bound: true, Link: t,
	})
	if standing.Ref.Thing != "" {
		t.ref.Store(&standing.Ref)
	}
	t.known = t.known || err == nil
	return err
}

// insist repeats f while Core has no room: nothing is acknowledged meanwhile, and so
// the far end waits.
func (v *visit) insist(f func() error) error {
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := f()
		if roost.KindOf(err) != roost.Unavailable || v.ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(wait):
		case <-v.ctx.Done():
			return v.ctx.Err()
		}
	}
}

func (v *visit) warn(what string, err error) {
	v.g.mu.Lock()
	quiet := time.Since(v.complain) < complainEvery
	if !quiet {
		v.complain = time.Now()
	}
	v.g.mu.Unlock()
	if !quiet {
		v.s.cfg.Log.Warn(what, "gateway", v.g.name, "err", err)
	}
}
