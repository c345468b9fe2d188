package registry

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/roost-iot/roost"
)

// What people do with things. Each is durable when it returns.

// Enrol lets a waiting or ignored thing in.
func (r *Registry) Enrol(ctx context.Context, ref roost.Ref) (roost.Thing, error) {
	return r.edit(ctx, ref, func(t *roost.Thing) error { t.Enrolment = roost.Enrolled; return nil })
}

// Ignore puts a waiting thing out of sight. An enrolled one has to be deleted instead.
func (r *Registry) Ignore(ctx context.Context, ref roost.Ref) (roost.Thing, error) {
	return r.edit(ctx, ref, func(t *roost.Thing) error {
		if t.Enrolment == roost.Enrolled {
			return roost.Errorf(roost.Conflict, "Thing %q is enrolled; delete it if you want it gone.", ref.Thing)
		}
		t.Enrolment = roost.Ignored
		return nil
	})
}

// Rename gives a thing a person's name; "" takes it away.
func (r *Registry) Rename(ctx context.Context, ref roost.Ref, name string) (roost.Thing, error) {
	name = strings.TrimSpace(name)
	if len(name) > 120 {
		return roost.Thing{}, roost.Errorf(roost.Invalid, "A name has at most 120 bytes; this one has %d.", len(name))
	}
	return r.edit(ctx, ref, func(t *roost.Thing) error { t.GivenName = name; return nil })
}

// Tag replaces a thing's tags, which are trimmed, sorted and made unique.
func (r *Registry) Tag(ctx context.Context, ref roost.Ref, tags []string) (roost.Thing, error) {
	clean := make([]string, 0, len(tags))
	for _, t := range tags {
		if t = strings.TrimSpace(t); t != "" {
			clean = append(clean, t)
		}
		if len(t) > 40 {
			return roost.Thing{}, roost.Errorf(roost.Invalid, "A tag has at most 40 bytes: %q has %d.", t, len(t))
		}
	}
	slices.Sort(clean)
	clean = slices.Compact(clean)
	if len(clean) > 32 {
		return roost.Thing{}, roost.Errorf(roost.Invalid, "A thing has at most 32 tags.")
	}
	return r.edit(ctx, ref, func(t *roost.Thing) error { t.Tags = clean; return nil })
}

// Bounds of how people want resources shown.
const (
	maxWidgets = 256 // resources of one thing
	maxWidget  = 40  // bytes of one choice
	maxName    = 256 // bytes of the name of a resource
)

// ShowAs says how resources of a thing are to be shown, by resource; the others
// stay as they are. "" takes a choice away.
func (r *Registry) ShowAs(ctx context.Context, ref roost.Ref, widgets map[string]string) (roost.Thing, error) {
	for name, widget := range widgets {
		if name == "" || len(name) > maxName || len(widget) > maxWidget || !utf8.ValidString(name) || !utf8.ValidString(widget) {
			return roost.Thing{}, roost.Errorf(roost.Invalid, "A resource has a name of 1 to %d bytes, and its widget one of at most %d.", maxName, maxWidget)
		}
	}
	return r.edit(ctx, ref, func(t *roost.Thing) error {
		all := maps.Clone(t.Widgets) // what was given out is never changed
		if all == nil {
			all = map[string]string{}
		}
		for name, widget := range widgets {
			if all[name] = widget; widget == "" {
				delete(all, name)
			}
		}
		if len(all) > maxWidgets {
			return roost.Errorf(roost.Invalid, "At most %d resources of a thing have a widget of their own.", maxWidgets)
		}
		t.Widgets = all
		return nil
	})
}

// edit changes a thing, stores it, and tells the feed. The thing goes on speaking
// while its row is written: the change is made once for the row and once for it.
func (r *Registry) edit(ctx context.Context, ref roost.Ref, change func(*roost.Thing) error) (t roost.Thing, err error) {
	r.saving.Lock()
	defer r.saving.Unlock()
	err = r.with(ref, func(e *entry) error {
		t = e.thing
		return change(&t)
	})
	if err != nil {
		return t, err
	}
	if err := r.store.SaveThing(ctx, t); err != nil {
		return t, roost.Because(roost.Unavailable, err, "The change could not be stored; nothing was changed.")
	}
	err = r.with(ref, func(e *entry) error {
		was := e.thing.Enrolment
		if err := change(&e.thing); err != nil {
			e.changed = true // the row has what was refused now
			r.enqueue(e)
			return err
		}
		if was == roost.Waiting && e.thing.Enrolment != roost.Waiting {
			r.waiting.leave(e)
		}
		t = e.thing
		r.publish(e, time.Now())
		return nil
	})
	return t, err
}

// Forget deletes a thing and its last values. It may arrive again as unknown.
func (r *Registry) Forget(ctx context.Context, ref roost.Ref) error {
	r.saving.Lock() // a flush under way would write its row again
	defer r.saving.Unlock()
	e, err := r.find(ref)
	if err != nil {
		return err
	}
	if err := r.store.DeleteThing(ctx, ref); err != nil {
		return roost.Because(roost.Unavailable, err, "The thing could not be deleted.")
	}
	r.drop(e)
	r.feed.Publish(&roost.Event{Kind: roost.ThingForgotten, Ref: ref, At: time.Now()})
	return nil
}

// drop takes e out of memory.
func (r *Registry) drop(e *entry) {
	r.mu.Lock()
	r.remove(e)
	r.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	r.waiting.leave(e)
	e.gone = true
}

// remove takes e out of the maps, and out of order with others: what that costs
// is shared by all that go; the caller holds r.mu.
func (r *Registry) remove(e *entry) {
	if r.things[e.ref] != e {
		return
	}
	delete(r.things, e.ref)
	delete(r.identities, e.key)
	r.buried++
	if r.buried <= len(r.things)/4 {
		return
	}
	order := make([]*entry, 0, len(r.things)+len(r.things)/4) // who walks has the old one
	for _, o := range r.order {
		if r.things[o.ref] == o {
			order = append(order, o)
		}
	}
	r.order, r.buried = order, 0
}
