package release_test

import (
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

func TestNewAppHasFilesCommittedAndThreePools(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	r.reopen()
	if got := get(r.App(roost.Home, a.ID))(t); got != a || a.Number == 0 || a.DefaultPool != "development" {
		t.Errorf("app %+v, was made as %+v", got, a)
	}
	commits := get(r.Commits(t.Context(), roost.Home, a.ID))(t)
	if len(commits) != 1 || len(commits[0].Files) != 2 {
		t.Fatalf("commits %+v", commits)
	}
	first := commits[0].ID
	for _, want := range []struct{ name, app string }{{"production", first}, {"staging", roost.Latest}, {"development", roost.Latest}} {
		p := r.pool(a, want.name)
		if p.Settings.App != want.app || p.Commit != first {
			t.Errorf("pool %s runs %q, which is %s", p.Name, p.Settings.App, p.Commit)
		}
		s := p.Settings
		s.App = ""
		if (s != roost.AppSettings{OS: "factory", Management: 60, Worker: 300, TLS: true, SetupTimeout: 60}) {
			t.Errorf("pool %s says %+v", p.Name, s)
		}
	}
	if p := get(r.Check(t.Context(), roost.Home, a.ID, contents(r, a, first)))(t); len(p) > 0 {
		t.Errorf("our own files have problems: %v", p)
	}
}

func contents(r *room, a roost.App, cid string) map[string]string {
	r.t.Helper()
	all := map[string]string{}
	for _, f := range get(r.Commit(r.t.Context(), roost.Home, a.ID, cid))(r.t).Files {
		all[f.Name] = get(r.Content(r.t.Context(), roost.Home, a.ID, cid, f.Name))(r.t)
	}
	return all
}

// Compatibility cases W08 and W09.
func TestLatestFollowsCommitsInDevelopmentAndTagsElsewhere(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	first := r.pool(a, "production").Commit
	second := r.commit(a, "second").ID
	if d, s, p := r.pool(a, "development").Commit, r.pool(a, "staging").Commit, r.pool(a, "production").Commit; d != second || s != first || p != first {
		t.Errorf("after a commit: %s %s %s, want only development on %s", d, s, p, second)
	}
	get(r.SetTag(t.Context(), roost.Home, a.ID, "v1", second, "ada"))(t)
	third := r.commit(a, "third").ID
	r.reopen()
	if d, s, p := r.pool(a, "development").Commit, r.pool(a, "staging").Commit, r.pool(a, "production").Commit; d != third || s != second || p != first {
		t.Errorf("after a tag: %s %s %s, want %s %s %s", d, s, p, third, second, first)
	}
	get(r.SetTag(t.Context(), roost.Home, a.ID, "v1", third, "ada"))(t)
	if s := r.pool(a, "staging").Commit; s != third {
		t.Errorf("staging stayed on %s when the tag moved to %s", s, third)
	}
	r.must(r.DeleteTag(t.Context(), roost.Home, a.ID, "v1"))
	r.commit(a, "fourth")
	r.reopen()
	if s := r.pool(a, "staging").Commit; s != third {
		t.Errorf("staging went to %s when the last tag was deleted, want to stay on %s", s, third)
	}
}

func TestPoolOnATagGoesWithIt(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	next := r.commit(a, "second").ID
	first := r.pool(a, "production").Commit
	get(r.SetTag(t.Context(), roost.Home, a.ID, "good", first, "ada"))(t)
	good := "good"
	s := get(r.ChangePool(t.Context(), roost.Home, a.ID, "production", release.PoolChange{Settings: roost.SettingsChange{App: &good}}))(t)
	if s.Commit != first {
		t.Errorf("production is on %s", s.Commit)
	}
	get(r.SetTag(t.Context(), roost.Home, a.ID, "good", next, "ada"))(t)
	if got := r.pool(a, "production").Commit; got != next {
		t.Errorf("production is on %s after its tag moved to %s", got, next)
	}
	kind(t, r.DeleteTag(t.Context(), roost.Home, a.ID, "good"), roost.Conflict)
	nope := "nope"
	kind(t, second(r.ChangePool(t.Context(), roost.Home, a.ID, "production", release.PoolChange{Settings: roost.SettingsChange{App: &nope}})), roost.Invalid)
}
