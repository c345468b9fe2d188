package release

import (
	"context"
	"slices"

	"github.com/roost-iot/roost"
)

// Tags gives those of an app, oldest first; none for an unknown app.
func (r *Releases) Tags(p roost.ProjectID, id roost.AppID) []roost.Tag {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if e := r.apps[appKey{p, id}]; e != nil {
		return slices.Clone(e.tags)
	}
	return nil
}

// SetTag makes a tag or moves it to another commit, and with it what follows it. Errors:
// roost.NotFound, roost.Invalid.
func (r *Releases) SetTag(ctx context.Context, p roost.ProjectID, id roost.AppID, name, cid, by string) (t roost.Tag, err error) {
	if err := CheckTagName(name); err != nil {
		return t, err
	}
	err = r.change(p, id, func(e *entry) error {
		_, known := e.tagNamed(name)
		switch {
		case e.app.Hidden:
			return hidden()
		case !e.has(cid):
			return noCommit(cid)
		case !known && len(e.tags) >= maxTags:
			return roost.Errorf(roost.TooMany, "An app has at most %d tags.", maxTags)
		}
		t = roost.Tag{Project: p, App: id, Name: name, Commit: cid, By: by, At: now()}
		if err := r.store.SaveTag(ctx, t); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		e.tag(t)
		return nil
	})
	return t, err
}

const maxTags = 1000

// DeleteTag deletes a tag that nothing follows by its name. Pools on latest go to the
// newest commit that still has one, or stay where they are when none has. Errors:
// roost.NotFound, roost.Conflict.
func (r *Releases) DeleteTag(ctx context.Context, p roost.ProjectID, id roost.AppID, name string) error {
	return r.change(p, id, func(e *entry) error {
		if _, ok := e.tagNamed(name); !ok {
			return roost.Errorf(roost.NotFound, "The app has no tag %q.", short(name))
		}
		r.gate.Lock() // no thing chooses it meanwhile
		defer r.gate.Unlock()
		if err := r.followed(e, name); err != nil {
			return err
		}
		stay := e.stayers()
		if len(stay) > 0 { // first: a pool that remembers too much does no harm
			if err := r.store.SavePools(ctx, stay); err != nil {
				return err
			}
		}
		if err := r.store.DeleteTag(ctx, p, id, name); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, s := range stay {
			e.poolNamed(s.Name).Base = s.Base
		}
		e.untag(name)
		return nil
	})
}

// stayers gives the pools as they are to be when the last tag of e goes: what latest
// meant is what it means.
func (e *entry) stayers() (all []roost.Pool) {
	if len(e.tags) != 1 {
		return nil
	}
	for _, p := range e.pools {
		if p.Kind != roost.Development && p.Base != e.tagged {
			next := p.Pool
			next.Base = e.tagged
			all = append(all, next)
		}
	}
	return all
}

// followed tells who follows a tag by its name; the caller holds r.gate.
func (r *Releases) followed(e *entry, name string) error {
	for _, p := range e.pools {
		if p.Settings.App == name {
			return roost.Errorf(roost.Conflict, "Pool %q runs what is tagged %s; choose another version for it first.", p.Name, name)
		}
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, t := range r.things {
		if t.app == e && t.Own.App != nil && *t.Own.App == name {
			return roost.Errorf(roost.Conflict, "Thing %q runs what is tagged %s; choose another version for it first.", t.Thing, name)
		}
	}
	return nil
}
