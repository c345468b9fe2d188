package agent

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
	wire "github.com/roost-iot/roost/wire/agent"
)

const (
	// offerAgain is how long an offer that nothing was heard of is not repeated.
	offerAgain = 15 * time.Second
	// heldAgain is the same for one that the thing takes another time.
	heldAgain = 10 * time.Minute
	// bootWithin is how soon a thing runs what it has installed.
	bootWithin = 5 * time.Minute
)

// step is a move to a release that a thing shall make.
type step struct {
	releaseName
	running string // version
	part    roost.Slots
	wanted  release.Wanted
}

// steps gives the moves that the thing shall make, the runtime's first.
func (t *thing) steps(a roost.Agent) (all []step) {
	w, ok := t.d.cfg.Releases.Wanted(t.ref)
	if !ok {
		return nil
	}
	if os := t.d.newest(w.Settings.OS); os != "" && os != a.OS.Version {
		next := releaseName{kind: wire.KindOS, ver: os}
		next.profile, next.mpy = t.d.runtimes.formFor(os, a)
		next.down = a.Owner != "" && older(os, a.OS.Version)
		all = append(all, step{next, a.OS.Version, a.OS, w})
	}
	over := overlay(a.Fixes)
	if version := fixedVersion(w.Commit, over); !w.App.Hidden && version != a.App.Version {
		app := releaseName{kind: wire.KindApp, project: t.ref.Project, app: w.App.ID, ver: version, over: over}
		app.down = a.Owner != "" && seqOf(w.Commit) < seqOf(a.App.Version)
		all = append(all, step{app, a.App.Version, a.App, w})
	}
	return all
}

// newest is the version of the runtime that a setting means, "" for none.
func (d *Door) newest(setting string) string {
	if setting == roost.Latest && d.cfg.Runtime != nil {
		return d.cfg.Runtime.Version()
	}
	if d.runtimes.has(setting) {
		return setting
	}
	return ""
}

// update gives what the thing is to be offered now, in an answer of at most most bytes; nil
// for nothing. The caller holds t.turn.
func (t *thing) update(ctx context.Context, most int) (*wire.Update, error) {
	if err := t.settleFixes(ctx); err != nil {
		return nil, err
	}
	a := t.now()
	if a.OS.Trial > 0 || a.App.Trial > 0 {
		return nil, nil
	}
	var first *step
	why := ""
	for _, s := range t.steps(a) {
		m, reason := t.ready(a, s)
		if m == nil && reason == "" {
			return nil, nil // it is being made
		}
		if reason == "" {
			return t.offer(ctx, a, s, m, most)
		}
		if first == nil {
			first, why = &s, reason
		}
	}
	if first != nil {
		return nil, t.hold(ctx, a, *first, why)
	}
	return nil, nil
}

// ready gives the release of a step, or why the thing does not get it; neither: not yet.
func (t *thing) ready(a roost.Agent, s step) (m *made, why string) {
	if f, ok := a.Failures[s.kind]; ok && f.Version == s.ver && f.Again == s.wanted.Again {
		return nil, f.Why
	}
	if slices.Contains(s.part.Bad, s.ver) {
		return nil, "it failed on this thing before"
	}
	key := rolloutKey(t.ref.Project, s.wanted.App.ID, s.wanted.Pool, s.kind, s.ver)
	if n, halted := t.d.rollouts.halted(key); halted {
		return nil, fmt.Sprintf("the rollout was stopped: %d things of the pool %s returned from it", n, s.wanted.Pool)
	}
	if m = t.d.releases.get(s.releaseName); m == nil {
		return nil, ""
	}
	switch {
	case m.fault != "":
		return nil, m.fault
	case a.Owner != "" && m.sigs[a.Owner] == "":
		return nil, "this thing takes only what its owner's release key has signed: " + s.signedBy()
	case s.profile == profileROM && m.bytes(m.use(a.MPY)) > int64(a.ROM):
		return nil, fmt.Sprintf("its image has %d bytes, and the part of this thing's ROM for it %d", m.bytes(m.use(a.MPY)), a.ROM)
	case m.r.MinOS != "" && older(a.OS.Version, m.r.MinOS):
		return nil, "it needs the runtime " + m.r.MinOS
	}
	return m, ""
}

// signedBy is the command that signs what a step is to.
func (s step) signedBy() string {
	command := "roost app sign APP " + s.ver
	if s.kind == wire.KindOS {
		command = "roost runtime sign " + s.ver
	}
	command += " --key FILE"
	if s.down {
		command += " --down"
	}
	return command
}

// offer gives the offer of a release, in an answer of at most most bytes: the one that was
// made, until the thing has taken or refused its number; nil while that need not be repeated.
// The caller holds t.turn.
func (t *thing) offer(ctx context.Context, a roost.Agent, s step, m *made, most int) (*wire.Update, error) {
	sig := m.sigs[a.Owner]
	if a.Owner == "" {
		sig = ""
	}
	o := a.Offer
	if o != nil && o.Release == m.key() && o.Kind == s.kind && o.Version == s.ver && o.Text != "" && o.N > s.part.N && open(o.State) {
		if !t.due(*o) {
			return nil, nil
		}
		return t.fits(ctx, a, s, wire.Key(a.Key).Offer(m.text, o.Text, sig), most)
	}
	n := max(a.N, a.OS.N, a.App.N) + 1
	use := m.use(a.MPY)
	text, err := wire.Text(wire.Envelope{For: string(t.ref.Thing), N: n, Use: use})
	if err != nil {
		return nil, err
	}
	u, err := t.fits(ctx, a, s, wire.Key(a.Key).Offer(m.text, text, sig), most)
	if u == nil || err != nil {
		return nil, err
	}
	err = t.change(ctx, func(a *roost.Agent) {
		a.N = n
		a.Offers = offered(a.Offers, roost.OfferMade{Kind: s.kind, Version: s.ver, App: s.wanted.App.ID, Pool: s.wanted.Pool})
		a.Offer = &roost.Offer{
			Kind: s.kind, Version: s.ver, State: roost.Offered, N: n, Text: text, Release: m.key(), Use: use, Of: m.bytes(use), At: time.Now().UTC(),
		}
	})
	if err != nil {
		return nil, err
	}
	t.d.write(t.ref, "info", fmt.Sprintf("is offered %s %s", word(s.kind), s.ver), "")
	return u, nil
}

// fits gives an offer, or holds one that is longer than any answer that the thing takes: most
// bytes.
func (t *thing) fits(ctx context.Context, a roost.Agent, s step, u wire.Update, most int) (*wire.Update, error) {
	if sizeOf(wire.Answer{Update: &u}) > most {
		return nil, t.hold(ctx, a, s, "its list of files is longer than the answers that this thing takes")
	}
	return &u, nil
}

// bytes is the size of the files that a thing takes.
func (m *made) bytes(use []string) (n int64) {
	for _, name := range use {
		n += m.r.Files[name].Size
	}
	return n
}

// open tells states in which an offer stands.
func open(s roost.OfferState) bool {
	return s == roost.Offered || s == roost.OfferFetching || s == roost.OfferInstalled || s == roost.OfferHeld
}

// due tells whether an offer that stands is to be repeated: the thing has not said that it
// is at it, or not for a while.
func (t *thing) due(o roost.Offer) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch o.State {
	case roost.OfferInstalled:
		return time.Since(o.At) > bootWithin
	case roost.OfferHeld: // it tries again by itself
		return time.Since(t.offered) > heldAgain
	}
	return time.Since(t.offered) > offerAgain
}

// showedOffer notes that an offer is in an answer.
func (t *thing) showedOffer() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.offered = time.Now()
}

// hold notes why the thing does not get what it shall have.
func (t *thing) hold(ctx context.Context, a roost.Agent, s step, why string) error {
	if o := a.Offer; o != nil && o.Kind == s.kind && o.Version == s.ver && (o.Why == why || o.State == roost.OfferReturned || o.State == roost.OfferRefused) {
		return nil
	}
	t.d.write(t.ref, "warn", fmt.Sprintf("does not get %s %s: %s", word(s.kind), s.ver, why), "")
	return t.change(ctx, func(a *roost.Agent) {
		a.Offer = &roost.Offer{Kind: s.kind, Version: s.ver, State: roost.OfferHeld, Why: why, At: time.Now().UTC()}
	})
}

// word is a kind for people.
func word(kind string) string {
	if kind == wire.KindOS {
		return "runtime"
	}
	return "app"
}

// states gives what a thing says of an update in our words.
var states = map[string]roost.OfferState{
	wire.Fetching: roost.OfferFetching, wire.Installed: roost.OfferInstalled, wire.Refused: roost.OfferRefused,
	wire.Confirmed: roost.OfferConfirmed, wire.Returned: roost.OfferReturned, wire.Held: roost.OfferHeld,
}

// takeProgress takes what the thing says of an update; the caller holds t.turn.
func (t *thing) takeProgress(ctx context.Context, c *call, q *wire.Sync) error {
	p := q.Update
	if p == nil || states[p.State] == "" || p.Kind != wire.KindApp && p.Kind != wire.KindOS {
		return nil
	}
	a := t.now()
	if _, ok := wasOffered(a, p.Kind, p.Ver); !ok {
		t.d.cfg.Log.Debug("word of a version that was not offered", "thing", string(t.ref.Thing), "version", p.Ver, "state", p.State)
		return nil
	}
	state := states[p.State]
	switch state {
	case roost.OfferReturned:
		return t.fail(ctx, p.Kind, p.Ver, true, p.Why)
	case roost.OfferRefused:
		return t.fail(ctx, p.Kind, p.Ver, false, p.Why)
	case roost.OfferConfirmed:
		return t.confirm(ctx, p.Kind, p.Ver, c.now)
	}
	o := a.Offer
	if o == nil || o.Kind != p.Kind || o.Version != p.Ver {
		return nil
	}
	t.mu.Lock()
	t.offered = c.now // it is at it
	t.mu.Unlock()
	if o.State == roost.OfferTrial || o.State == roost.OfferConfirmed {
		return nil // it has gone on since
	}
	next := *o
	if next.Of == 0 {
		next.Of = p.Of
	}
	next.Done, next.Why = min(p.Done, next.Of), p.Why
	if next.State == state {
		t.mu.Lock()
		t.facts.Offer = &next // the store need not know of every byte
		t.mu.Unlock()
		return nil
	}
	next.State, next.At = state, c.now.UTC()
	if state == roost.OfferInstalled {
		t.d.write(t.ref, "info", fmt.Sprintf("has installed %s %s", word(p.Kind), p.Ver), "")
	}
	return t.change(ctx, func(a *roost.Agent) { a.Offer = &next })
}

// judge looks at what runs after a boot; the caller holds t.turn.
func (t *thing) judge(ctx context.Context, now time.Time) error {
	a := t.now()
	t.mu.Lock()
	t.offered = time.Time{}
	t.mu.Unlock()
	o := a.Offer
	if o == nil {
		return nil
	}
	part := a.App
	if o.Kind == wire.KindOS {
		part = a.OS
	}
	switch {
	case part.Version == o.Version && part.Trial > 0 && o.State != roost.OfferTrial:
		t.d.write(t.ref, "info", fmt.Sprintf("tries %s %s", word(o.Kind), o.Version), "")
		return t.move(ctx, roost.OfferTrial, now)
	case part.Version == o.Version && part.Trial == 0 && o.State != roost.OfferConfirmed:
		return t.confirm(ctx, o.Kind, o.Version, now)
	case part.Version != o.Version && slices.Contains(part.Bad, o.Version) && o.State != roost.OfferReturned:
		return t.fail(ctx, o.Kind, o.Version, true, "it failed in its trial")
	case part.Version != o.Version && (o.State == roost.OfferInstalled || o.State == roost.OfferFetching):
		return t.move(ctx, roost.Offered, now)
	}
	return nil
}

// move gives the offer another state.
func (t *thing) move(ctx context.Context, state roost.OfferState, now time.Time) error {
	return t.change(ctx, func(a *roost.Agent) {
		next := *a.Offer
		next.State, next.At, next.Done = state, now.UTC(), 0
		a.Offer = &next
	})
}

// confirm notes that a version is good on this thing.
func (t *thing) confirm(ctx context.Context, kind, version string, now time.Time) error {
	a := t.now()
	if o := a.Offer; o == nil || o.Kind != kind || o.Version != version || o.State == roost.OfferConfirmed {
		return nil
	}
	t.d.write(t.ref, "info", fmt.Sprintf("keeps %s %s", word(kind), version), "")
	return t.change(ctx, func(a *roost.Agent) {
		next := *a.Offer
		next.State, next.At, next.Why = roost.OfferConfirmed, now.UTC(), ""
		a.Offer = &next
		if kind == wire.KindOS {
			a.OS.Trial, a.OS.Version = 0, version
		} else {
			a.App.Trial, a.App.Version = 0, version
		}
		a.Failures = maps.Clone(a.Failures)
		delete(a.Failures, kind)
	})
}

// fail notes that a thing returned from a version or refused it: it does not get it
// again, and where many return nobody does.
func (t *thing) fail(ctx context.Context, kind, version string, returned bool, why string) error {
	a := t.now()
	if f, ok := a.Failures[kind]; ok && f.Version == version && f.Returned == returned && a.Offer != nil && !open(a.Offer.State) && a.Offer.State != roost.OfferTrial {
		return nil // said before
	}
	was, ok := wasOffered(a, kind, version)
	if !ok {
		return nil // it may say anything
	}
	w, _ := t.d.cfg.Releases.Wanted(t.ref)
	if was.App == "" {
		was.App, was.Pool = w.App.ID, w.Pool
	}
	f := roost.Failure{Version: version, App: was.App, Pool: was.Pool, Returned: returned, Why: why, Again: w.Again, At: time.Now().UTC()}
	state, text := roost.OfferRefused, fmt.Sprintf("refuses %s %s: %s", word(kind), version, why)
	if returned {
		state, text = roost.OfferReturned, fmt.Sprintf("returned from %s %s: %s", word(kind), version, why)
	}
	err := t.change(ctx, func(a *roost.Agent) {
		a.Failures = maps.Clone(a.Failures)
		if a.Failures == nil {
			a.Failures = map[string]roost.Failure{}
		}
		a.Failures[kind] = f
		if returned {
			a.Offers = offered(a.Offers, roost.OfferMade{Kind: kind, Version: version, App: f.App, Pool: f.Pool, Returned: true})
		}
		next := roost.Offer{Kind: kind, Version: version}
		if a.Offer != nil && a.Offer.Kind == kind && a.Offer.Version == version {
			next = *a.Offer
		}
		next.State, next.Why, next.At = state, why, f.At
		a.Offer = &next
	})
	if err != nil {
		return err
	}
	t.d.write(t.ref, "error", text, "")
	if returned && t.d.rollouts.fail(t.ref, kind, f) {
		t.d.cfg.Log.Warn("rollout stopped", "thing", string(t.ref.Thing), "version", version, "pool", was.Pool)
	}
	return nil
}
