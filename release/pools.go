package release

import (
	"context"
	"slices"

	"github.com/roost-iot/roost"
)

// Pools gives the pools of an app in the order in which they were made; none for an unknown app.
func (r *Releases) Pools(p roost.ProjectID, id roost.AppID) []PoolState {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e := r.apps[appKey{p, id}]
	if e == nil {
		return nil
	}
	all := make([]PoolState, len(e.pools))
	for i, p := range e.pools {
		all[i] = e.state(p)
	}
	return all
}

func (e *entry) state(p *pool) PoolState {
	return PoolState{Pool: p.Pool, Commit: e.resolve(&p.Pool, p.Settings.App), Things: p.things}
}

// AddPool makes a pool that begins with the settings of the app's default pool and runs
// what that runs, or latest if it is for development. Errors: roost.NotFound,
// roost.Invalid, roost.Conflict for a name that another pool has, roost.TooMany.
func (r *Releases) AddPool(ctx context.Context, p roost.ProjectID, id roost.AppID, name string, kind roost.PoolKind) (s PoolState, err error) {
	if err := CheckPoolName(name); err != nil {
		return s, err
	}
	if err := checkKind(kind); err != nil {
		return s, err
	}
	r.asked.RLock()
	defer r.asked.RUnlock()
	err = r.change(p, id, func(e *entry) error {
		switch {
		case e.app.Hidden:
			return hidden()
		case e.sharesName(name, nil):
			return poolTaken(name)
		case len(e.pools) >= maxPools:
			return roost.Errorf(roost.TooMany, "An app has at most %d pools.", maxPools)
		}
		from := e.poolNamed(e.app.DefaultPool)
		n := from.Pool
		n.Name, n.Kind, n.Edited = name, kind, now()
		n.Base = e.resolve(&from.Pool, from.Settings.App)
		n.Settings.App = n.Base
		if kind == roost.Development {
			n.Settings.App = roost.Latest
		}
		if err := r.store.SavePools(ctx, []roost.Pool{n}); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		made := &pool{Pool: n}
		e.pools = append(slices.Clip(e.pools), made)
		s = e.state(made)
		return nil
	})
	return s, err
}

func poolTaken(name string) error {
	return roost.Errorf(roost.Conflict, "The app has a pool named %q already.", name)
}

// ChangePool changes what is given. A pool that is set to latest, or gets another kind
// while it is on latest, stays where it is until a commit comes that it follows.
// Errors: roost.NotFound, roost.Invalid, roost.Conflict.
func (r *Releases) ChangePool(ctx context.Context, p roost.ProjectID, id roost.AppID, name string, c PoolChange) (s PoolState, err error) {
	r.asked.RLock()
	defer r.asked.RUnlock()
	err = r.change(p, id, func(e *entry) error {
		was := e.poolNamed(name)
		if was == nil {
			return noPool(name)
		}
		if e.app.Hidden {
			return hidden()
		}
		next, err := r.changed(e, was, c)
		if err != nil {
			return err
		}
		r.gate.Lock() // things are not bound to it by its old name meanwhile
		defer r.gate.Unlock()
		if next.Name != name {
			err = r.renamePool(ctx, e, was, next)
		} else {
			err = r.store.SavePools(ctx, []roost.Pool{next})
		}
		if err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		was.Pool = next
		s = e.state(was)
		return nil
	})
	return s, err
}

// changed gives the pool as it shall be. Errors: roost.Invalid, roost.Conflict.
func (r *Releases) changed(e *entry, was *pool, c PoolChange) (roost.Pool, error) {
	next := was.Pool
	apply(&next.Name, c.Name)
	apply(&next.Kind, c.Kind)
	next.Settings = c.Settings.Apply(next.Settings)
	next.Edited = now()
	if next.Name != was.Name {
		if err := CheckPoolName(next.Name); err != nil {
			return next, err
		}
		if e.sharesName(next.Name, was) {
			return next, poolTaken(next.Name)
		}
	}
	if err := checkKind(next.Kind); err != nil {
		return next, err
	}
	if c.Settings.App != nil {
		if err := e.checkChosen(next.Settings.App); err != nil {
			return next, err
		}
	}
	if next.Settings.App != was.Settings.App || next.Kind != was.Kind {
		next.Base = e.resolve(&was.Pool, was.Settings.App)
	}
	err := r.checkSettings(&next.Settings)
	return next, err
}

// renamePool renames it in the store and for its things; the caller holds r.gate.
func (r *Releases) renamePool(ctx context.Context, e *entry, was *pool, next roost.Pool) error {
	stored := next
	stored.Name = was.Name
	if err := r.store.RenamePool(ctx, stored, next.Name); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.app.DefaultPool == was.Name {
		e.app.DefaultPool = next.Name
	}
	for _, t := range r.things {
		if t.pool == was {
			t.Software.Pool = next.Name
		}
	}
	return nil
}

// DeletePool deletes a pool without things that is not the default. Errors:
// roost.NotFound, roost.Conflict.
func (r *Releases) DeletePool(ctx context.Context, p roost.ProjectID, id roost.AppID, name string) error {
	return r.change(p, id, func(e *entry) error {
		r.gate.Lock() // no thing comes to it meanwhile
		defer r.gate.Unlock()
		was := e.poolNamed(name)
		switch {
		case was == nil:
			return noPool(name)
		case e.app.DefaultPool == name:
			return roost.Errorf(roost.Conflict, "New things go to pool %q; choose another pool for them first.", name)
		case was.things > 0:
			return roost.Errorf(roost.Conflict, "Pool %q has %d things; move them to another pool first.", name, was.things)
		}
		if err := r.store.DeletePool(ctx, p, id, name); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		e.pools = slices.DeleteFunc(slices.Clone(e.pools), func(o *pool) bool { return o == was })
		return nil
	})
}
