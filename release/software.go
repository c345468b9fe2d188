package release

import (
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"sync"

	"github.com/roost-iot/roost"
)

var seed = maphash.MakeSeed()

// stripe gives the lock of a thing's changes.
func (r *Releases) stripe(ref roost.Ref) *sync.Mutex {
	return &r.stripes[maphash.Comparable(seed, ref)%uint64(len(r.stripes))]
}

// bind makes s what is known of t; the caller holds r.mu or is alone.
func (r *Releases) bind(t *thing, s roost.Software) {
	if t.pool != nil {
		t.pool.things--
	}
	t.Software, t.app, t.pool = s, nil, nil
	e := r.apps[appKey{s.Project, s.App}]
	if e == nil {
		return
	}
	if p := e.poolFor(s.Pool); p != nil {
		t.app, t.pool, t.Software.Pool = e, p, p.Name
		p.things++
	}
}

// Software gives what runs on a thing. What Own points at must not be changed.
func (r *Releases) Software(ref roost.Ref) (roost.Software, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.things[ref]; t != nil {
		return t.Software, true
	}
	return roost.Software{}, false
}

// AllSoftware gives that of all things of a project, by their ids.
func (r *Releases) AllSoftware(p roost.ProjectID) []roost.Software {
	r.mu.RLock()
	var all []roost.Software
	for ref, t := range r.things {
		if ref.Project == p {
			all = append(all, t.Software)
		}
	}
	r.mu.RUnlock()
	slices.SortFunc(all, func(a, b roost.Software) int { return strings.Compare(string(a.Thing), string(b.Thing)) })
	return all
}

// Wanted gives what a thing shall be. It is asked at each call of each device: it neither
// waits for the disk nor allocates. ok is false for a thing without an app.
func (r *Releases) Wanted(ref roost.Ref) (w Wanted, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.things[ref]
	if t == nil || t.app == nil {
		return w, false
	}
	w.Settings = t.Own.Apply(t.pool.Settings)
	w.Commit = t.app.resolve(&t.pool.Pool, w.Settings.App)
	w.Pool, w.Kind, w.Again, w.App = t.pool.Name, t.pool.Kind, t.Software.Again, t.app.app
	return w, true
}

// alter replaces what is known of a thing by what f makes of it, in the store first.
// f runs under r.mu and must be quick.
func (r *Releases) alter(ctx context.Context, ref roost.Ref, f func(t *thing, s *roost.Software) error) error {
	r.gate.RLock()
	defer r.gate.RUnlock()
	stripe := r.stripe(ref)
	stripe.Lock()
	defer stripe.Unlock()
	r.mu.RLock()
	t := r.things[ref]
	var s roost.Software
	var err error
	if t == nil {
		err = roost.Errorf(roost.NotFound, "Thing %q has told nothing of its software yet; apps run on things with Roost's runtime or PythingsOS.", ref.Thing)
	} else {
		s = t.Software
		err = f(t, &s)
	}
	r.mu.RUnlock()
	if err != nil {
		return err
	}
	s.Updated = now()
	if err := r.store.SaveSoftware(ctx, s); err != nil {
		return roost.Because(roost.Unavailable, err, "The change cannot be stored at present.")
	}
	r.mu.Lock()
	r.bind(t, s)
	r.mu.Unlock()
	r.tellThing(ref, s.App)
	return nil
}

// Install moves a thing that came with an account id to an app, into a pool ("": that of
// new things). Errors: roost.NotFound, roost.Conflict for a thing that carries an app's id.
func (r *Releases) Install(ctx context.Context, ref roost.Ref, app roost.AppID, pool, by string) error {
	err := r.alter(ctx, ref, func(t *thing, s *roost.Software) error {
		e := r.apps[appKey{ref.Project, app}]
		switch {
		case e == nil || e.app.Hidden:
			return noApp(app)
		case pool != "" && e.poolNamed(pool) == nil:
			return noPool(pool)
		}
		if err := t.movable(); err != nil {
			return err
		}
		if pool == "" && t.app == e {
			return nil
		}
		move(s, e, pool)
		return nil
	})
	if err == nil {
		r.log.Info("app installed", "thing", string(ref.Thing), "app", string(app), "by", by)
	}
	return err
}

// move puts s into an app, in a pool or else that of new things; what the thing had chosen
// of the one before means nothing there.
func move(s *roost.Software, e *entry, pool string) {
	if s.App != e.app.ID && s.Own.App != nil && *s.Own.App != roost.Latest {
		s.Own.App = nil
	}
	s.App, s.Pool = e.app.ID, e.poolFor(pool).Name
}

// movable tells why people cannot choose the app of a thing.
func (t *thing) movable() error {
	switch {
	case t.ByAccount:
		return nil
	case t.app == nil:
		return roost.Errorf(roost.Conflict, "Thing %q carries the id of an app that was deleted; give the device another app's id, or an account id, and restart it.", t.Thing)
	}
	if kind := t.app.app.Board; kind != "" {
		return roost.Errorf(roost.Conflict, "Board %q is of the kind %s, as its boot program says; to run another app, change that and restart it.", t.Thing, kind)
	}
	return roost.Errorf(roost.Conflict, "Thing %q carries the id of the app %s; to run another, give the device that app's id, or an account id, and restart it.", t.Thing, t.app.app.Name)
}

// Uninstall takes the app from a thing that came with an account id. Errors: as Install's.
func (r *Releases) Uninstall(ctx context.Context, ref roost.Ref) error {
	if _, err := r.NoApp(ctx, ref.Project); err != nil {
		return err
	}
	return r.alter(ctx, ref, func(t *thing, s *roost.Software) error {
		if err := t.movable(); err != nil {
			return err
		}
		move(s, r.apps[appKey{ref.Project, roost.NoApp}], unbound)
		return nil
	})
}

// MovePool moves a thing to another pool of its app; roost.NotFound, roost.Conflict for a
// thing without an app.
func (r *Releases) MovePool(ctx context.Context, ref roost.Ref, pool string) error {
	return r.alter(ctx, ref, func(t *thing, s *roost.Software) error {
		switch {
		case t.app == nil || t.app.app.Hidden:
			return roost.Errorf(roost.Conflict, "Thing %q has no app, and so no pool; install one first.", ref.Thing)
		case t.app.poolNamed(pool) == nil:
			return noPool(pool)
		}
		s.Pool = pool
		return nil
	})
}

// Override makes own all that a thing has of its own over its pool's settings. Errors:
// roost.NotFound, roost.Invalid, roost.Conflict for a thing without an app.
func (r *Releases) Override(ctx context.Context, ref roost.Ref, own roost.SettingsChange) error {
	if own.OS != nil && strings.EqualFold(*own.OS, roost.Factory) {
		factory := roost.Factory
		own.OS = &factory
	}
	r.asked.RLock()
	defer r.asked.RUnlock()
	sound := own.Apply(roost.AppSettings{Management: 1, Worker: 1})
	if err := r.checkSettings(&sound); err != nil {
		return err
	}
	return r.alter(ctx, ref, func(t *thing, s *roost.Software) error {
		if t.app == nil {
			return roost.Errorf(roost.Conflict, "Thing %q has no app whose settings it could differ from.", ref.Thing)
		}
		if own.App != nil {
			if err := t.app.checkChosen(*own.App); err != nil {
				return err
			}
		}
		s.Own = own
		return nil
	})
}

// Again makes a thing register again at its next call; roost.NotFound.
func (r *Releases) Again(ctx context.Context, ref roost.Ref) error {
	return r.alter(ctx, ref, func(_ *thing, s *roost.Software) error {
		s.Again = roost.NewID()
		return nil
	})
}

// Forget drops all that is known of a thing's software, its runs too.
func (r *Releases) Forget(ctx context.Context, ref roost.Ref) error {
	r.gate.RLock()
	defer r.gate.RUnlock()
	stripe := r.stripe(ref)
	stripe.Lock()
	defer stripe.Unlock()
	if err := r.store.DeleteSoftware(ctx, ref); err != nil {
		return err
	}
	r.mu.Lock()
	t := r.things[ref]
	if t != nil {
		delete(r.things, ref)
		r.bind(t, roost.Software{})
		r.last(t, nil)
		t.gone = true
	}
	r.mu.Unlock()
	if t != nil {
		r.tellThing(ref, "")
	}
	return nil
}
