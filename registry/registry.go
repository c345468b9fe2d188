// Package registry knows which things exist, whether they are enrolled, what
// their resources last said, and who is present.
package registry

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/live"
)

// Config says how things are let in and when they count as lost. Its zero value works.
type Config struct {
	// Enrolment of things that nobody vouches for: "approve" (default), "open" or "closed".
	Enrolment string
	// Presence is how long a thing may be silent before it is offline; 120 s by default.
	Presence time.Duration
	// MaxWaiting bounds the things that wait for approval, 1,000 by default: when one
	// more comes, the one that was silent longest is dropped.
	MaxWaiting int
	// MaxThings bounds the things of all projects, 200,000 by default: no other comes in.
	MaxThings int
	// MaxResources bounds the resources of one thing, 256 by default.
	MaxResources int
}

// The ways to let things in.
const (
	EnrolApprove = "approve"
	EnrolOpen    = "open"
	EnrolClosed  = "closed"
)

func (c *Config) fill() {
	if c.Enrolment == "" {
		c.Enrolment = EnrolApprove
	}
	if c.Presence <= 0 {
		c.Presence = 120 * time.Second
	}
	if c.MaxWaiting <= 0 {
		c.MaxWaiting = 1000
	}
	if c.MaxThings <= 0 {
		c.MaxThings = 200_000
	}
	if c.MaxResources <= 0 {
		c.MaxResources = 256
	}
}

// Registry is the room. Its methods may be called from many goroutines.
type Registry struct {
	store Store
	feed  *live.Feed
	cfg   Config
	log   *slog.Logger

	mu         sync.RWMutex // guards the maps; an entry's own lock guards what is in it
	things     map[roost.Ref]*entry
	identities map[identity]*entry
	order      []*entry // in the order in which they were first heard
	buried     int      // entries of order that are out of the maps
	waiting    queue

	saving  sync.Mutex // taken before an entry's lock by whoever writes its row
	dirtyMu sync.Mutex
	dirty   []*entry // what the next flush writes
}

// identity is how a door finds a thing again.
type identity struct {
	project roost.ProjectID
	roost.Identity
}

// entry is one thing in memory.
//
// Locks are taken in this order: Registry.saving, Registry.mu, entry.mu, Registry.dirtyMu or queue.mu.
// Nothing waits for the disk while it holds Registry.mu or an entry's lock.
type entry struct {
	ref roost.Ref // as in thing; may be read without the lock
	key identity

	mu        sync.Mutex
	thing     roost.Thing
	resources []held
	bound     bool          // present by its connection, not by its words
	silence   time.Duration // how long it may be silent; 0: as any
	gone      bool          // forgotten: whoever still holds the entry must leave it alone
	queued    bool          // stands in Registry.dirty
	changed   bool          // the thing's own row differs from the store's
	cleared   bool          // the store still has values from before a restart
	saved     time.Time
	told      string // the address in the last event
	toldAt    time.Time
}

func newEntry(t roost.Thing) *entry {
	return &entry{ref: t.Ref, key: identity{t.Project, t.Identity}, thing: t, saved: t.LastHeard}
}

// held is a resource and whether the store has its value.
type held struct {
	roost.Resource
	dirty bool
}

// Open loads what the store knows. Nobody is online until heard.
func Open(ctx context.Context, store Store, feed *live.Feed, cfg Config, log *slog.Logger) (*Registry, error) {
	cfg.fill()
	r := &Registry{
		store: store, feed: feed, cfg: cfg, log: log,
		things: map[roost.Ref]*entry{}, identities: map[identity]*entry{},
	}
	things, err := store.Things(ctx)
	if err != nil {
		return nil, fmt.Errorf("load things: %w", err)
	}
	resources, err := store.Resources(ctx)
	if err != nil {
		return nil, fmt.Errorf("load last values: %w", err)
	}
	slices.SortStableFunc(things, func(a, b roost.Thing) int { return a.FirstHeard.Compare(b.FirstHeard) })
	var waiting []*entry
	for _, t := range things {
		if t.Online {
			t.Online, t.OnlineSince = false, t.LastHeard
		}
		e := newEntry(t)
		for _, res := range resources[t.Ref] {
			e.resources = append(e.resources, held{Resource: res})
		}
		r.add(e)
		if t.Enrolment == roost.Waiting {
			waiting = append(waiting, e)
		}
	}
	slices.SortStableFunc(waiting, func(a, b *entry) int { return a.thing.LastHeard.Compare(b.thing.LastHeard) })
	for _, e := range waiting {
		r.waiting.heard(e)
	}
	return r, nil
}

// add puts e into the maps; the caller holds r.mu or is alone.
func (r *Registry) add(e *entry) {
	r.things[e.ref] = e
	r.identities[e.key] = e
	r.order = append(r.order, e)
}

// Policy is how unknown things are let in: "approve", "open" or "closed".
func (r *Registry) Policy() string { return r.cfg.Enrolment }

// Presence is how long a thing may be silent before it is offline.
func (r *Registry) Presence() time.Duration { return r.cfg.Presence }

func (r *Registry) find(ref roost.Ref) (*entry, error) {
	r.mu.RLock()
	e := r.things[ref]
	r.mu.RUnlock()
	if e == nil {
		return nil, roost.Errorf(roost.NotFound, "There is no thing %q here.", ref.Thing)
	}
	return e, nil
}

// with runs f on the thing under its lock.
func (r *Registry) with(ref roost.Ref, f func(e *entry) error) error {
	e, err := r.find(ref)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gone {
		return roost.Errorf(roost.NotFound, "There is no thing %q here.", ref.Thing)
	}
	return f(e)
}

// publish tells that the thing changed; the caller holds e.mu, so that the
// events of one thing keep their order.
func (r *Registry) publish(e *entry, at time.Time) {
	t := e.thing
	t.Tags = slices.Clone(t.Tags)
	e.told, e.toldAt = t.Address, at
	r.feed.Publish(&roost.Event{Kind: roost.ThingChanged, Ref: t.Ref, At: at, Thing: &t})
}

// enqueue makes the next flush look at e; the caller holds e.mu.
func (r *Registry) enqueue(e *entry) {
	if e.queued {
		return
	}
	e.queued = true
	r.dirtyMu.Lock()
	r.dirty = append(r.dirty, e)
	r.dirtyMu.Unlock()
}

// all gives every entry in the order in which they were first heard, to be walked
// without r.mu; some may be gone.
func (r *Registry) all() []*entry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.order[:len(r.order):len(r.order)]
}
