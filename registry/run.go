package registry

import (
	"cmp"
	"context"
	"time"

	"github.com/roost-iot/roost"
)

// flushEvery is how old a last value in the store may be.
const flushEvery = time.Second

// Run looks for things that fell silent and writes last values behind, once a
// second, until ctx ends; then it writes what is left.
func (r *Registry) Run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.sweep(time.Now())
			r.flush(context.WithoutCancel(ctx)) // one that has begun is finished
		case <-ctx.Done():
			last, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer stop()
			r.flush(last)
			return
		}
	}
}

// sweep marks things offline that were silent for longer than they may be.
func (r *Registry) sweep(now time.Time) {
	for _, e := range r.all() {
		e.mu.Lock()
		if !e.gone && e.thing.Online && !e.bound && now.Sub(e.thing.LastHeard) > cmp.Or(e.silence, r.cfg.Presence) {
			r.lose(e, now)
		}
		e.mu.Unlock()
	}
}

// lose marks e offline; the caller holds e.mu.
func (r *Registry) lose(e *entry, now time.Time) {
	e.thing.Online, e.thing.OnlineSince = false, now
	e.changed = true
	r.enqueue(e)
	r.publish(e, now)
	r.log.Info("thing lost", "thing", e.thing.Thing, "protocol", string(e.thing.Protocol), "silent", now.Sub(e.thing.LastHeard).Round(time.Second))
}

// Hear marks a thing present: a connection of it stands.
func (r *Registry) Hear(ref roost.Ref) error {
	return r.with(ref, func(e *entry) error {
		r.heard(e, time.Now())
		return nil
	})
}

// Lose marks a thing offline at once: its connection ended.
func (r *Registry) Lose(ref roost.Ref) error {
	return r.with(ref, func(e *entry) error {
		if e.thing.Online {
			r.lose(e, time.Now())
		}
		return nil
	})
}

// flush writes changed rows and values. What cannot be written stays queued.
func (r *Registry) flush(ctx context.Context) {
	r.saving.Lock()
	defer r.saving.Unlock()
	r.dirtyMu.Lock()
	batch := r.dirty
	r.dirty = nil
	r.dirtyMu.Unlock()
	var news unsaved
	for _, e := range batch {
		e.mu.Lock()
		e.queued = false
		news.collect(e)
		e.mu.Unlock()
	}
	for _, ref := range news.gone {
		if _, _, back := r.Get(ref); back {
			continue
		}
		if err := r.store.DeleteThing(ctx, ref); err != nil {
			r.log.Warn("row of a dropped thing stays in the store", "thing", ref.Thing, "err", err)
		}
	}
	if err := news.write(ctx, r.store); err != nil {
		r.log.Error("last values not stored; trying again", "things", len(news.things), "values", len(news.values), "err", err)
		r.putBack(batch, news.cleared)
	}
}

// unsaved is what the store lacks.
type unsaved struct {
	gone    []roost.Ref // dropped things
	cleared []roost.Ref // things whose values from before a restart go first
	things  []roost.Thing
	values  []ResourceOf
}

// collect takes what the store lacks of e; the caller holds e.mu.
func (u *unsaved) collect(e *entry) {
	if e.gone {
		u.gone = append(u.gone, e.ref)
		return
	}
	if e.cleared {
		e.cleared = false
		u.cleared = append(u.cleared, e.ref)
	}
	if e.changed {
		e.changed = false
		u.things = append(u.things, e.thing)
	}
	for i := range e.resources {
		if h := &e.resources[i]; h.dirty {
			h.dirty = false
			u.values = append(u.values, ResourceOf{Ref: e.ref, Resource: h.Resource, Place: i})
		}
	}
}

func (u *unsaved) write(ctx context.Context, store Store) error {
	for _, ref := range u.cleared {
		if err := store.DeleteResources(ctx, ref); err != nil {
			return err
		}
	}
	if len(u.things) > 0 {
		if err := store.SaveThings(ctx, u.things); err != nil {
			return err
		}
	}
	if len(u.values) > 0 {
		return store.SaveResources(ctx, u.values)
	}
	return nil
}

// putBack queues a batch again, whole: a value written twice does no harm.
func (r *Registry) putBack(batch []*entry, cleared []roost.Ref) {
	again := make(map[roost.Ref]bool, len(cleared))
	for _, ref := range cleared {
		again[ref] = true
	}
	for _, e := range batch {
		e.mu.Lock()
		e.changed, e.cleared = true, e.cleared || again[e.ref]
		for i := range e.resources {
			e.resources[i].dirty = true
		}
		r.enqueue(e)
		e.mu.Unlock()
	}
}
