package release

import (
	"context"
	"maps"
	"time"

	"github.com/roost-iot/roost"
)

// flushEvery is how old last contacts and statuses in the store may be.
const flushEvery = time.Second

// inherit takes over the faults of the run before, as long as what had them is the same
// version: the fault that made a thing restart would else be out of sight.
func inherit(run *roost.Run, was *roost.Run) {
	if was == nil {
		return
	}
	for part, s := range run.Statuses {
		same := was.Version == run.Version && was.App == run.App
		if part == roost.PartOS {
			same = was.OS == run.OS
		}
		if same {
			s.Error, s.ErrorAt = was.Statuses[part].Error, was.Statuses[part].ErrorAt
			run.Statuses[part] = s
		}
	}
}

// begin stores a run that begins, with the end of the one before, and makes it the thing's
// last; the caller holds r.gate for reading and the thing's stripe.
func (r *Releases) begin(ctx context.Context, s roost.Software, run roost.Run, was *roost.Run) error {
	runs := []roost.Run{run}
	if was != nil && was.ID != run.ID {
		ended := *was
		ended.Ended = run.Started
		runs = []roost.Run{ended, run}
	}
	if err := r.store.BeginRun(ctx, s, runs, keepRuns); err != nil {
		return roost.Because(roost.Unavailable, err, "The session cannot be stored at present.")
	}
	r.mu.Lock()
	t := r.things[s.Ref]
	if t == nil {
		t = &thing{}
		r.things[s.Ref] = t
	}
	r.bind(t, s)
	r.last(t, &run)
	r.mu.Unlock()
	r.tellThing(s.Ref, s.App)
	return nil
}

// CurrentRun gives the last run of a thing. Its statuses must not be changed.
func (r *Releases) CurrentRun(ref roost.Ref) (roost.Run, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if t := r.things[ref]; t != nil && t.run != nil {
		return *t.run, true
	}
	return roost.Run{}, false
}

// RunOf gives a run of a thing; ok is false when it is not known (any more). Only the last
// has not ended.
func (r *Releases) RunOf(ctx context.Context, ref roost.Ref, id string) (run roost.Run, ok bool, err error) {
	if run, ok := r.CurrentRun(ref); ok && run.ID == id {
		return run, true, nil
	}
	return r.store.FindRun(ctx, ref, id)
}

// Runs gives those of a thing that began before a time (zero: all), newest first, at most
// limit (under 1: all).
func (r *Releases) Runs(ctx context.Context, ref roost.Ref, before time.Time, limit int) ([]roost.Run, error) {
	all, err := r.store.Runs(ctx, ref, before, limit)
	if last, ok := r.CurrentRun(ref); ok && len(all) > 0 && all[0].ID == last.ID {
		all[0] = last // the store gets contacts and statuses a moment later
	}
	return all, err
}

// Contact tells that a thing was heard. The store knows within a second.
func (r *Releases) Contact(ref roost.Ref, at time.Time) {
	at = at.UTC().Truncate(time.Millisecond)
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.things[ref]
	if t == nil || t.run == nil || !at.After(t.run.LastContact) {
		return
	}
	next := *t.run
	next.LastContact = at
	t.run = &next
	r.enqueue(t)
}

// enqueue makes the next flush look at t; the caller holds r.mu.
func (r *Releases) enqueue(t *thing) {
	if !t.queued {
		t.queued = true
		r.dirty = append(r.dirty, t)
	}
}

// Report tells what a part of a thing said of itself, and gives whether that is news: the
// store knows it within a second, or when Keep has returned. A fault stays beside what follows.
func (r *Releases) Report(ref roost.Ref, part roost.Part, ok bool, text string, at time.Time) (news bool) {
	if news = r.report(ref, part, ok, said(text, maxStatus), at.UTC().Truncate(time.Millisecond)); news {
		s, _ := r.Software(ref)
		r.tellThing(ref, s.App)
	}
	return news
}

// Keep returns when what was reported of a thing is in the store: it may not say that again.
// Error: roost.Unavailable, and it is tried again within a second.
func (r *Releases) Keep(ctx context.Context, ref roost.Ref) error {
	stripe := r.stripe(ref)
	stripe.Lock()
	defer stripe.Unlock()
	r.saving.RLock()
	defer r.saving.RUnlock()
	r.mu.RLock()
	t := r.things[ref]
	var run *roost.Run
	if t != nil && t.queued {
		run = t.run
	}
	r.mu.RUnlock()
	if run == nil {
		return nil
	}
	if err := r.store.TouchRuns(ctx, []roost.Run{*run}); err != nil {
		return roost.Because(roost.Unavailable, err, "What the thing reports cannot be stored at present.")
	}
	return nil
}

// report gives whether there is anything to tell.
func (r *Releases) report(ref roost.Ref, part roost.Part, ok bool, text string, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.things[ref]
	if t == nil || t.run == nil {
		return false
	}
	was := t.run.Statuses[part]
	s := was
	if !was.Known || was.OK != ok || was.Text != text {
		s.OK, s.Known, s.Text, s.At = ok, true, text, at
	}
	if !ok {
		s.Error, s.ErrorAt = text, at
	}
	if s == was {
		return false
	}
	next := *t.run
	next.Statuses = maps.Clone(next.Statuses)
	if next.Statuses == nil {
		next.Statuses = map[roost.Part]roost.Status{}
	}
	next.Statuses[part] = s
	t.run = &next
	r.enqueue(t)
	return true
}

// Run writes last contacts and statuses behind, once a second, until ctx ends; then what is left.
func (r *Releases) Run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.flush(context.WithoutCancel(ctx)) // one that has begun is finished
		case <-ctx.Done():
			last, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer stop()
			r.flush(last)
			return
		}
	}
}

// flush writes what changed. What cannot be written stays queued.
func (r *Releases) flush(ctx context.Context) {
	r.saving.Lock()
	defer r.saving.Unlock()
	r.mu.Lock()
	batch := r.dirty
	r.dirty = nil
	var runs []roost.Run
	for _, t := range batch {
		t.queued = false
		if !t.gone && t.run != nil {
			runs = append(runs, *t.run)
		}
	}
	r.mu.Unlock()
	if len(runs) == 0 {
		return
	}
	if err := r.store.TouchRuns(ctx, runs); err != nil {
		r.log.Error("last contacts not stored; trying again", "things", len(runs), "err", err)
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, t := range batch {
			r.enqueue(t)
		}
	}
}

// Revive takes up a run that a thing's token names and the store does not know: its
// database was lost, or is an older one. The thing is bound to the run's app again if it
// is here. roost.Conflict when the thing has begun another run since.
func (r *Releases) Revive(ctx context.Context, run roost.Run) error {
	if run.App == roost.NoApp {
		if _, err := r.NoApp(ctx, run.Project); err != nil {
			return err
		}
	}
	r.gate.RLock()
	defer r.gate.RUnlock()
	stripe := r.stripe(run.Ref)
	stripe.Lock()
	defer stripe.Unlock()
	s, was := r.revived(run)
	switch {
	case was != nil && was.ID == run.ID:
		return nil
	case was != nil && !run.Started.After(was.Started):
		return roost.Errorf(roost.Conflict, "Thing %q has begun another session since.", run.Thing)
	}
	run.Started = run.Started.UTC().Truncate(time.Millisecond)
	run.LastContact, run.Ended, run.Statuses = now(), time.Time{}, maps.Clone(run.Statuses)
	if run.Statuses == nil {
		run.Statuses = map[roost.Part]roost.Status{roost.PartOS: {}, roost.PartWorker: {}, roost.PartManagement: {}}
	}
	run.App, run.Pool = s.App, s.Pool
	return r.begin(ctx, s, run, was)
}

// revived gives what is to be known of the thing of a run, and its last known one.
func (r *Releases) revived(run roost.Run) (s roost.Software, was *roost.Run) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.things[run.Ref]
	if t != nil {
		s, was = t.Software, t.run
	} else {
		s = roost.Software{Ref: run.Ref, ByAccount: run.App == roost.NoApp || run.App == ""}
	}
	if e := r.apps[appKey{run.Project, run.App}]; e != nil && (t == nil || t.app == nil) {
		move(&s, e, run.Pool)
	}
	s.Platform, s.Frozen, s.Encrypted = said(run.Platform, maxSaid), run.Frozen, run.Encrypted
	s.OS, s.Version, s.Updated = said(run.OS, maxSaid), said(run.Version, maxSaid), now()
	return s, was
}
