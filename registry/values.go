package registry

import (
	"slices"
	"time"

	"github.com/roost-iot/roost"
)

// Report takes values that a thing sent as its last ones and tells the feed. It
// counts as a sign of life. Errors: roost.Denied while the thing waits,
// roost.NotFound, roost.Invalid for one resource too many.
func (r *Registry) Report(ref roost.Ref, values []roost.Resource) error {
	return r.with(ref, func(e *entry) error {
		if e.thing.Enrolment != roost.Enrolled {
			return roost.Errorf(roost.Denied, "Thing %q waits for approval.", ref.Thing)
		}
		now := time.Now()
		r.heard(e, now)
		r.enqueue(e)
		for i := range values {
			if err := r.take(e, values[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Admit gives those of the values that may be kept, before anything is done with
// them, and a time to those that have none. Errors: as Report's; with roost.Invalid
// the others are kept.
func (r *Registry) Admit(ref roost.Ref, values []roost.Resource) (kept []roost.Resource, err error) {
	err = r.with(ref, func(e *entry) (err error) {
		if e.thing.Enrolment != roost.Enrolled {
			return roost.Errorf(roost.Denied, "Thing %q waits for approval.", ref.Thing)
		}
		e.stamp(values, time.Now())
		kept, err = r.fitting(e, values)
		return err
	})
	return kept, err
}

// mostAhead bounds how far stamps run ahead of the clock.
const mostAhead = time.Second

// stamp gives values that have no time that of now. Readings are kept by the
// millisecond: what a resource says within the millisecond of its last value gets the
// one after that, or it would replace it. The caller holds e.mu.
func (e *entry) stamp(values []roost.Resource, now time.Time) {
	for i := range values {
		v := &values[i]
		if !v.At.IsZero() {
			continue
		}
		v.At = now
		last, ok := e.saidLast(values[:i], v.Name)
		if !ok || last.UnixMilli() < now.UnixMilli() || last.After(now.Add(mostAhead)) {
			continue
		}
		v.At = time.UnixMilli(last.UnixMilli() + 1)
	}
}

// saidLast gives the time of a resource's last value: among those before it in the
// same report, or the one that stands.
func (e *entry) saidLast(before []roost.Resource, name string) (time.Time, bool) {
	for i := len(before) - 1; i >= 0; i-- {
		if before[i].Name == name {
			return before[i].At, true
		}
	}
	if i := e.find(name); i >= 0 {
		return e.resources[i].At, true
	}
	return time.Time{}, false
}

// fitting leaves out what would be one resource too many; the caller holds e.mu.
func (r *Registry) fitting(e *entry, values []roost.Resource) ([]roost.Resource, error) {
	if len(e.resources)+len(values) <= r.cfg.MaxResources {
		return values, nil
	}
	var kept []roost.Resource
	var fresh []string
	for _, v := range values {
		if e.find(v.Name) < 0 && !slices.Contains(fresh, v.Name) {
			if len(e.resources)+len(fresh) >= r.cfg.MaxResources {
				continue
			}
			fresh = append(fresh, v.Name)
		}
		kept = append(kept, v)
	}
	if len(kept) < len(values) {
		return kept, r.tooMany(e)
	}
	return values, nil
}

func (r *Registry) tooMany(e *entry) error {
	return roost.Errorf(roost.Invalid, "Thing %q has more than %d resources.", e.ref.Thing, r.cfg.MaxResources)
}

// find gives the place of a resource, -1 if it is none; the caller holds e.mu.
func (e *entry) find(name string) int {
	return slices.IndexFunc(e.resources, func(h held) bool { return h.Name == name })
}

// take makes v the last value of its resource; the caller holds e.mu.
func (r *Registry) take(e *entry, v roost.Resource) error {
	i := e.find(v.Name)
	if i < 0 {
		if len(e.resources) >= r.cfg.MaxResources {
			return r.tooMany(e)
		}
		e.resources = append(e.resources, held{})
		i = len(e.resources) - 1
	}
	h := &e.resources[i]
	if outdated(v.At, h.At) {
		return nil
	}
	v.Writable = (v.Writable || h.Writable) && e.thing.Protocol.TakesSets()
	h.Resource, h.dirty = v, true
	h.Event = r.feed.Publish(&roost.Event{Kind: roost.Read, Ref: e.thing.Ref, At: v.At, Resource: v.Name, Value: v.Value})
	return nil
}

// outdated tells that a value from then, which a far gateway kept while its line was
// down, is older than the one that stands. One that stands in the future was made before
// a clock was set back, and stops nothing.
func outdated(then, standing time.Time) bool {
	return then.Before(standing) && !standing.After(time.Now())
}

// Get gives one thing and its resources in the order in which they were first
// heard. A waiting thing has none. ok is false when there is no such thing.
func (r *Registry) Get(ref roost.Ref) (t roost.Thing, rs []roost.Resource, ok bool) {
	err := r.with(ref, func(e *entry) error {
		t, rs = e.copy()
		return nil
	})
	return t, rs, err == nil
}

// Each calls f for every thing of a project in the order in which they were
// first heard, until f returns false.
func (r *Registry) Each(project roost.ProjectID, f func(t roost.Thing, rs []roost.Resource) bool) {
	for _, e := range r.all() {
		e.mu.Lock()
		gone := e.gone || e.thing.Project != project
		var t roost.Thing
		var rs []roost.Resource
		if !gone {
			t, rs = e.copy()
		}
		e.mu.Unlock()
		if !gone && !f(t, rs) {
			return
		}
	}
}

// copy is what a reader may keep; the caller holds e.mu.
func (e *entry) copy() (roost.Thing, []roost.Resource) {
	t := e.thing
	t.Tags = slices.Clone(t.Tags)
	rs := make([]roost.Resource, len(e.resources))
	for i, h := range e.resources {
		rs[i] = h.Resource
	}
	return t, rs
}

// Counts says how many things a project has, waiting and ignored ones apart.
type Counts struct{ Total, Online, Waiting int }

// Count counts.
func (r *Registry) Count(project roost.ProjectID) (c Counts) {
	for _, e := range r.all() {
		e.mu.Lock()
		switch {
		case e.gone || e.thing.Project != project:
		case e.thing.Enrolment == roost.Waiting:
			c.Waiting++
		case e.thing.Enrolment == roost.Enrolled:
			c.Total++
			if e.thing.Online {
				c.Online++
			}
		}
		e.mu.Unlock()
	}
	return c
}
