package release

import (
	"context"
	"strings"

	"github.com/roost-iot/roost"
)

// keepRuns is how many runs of a thing are kept.
const keepRuns = 50

// Bounds of what things say of themselves, in bytes.
const (
	maxSaid   = 64      // a platform, a version
	maxStatus = 8 << 10 // a traceback
)

// said is s as it is kept.
func said(s string, most int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// Register takes a thing's start: it binds the thing to an app the first time, moves it
// when it brought another app's id, keeps what it said of itself, ends the run before and
// begins one. Errors: roost.NotFound for an app that is not there, roost.Unavailable.
func (r *Releases) Register(ctx context.Context, g Registration) (roost.Run, error) {
	if g.ByAccount && !r.hasApp(g.Ref) {
		if _, err := r.NoApp(ctx, g.Project); err != nil {
			return roost.Run{}, err
		}
	}
	r.gate.RLock()
	defer r.gate.RUnlock()
	stripe := r.stripe(g.Ref)
	stripe.Lock()
	defer stripe.Unlock()

	s, was, err := r.registered(g)
	if err != nil {
		return roost.Run{}, err
	}
	run := newRun(g, s, was)
	return run, r.begin(ctx, s, run, was)
}

// hasApp tells that a thing is bound to an app, be it the hidden one.
func (r *Releases) hasApp(ref roost.Ref) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.things[ref]
	return t != nil && t.app != nil
}

// registered gives what is to be known of a thing, and its run before this one.
func (r *Releases) registered(g Registration) (s roost.Software, was *roost.Run, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	t := r.things[g.Ref]
	var have *entry
	if t != nil {
		s, was, have = t.Software, t.run, t.app
	}
	want := have
	switch {
	case !g.ByAccount:
		want = r.apps[appKey{g.Project, g.App}]
		if want == nil || want.app.Hidden {
			return s, nil, noApp(g.App)
		}
	case have == nil:
		if want = r.apps[appKey{g.Project, g.App}]; want == nil {
			want = r.apps[appKey{g.Project, roost.NoApp}]
		}
		if want == nil {
			return s, nil, noApp(roost.NoApp)
		}
	}
	s.Ref = g.Ref
	switch {
	case t == nil: // what a thing brings of a pool counts now only
		move(&s, want, g.Pool)
	case want != have:
		move(&s, want, "")
	}
	s.ByAccount, s.Platform, s.Frozen, s.Encrypted = g.ByAccount, said(g.Platform, maxSaid), g.Frozen, g.Encrypted
	s.OS, s.Version, s.Updated = said(g.OS, maxSaid), said(g.Version, maxSaid), now()
	return s, was, nil
}

func newRun(g Registration, s roost.Software, was *roost.Run) roost.Run {
	at := now()
	run := roost.Run{
		Ref: g.Ref, ID: g.RunID, Started: at, LastContact: at, App: s.App, Pool: s.Pool, OS: s.OS, Version: s.Version,
		Platform: s.Platform, Frozen: s.Frozen, Encrypted: s.Encrypted, Address: said(g.Address, maxSaid),
		Statuses: map[roost.Part]roost.Status{
			roost.PartOS:     {OK: true, Known: true, Text: "session started", At: at},
			roost.PartWorker: {}, roost.PartManagement: {},
		},
	}
	if run.ID == "" {
		run.ID = roost.NewUUID()
	}
	inherit(&run, was)
	return run
}
