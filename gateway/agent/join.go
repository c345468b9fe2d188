package agent

import (
	"context"
	"net/http"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/registry"
	wire "github.com/roost-iot/roost/wire/agent"
)

// join gives a thing without a key an id and a key. It waits for approval then, but where
// everybody is let in.
func (d *Door) join(ctx context.Context, c *call) (any, error) {
	if !d.guests.Take("join "+peer(c.remote), c.now) {
		return nil, errTooOften
	}
	q, pub, err := wire.ParseJoin(c.body)
	if err != nil {
		return nil, err
	}
	pair, err := wire.NewPair()
	if err != nil {
		return nil, err
	}
	own := pair.PublicKey().Bytes()
	key, err := wire.JoinKey(pair, pub, own)
	if err != nil {
		return nil, refused(wire.StateRequest, 0, roost.Invalid, "This public key is of no use.")
	}
	d.joining.RLock()
	defer d.joining.RUnlock()
	ref, waits, err := d.admit(ctx, c, q)
	if err != nil {
		return nil, err
	}
	fresh := roost.Agent{Ref: ref, MAC: q.MAC, Platform: q.Platform, Machine: q.Machine, Python: q.Python, Kind: q.Kind}
	if waits {
		err = d.addJoin(ctx, c, q, key, fresh)
	} else {
		err = d.giveKey(ctx, key, fresh)
	}
	if err != nil {
		return nil, err
	}
	return wire.JoinAnswer{ID: string(ref.Thing), Pub: hexOf(own), MAC: hexOf(key.JoinMAC(string(ref.Thing)))}, nil
}

// admit tells the registry of a thing that joins. A MAC that is enrolled joins no more:
// whoever says that it is his is not believed. waits: a person has to let it in.
func (d *Door) admit(ctx context.Context, c *call, q wire.Join) (of roost.Ref, waits bool, err error) {
	id := roost.ThingID("roost-" + q.MAC)
	identity := roost.Identity{Door: doorName, Own: q.MAC}
	taken := func(t roost.Thing) bool { return t.Identity == identity && t.Enrolment == roost.Enrolled }
	for _, ref := range d.ofMAC(q.MAC, id) {
		t, _, ok := d.cfg.Registry.Get(ref)
		if ok && t.Identity == identity && d.unheard(ref) {
			continue
		}
		if ok && (taken(t) || t.Enrolment == roost.Enrolled && t.Identity.Door == doorName) {
			return ref, false, refused(wire.StateEnrolled, http.StatusConflict, roost.Conflict,
				"%s is enrolled and has a key; give it another on its page, or delete it, to let it join.", ref.Thing)
		}
	}
	standing, err := d.cfg.Core.Arrive(ctx, gateway.Arrival{
		Project: d.cfg.Project, Identity: identity, ID: id, Protocol: roost.Runtime, Address: c.remote, Silence: 10 * time.Minute,
	})
	if roost.KindOf(err) == roost.Denied {
		return standing.Ref, false, refused(wire.StateIgnored, 0, roost.Denied, "%s", roost.Message(err))
	}
	return standing.Ref, standing.Enrolment == roost.Waiting, err
}

// unheard tells a thing that was let in by no person, as all are here, and has never come by
// a key: it did not get the answer to its join, or Roost ended before it had one to keep.
func (d *Door) unheard(ref roost.Ref) bool {
	if d.cfg.Registry.Policy() != registry.EnrolOpen {
		return false
	}
	t := d.known(ref)
	if t == nil {
		return true
	}
	a := t.now()
	return a.Boot == "" && len(a.Joins) == 0
}

// ofMAC gives the things that are known by a MAC.
func (d *Door) ofMAC(mac string, id roost.ThingID) []roost.Ref {
	refs := []roost.Ref{{Project: d.cfg.Project, Thing: id}}
	for _, t := range d.all() {
		if a := t.now(); a.MAC == mac && a.Ref != refs[0] {
			refs = append(refs, a.Ref)
		}
	}
	return refs
}

// hello begins a session.
func (d *Door) hello(ctx context.Context, c *call) (any, error) {
	t, nonce, err := d.greeted(ctx, c)
	if err != nil {
		return nil, err
	}
	own, id, now := wire.NewNonce(), wire.NewSessionID(), time.Now().UnixMilli()
	key := d.sessions.begin(t, func(key wire.Key) *session {
		return &session{Session: wire.NewSession(key, nonce, own, id), thing: t, from: peer(c.remote)}
	})
	return wire.HelloAnswer{Session: id.String(), Nonce: hexOf(own[:]), Now: now, MAC: hexOf(key.HelloMAC(nonce, own, id, now))}, nil
}

// time tells the time to who cannot check a certificate yet.
func (d *Door) time(ctx context.Context, c *call) (any, error) {
	t, nonce, err := d.greeted(ctx, c)
	if err != nil {
		return nil, err
	}
	now := time.Now().UnixMilli()
	key := wire.Key(t.now().Key)
	return wire.TimeAnswer{Now: now, MAC: hexOf(key.TimeMAC(nonce, now))}, nil
}

// greeted finds the thing that somebody says to be. Errors: errUnknown, roost.Denied
// while it waits.
func (d *Door) greeted(ctx context.Context, c *call) (*thing, wire.Nonce, error) {
	q, nonce, err := wire.ParseHello(c.body)
	if err != nil {
		return nil, nonce, err
	}
	ref := roost.Ref{Project: d.cfg.Project, Thing: roost.ThingID(q.ID)}
	t := d.known(ref)
	known, _, ok := d.cfg.Registry.Get(ref)
	if t == nil || !ok || t.now().Key == [32]byte{} { // of a join that is under way
		if !d.guests.Take("hello "+peer(c.remote), c.now) {
			return nil, nonce, errTooOften
		}
		return nil, nonce, errUnknown
	}
	if !d.guests.Take("id "+q.ID+" "+peer(c.remote), c.now) {
		return nil, nonce, errTooOften
	}
	if known.Enrolment == roost.Enrolled {
		return t, nonce, nil
	}
	return nil, nonce, d.waits(ctx, c, known)
}

// waits notes that a thing that waits is there, and says so.
func (d *Door) waits(ctx context.Context, c *call, known roost.Thing) error {
	_, err := d.cfg.Core.Arrive(ctx, gateway.Arrival{
		Project: known.Project, Identity: known.Identity, ID: known.Thing, Protocol: roost.Runtime, Address: c.remote, Silence: 10 * time.Minute,
	})
	if known.Enrolment == roost.Ignored || roost.KindOf(err) == roost.Denied {
		return refused(wire.StateIgnored, 0, roost.Denied, "%s is ignored here.", known.Thing)
	}
	if err != nil {
		return err
	}
	return refused(wire.StateWaiting, 0, roost.Denied,
		"%s waits for approval: let it in on the page of new things, or with: roost thing approve %s", known.Thing, known.Thing)
}
