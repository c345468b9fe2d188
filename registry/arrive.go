package registry

import (
	"cmp"
	"context"
	"net"
	"strconv"
	"time"

	"github.com/roost-iot/roost"
)

// Arrival is a thing that made itself heard at a door.
type Arrival struct {
	Project   roost.ProjectID
	Identity  roost.Identity
	ID        roost.ThingID // wanted for a thing that is new; "": made of Identity.Own
	Protocol  roost.Protocol
	Address   string
	Gateway   string // a far gateway that vouches for it
	Trusted   bool   // it showed a credential that a person made for it
	Restarted bool
	Bound     bool          // present as long as its connection
	Silence   time.Duration // how long it may be silent; 0: Config.Presence
}

// vouched tells that it needs no approval.
func (a Arrival) vouched() bool { return a.Gateway != "" || a.Trusted }

// Arrive finds the thing of an arrival or makes one, and marks it present. fresh:
// it was not present before, or has restarted. Errors: roost.Invalid for an id of
// no use, roost.Denied when it is not let in, roost.TooMany when there is no room for another.
func (r *Registry) Arrive(ctx context.Context, a Arrival) (t roost.Thing, fresh bool, err error) {
	if a.Project == "" {
		a.Project = roost.Home
	}
	for {
		now := time.Now()
		e, made, err := r.findOrMake(a, now)
		if err != nil {
			return roost.Thing{}, false, err
		}
		if made {
			// The row must stand before its readings and commands do.
			if err := r.store.SaveThing(ctx, e.snapshot()); err != nil {
				r.drop(e)
				return roost.Thing{}, false, roost.Because(roost.Unavailable, err, "A new thing cannot be stored at present.")
			}
			r.log.Info("thing appeared", "thing", e.ref.Thing, "protocol", string(a.Protocol), "remote", a.Address)
		}
		t, fresh, gone, err := r.receive(e, a, made, now)
		if !gone {
			return t, fresh, err
		}
	}
}

// receive marks the thing of an arrival present. gone: it was forgotten since it
// was found, and is to be looked for again.
func (r *Registry) receive(e *entry, a Arrival, made bool, now time.Time) (t roost.Thing, fresh, gone bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.gone && made: // pushed out by others while its row was written
		r.enqueue(e) // the flush deletes the row
		return t, false, false, roost.Errorf(roost.Unavailable, "Too many things come at once; try again in a moment.")
	case e.gone:
		return t, false, true, nil
	case e.thing.Enrolment == roost.Ignored:
		e.thing.LastHeard = now
		return e.thing, false, false, roost.Errorf(roost.Denied, "Thing %q is ignored here.", e.thing.Thing)
	}
	fresh = r.welcome(e, a, now)
	if a.Restarted && !made && e.thing.Enrolment == roost.Enrolled {
		r.reset(e, now)
		fresh = true
	}
	return e.thing, fresh || made, false, nil
}

// welcome brings e up to date with an arrival and tells whether it was away.
func (r *Registry) welcome(e *entry, a Arrival, now time.Time) bool {
	was := e.thing
	e.bound, e.silence = a.Bound, a.Silence
	e.thing.Address, e.thing.Gateway = a.Address, a.Gateway
	if a.Protocol != "" {
		e.thing.Protocol = a.Protocol
	}
	if a.vouched() && e.thing.Enrolment == roost.Waiting {
		e.thing.Enrolment = roost.Enrolled
		r.waiting.leave(e)
	}
	r.heard(e, now)
	if e.moved(now) || was.Gateway != e.thing.Gateway || was.Protocol != e.thing.Protocol || was.Enrolment != e.thing.Enrolment {
		e.changed = true
		r.enqueue(e)
		if was.Online { // heard has not told of it
			r.publish(e, now)
		}
	}
	return !was.Online
}

// samePort is how long the change of a mere port is no news: a thing that always
// sends from another one would be an event with every sign of life.
const samePort = 5 * time.Minute

// moved tells whether the address differs from the one last told; the caller
// holds e.mu.
func (e *entry) moved(now time.Time) bool {
	if e.thing.Address == e.told {
		return false
	}
	return host(e.thing.Address) != host(e.told) || now.Sub(e.toldAt) >= samePort
}

// host is an address without its port.
func host(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return address
}

// heard is a sign of life; the caller holds e.mu.
func (r *Registry) heard(e *entry, now time.Time) {
	e.thing.LastHeard = now
	if e.thing.Enrolment == roost.Waiting {
		r.waiting.heard(e)
	}
	if !e.thing.Online {
		e.thing.Online, e.thing.OnlineSince = true, now
		e.changed = true
		r.enqueue(e)
		r.publish(e, now)
		return
	}
	if now.Sub(e.saved) > time.Minute {
		e.saved = now
		e.changed = true
		r.enqueue(e)
	}
}

// reset forgets the values of a thing that has restarted; the caller holds e.mu.
// The next flush deletes them in the store.
func (r *Registry) reset(e *entry, now time.Time) {
	e.resources, e.cleared = nil, true
	r.enqueue(e)
	r.feed.Publish(&roost.Event{Kind: roost.ThingReset, Ref: e.thing.Ref, At: now})
}

// findOrMake looks an identity up, and makes a thing for it if it may come in.
func (r *Registry) findOrMake(a Arrival, now time.Time) (e *entry, made bool, err error) {
	key := identity{a.Project, a.Identity}
	r.mu.RLock()
	e = r.identities[key]
	r.mu.RUnlock()
	if e != nil {
		return e, false, nil
	}
	id := roost.CleanThingID(cmp.Or(string(a.ID), a.Identity.Own))
	if id == "" {
		return nil, false, roost.Errorf(roost.Invalid, "A thing needs an id that is not empty.")
	}
	if !a.vouched() && r.cfg.Enrolment == EnrolClosed {
		return nil, false, roost.Errorf(roost.Denied, "Enrolment is closed: thing %q is not known here.", id)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e = r.identities[key]; e != nil {
		return e, false, nil
	}
	waits := !a.vouched() && r.cfg.Enrolment == EnrolApprove
	if waits {
		r.dropLongestSilent()
	}
	if len(r.things) >= r.cfg.MaxThings {
		return nil, false, roost.Errorf(roost.TooMany, "There are %d things here, as many as Roost keeps; delete some to let thing %q in.", len(r.things), id)
	}
	e = newEntry(roost.Thing{
		Ref:      roost.Ref{Project: a.Project, Thing: r.freeID(a.Project, id, a.Identity.Door)},
		Identity: a.Identity, Protocol: a.Protocol, Enrolment: roost.Enrolled,
		Address: a.Address, Gateway: a.Gateway, FirstHeard: now, LastHeard: now, OnlineSince: now,
	})
	if waits {
		e.thing.Enrolment = roost.Waiting
		r.waiting.heard(e)
	}
	r.add(e)
	return e, true, nil
}

// freeID gives id, or if another thing has it, one with the door's name behind it.
func (r *Registry) freeID(p roost.ProjectID, id roost.ThingID, door string) roost.ThingID {
	if r.things[roost.Ref{Project: p, Thing: id}] == nil {
		return id
	}
	base := id + "-" + roost.ThingID(door)
	for n, try := 2, base; ; n++ {
		if r.things[roost.Ref{Project: p, Thing: try}] == nil {
			return try
		}
		try = base + "-" + roost.ThingID(strconv.Itoa(n))
	}
}

// dropLongestSilent makes room among the waiting; the caller holds r.mu.
func (r *Registry) dropLongestSilent() {
	if r.waiting.len() < r.cfg.MaxWaiting {
		return
	}
	e := r.waiting.silent()
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gone || e.thing.Enrolment != roost.Waiting {
		return // let in just now: one too many, for once
	}
	r.remove(e)
	r.log.Warn("too many things wait for approval; dropped the one silent longest", "thing", e.ref.Thing)
	e.gone = true
	r.waiting.leave(e)
	r.enqueue(e) // the flush deletes its row
	r.feed.Publish(&roost.Event{Kind: roost.ThingForgotten, Ref: e.thing.Ref, At: time.Now()})
}

func (e *entry) snapshot() roost.Thing {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.thing
}
