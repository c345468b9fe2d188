package release_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

func (r *room) software(id string) roost.Software {
	r.t.Helper()
	s, ok := r.Software(home(id))
	if !ok {
		r.t.Fatalf("nothing is known of %s", id)
	}
	return s
}

func (r *room) begin(g release.Registration) roost.Run {
	r.t.Helper()
	return get(r.Register(r.t.Context(), g))(r.t)
}

// Compatibility cases R01 to R04.
func TestPoolOfARegistrationCountsTheFirstTimeOnly(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	for id, c := range map[string]struct{ brings, want string }{
		"r01": {"", "development"}, "r02": {"staging", "staging"}, "r03": {"nowhere", "development"},
	} {
		run := r.begin(release.Registration{Ref: home(id), App: a.ID, Pool: c.brings})
		if s := r.software(id); s.Pool != c.want || s.App != a.ID || s.ByAccount || run.Pool != c.want {
			t.Errorf("%s: %+v, want pool %s", id, s, c.want)
		}
	}
	r.begin(release.Registration{Ref: home("r01"), App: a.ID, Pool: "production"})
	r.reopen()
	if s := r.software("r01"); s.Pool != "development" {
		t.Errorf("R04: moved to %s by its own word", s.Pool)
	}
	if d, s := r.pool(a, "development").Things, r.pool(a, "staging").Things; d != 2 || s != 1 {
		t.Errorf("%d and %d things counted, want 2 and 1", d, s)
	}
	_, err := r.Register(t.Context(), release.Registration{Ref: home("x"), App: "nope"})
	kind(t, err, roost.NotFound)
}

// Compatibility cases R05, R06 and W11.
func TestThingsWithAnAccountIDGetTheirAppFromPeople(t *testing.T) {
	r := newRoom(t, nil)
	a, ctx := r.app("Blink"), t.Context()
	g := release.Registration{Ref: home("n"), ByAccount: true, Pool: "production"}
	r.begin(g)
	w := r.wanted("n")
	if s := r.software("n"); !s.ByAccount || s.App != roost.NoApp || w.Pool != "unbound" || w.Settings.Management != 5 || w.Settings.Worker != 300 {
		t.Errorf("software %+v, wanted %+v", s, w)
	}
	r.must(r.Install(ctx, home("n"), a.ID, "", "ada"))
	if s := r.software("n"); s.App != a.ID || s.Pool != "development" {
		t.Errorf("installed %+v", s)
	}
	r.reopen()
	if run := r.begin(g); run.App != a.ID || run.Pool != "development" {
		t.Errorf("R06: run %+v", run)
	}
	r.must(r.Install(ctx, home("n"), a.ID, "staging", "ada"))
	r.must(r.Install(ctx, home("n"), a.ID, "", "ada")) // the same app again: nothing to move
	if s := r.software("n"); s.Pool != "staging" {
		t.Errorf("pool %s", s.Pool)
	}
	kind(t, r.Install(ctx, home("n"), a.ID, "nope", "ada"), roost.NotFound)
	kind(t, r.Install(ctx, home("n"), roost.NoApp, "", "ada"), roost.NotFound)
	kind(t, r.Install(ctx, home("nobody"), a.ID, "", "ada"), roost.NotFound)
	r.must(r.Uninstall(ctx, home("n")))
	if s := r.software("n"); s.App != roost.NoApp || s.Pool != "unbound" {
		t.Errorf("uninstalled %+v", s)
	}
	kind(t, r.MovePool(ctx, home("n"), "unbound"), roost.Conflict)
	r.register("bound", a)
	kind(t, r.Install(ctx, home("bound"), a.ID, "", "ada"), roost.Conflict)
	kind(t, r.Uninstall(ctx, home("bound")), roost.Conflict)
	if n := len(r.Apps(roost.Home)); n != 1 {
		t.Errorf("%d apps shown, want 1", n)
	}
}

// Compatibility case R07: a thing that brings another app's id is moved, never doubled.
func TestThingThatBringsAnotherAppMoves(t *testing.T) {
	r := newRoom(t, nil)
	a, b := r.app("A"), r.app("B")
	r.register("n", a)
	cid, secs := r.pool(a, "production").Commit, 7
	r.must(r.Override(t.Context(), home("n"), roost.SettingsChange{App: &cid, Worker: &secs}))
	r.begin(release.Registration{Ref: home("n"), App: b.ID, Pool: "staging"})
	s := r.software("n")
	if s.App != b.ID || s.Pool != "development" || s.Own.App != nil || *s.Own.Worker != 7 {
		t.Errorf("moved %+v", s)
	}
	if x, y := r.pool(a, "development").Things, r.pool(b, "development").Things; x != 0 || y != 1 {
		t.Errorf("%d things in the old app, %d in the new", x, y)
	}
	if n := len(r.AllSoftware(roost.Home)); n != 1 {
		t.Errorf("%d things", n)
	}
}

func TestAppOfTwoProjectsKeepApart(t *testing.T) {
	r := newRoom(t, nil)
	other := roost.ProjectID("other")
	r.must(r.store.SaveProject(t.Context(), roost.Project{ID: other, Name: "Other", Created: time.Now()}))
	a := r.app("Blink")
	b := get(r.CreateApp(t.Context(), other, release.NewApp{Name: "Blink"}))(t)
	kind(t, second(r.App(other, a.ID)), roost.NotFound)
	_, err := r.Register(t.Context(), release.Registration{Ref: roost.Ref{Project: other, Thing: "n"}, App: a.ID})
	kind(t, err, roost.NotFound)
	mine, theirs := get(r.NoApp(t.Context(), roost.Home))(t), get(r.NoApp(t.Context(), other))(t)
	if mine.Number == theirs.Number {
		t.Error("two projects share the app of things without one")
	}
	if got, ok := r.Brought(string(b.ID)); !ok || got.Project != other {
		t.Errorf("brought %+v %v", got, ok)
	}
	if _, ok := r.Brought(string(roost.NoApp)); ok {
		t.Error("a thing brought the hidden app")
	}
	for _, want := range []roost.App{a, b, mine, theirs} {
		if got, ok := r.AppByNumber(want.Number); !ok || got != want {
			t.Errorf("number %d is %+v", want.Number, got)
		}
	}
}

func TestThingsOfADeletedAppStay(t *testing.T) {
	r := newRoom(t, nil)
	a, ctx := r.app("Blink"), t.Context()
	r.register("bound", a)
	r.begin(release.Registration{Ref: home("free"), ByAccount: true})
	r.must(r.Install(ctx, home("free"), a.ID, "", "ada"))
	r.must(r.DeleteApp(ctx, roost.Home, a.ID))
	for range 2 {
		if s := r.software("bound"); s.App != "" || s.Pool != "" {
			t.Errorf("bound: %+v", s)
		}
		if s := r.software("free"); s.App != roost.NoApp || s.Pool != "unbound" {
			t.Errorf("free: %+v", s)
		}
		if _, ok := r.Wanted(home("bound")); ok {
			t.Error("something is wanted of a thing without an app")
		}
		r.reopen()
	}
	kind(t, r.DeleteApp(ctx, roost.Home, a.ID), roost.NotFound)
	kind(t, r.DeleteApp(ctx, roost.Home, roost.NoApp), roost.Conflict)
	kind(t, second(r.MakeCommit(ctx, roost.Home, a.ID, release.NewCommit{Files: files("x")})), roost.NotFound)
	b := r.app("Blink") // the name is free again
	r.begin(release.Registration{Ref: home("bound"), App: b.ID})
	if s := r.software("bound"); s.App != b.ID {
		t.Errorf("bound again: %+v", s)
	}
}

// Compatibility cases S01 and S04.
func TestWhatIsWantedStaysTheSameUntilSomebodyChangesIt(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	r.register("n", a)
	first := r.wanted("n")
	for range 100 {
		if w := r.wanted("n"); w != first {
			t.Fatalf("wanted %+v, then %+v", first, w)
		}
	}
	r.reopen()
	if w := r.wanted("n"); w != first {
		t.Errorf("after a restart %+v, before %+v", w, first)
	}
	r.must(r.Again(t.Context(), home("n")))
	again := r.wanted("n")
	if again.Again == first.Again || again.Settings != first.Settings {
		t.Errorf("register again: %+v", again)
	}
	r.must(r.Again(t.Context(), home("n")))
	if w := r.wanted("n"); w.Again == again.Again {
		t.Error("asked to register twice, told once")
	}
}

func TestOwnSettingsGoOverThoseOfThePool(t *testing.T) {
	r := newRoom(t, nil)
	a, ctx := r.app("Blink"), t.Context()
	r.register("n", a)
	r.register("m", a)
	first := r.pool(a, "production").Commit
	r.commit(a, "next")
	secs, factory := 3, "Factory"
	r.must(r.Override(ctx, home("n"), roost.SettingsChange{Worker: &secs, App: &first, OS: &factory}))
	r.reopen()
	n, m := r.wanted("n"), r.wanted("m")
	if n.Settings.Worker != 3 || n.Settings.Management != 60 || n.Commit != first || n.Settings.OS != "factory" {
		t.Errorf("n: %+v", n)
	}
	if m.Settings.Worker != 300 || m.Commit == first {
		t.Errorf("m: %+v", m)
	}
	get(r.SetTag(ctx, roost.Home, a.ID, "v1", first, "ada"))(t)
	tag, zero, nope, nowhere := "v1", 0, "v9", "v0.1"
	r.must(r.Override(ctx, home("n"), roost.SettingsChange{App: &tag}))
	kind(t, r.DeleteTag(ctx, roost.Home, a.ID, "v1"), roost.Conflict)
	for _, own := range []roost.SettingsChange{{Worker: &zero}, {App: &nope}, {OS: &nowhere}} {
		kind(t, r.Override(ctx, home("n"), own), roost.Invalid)
	}
	r.must(r.Override(ctx, home("n"), roost.SettingsChange{}))
	r.must(r.DeleteTag(ctx, roost.Home, a.ID, "v1"))
	if w := r.wanted("n"); w != r.wanted("m") {
		t.Errorf("without own settings %+v", w)
	}
}

// Compatibility case S03.
func TestSettingsThatHarmDevicesAreRefused(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	for _, n := range []int{0, -1, 31*24*3600 + 1} {
		for _, c := range []roost.SettingsChange{{Worker: &n}, {Management: &n}} {
			_, err := r.ChangePool(t.Context(), roost.Home, a.ID, "development", release.PoolChange{Settings: c})
			kind(t, err, roost.Invalid)
		}
	}
	_, err := r.CreateApp(t.Context(), roost.Home, release.NewApp{Name: "x", Worker: -1})
	kind(t, err, roost.Invalid)
	for _, b := range []string{"http://x", "a b", "ü.de", ":80", "/x", `a"b`} {
		_, err := r.ChangePool(t.Context(), roost.Home, a.ID, "development", release.PoolChange{Settings: roost.SettingsChange{Backend: &b}})
		kind(t, err, roost.Invalid)
	}
	good, days := "broker.example:8443/p", 31*24*3600
	p := get(r.ChangePool(t.Context(), roost.Home, a.ID, "development", release.PoolChange{Settings: roost.SettingsChange{Backend: &good, Worker: &days}}))(t)
	if p.Settings.Backend != good || p.Settings.Worker != days {
		t.Errorf("settings %+v", p.Settings)
	}
	wrong := roost.PoolKind("x")
	kind(t, second(r.ChangePool(t.Context(), roost.Home, a.ID, "development", release.PoolChange{Kind: &wrong})), roost.Invalid)
}

func TestPoolsComeGoAndChangeTheirNames(t *testing.T) {
	r := newRoom(t, nil)
	a, ctx := r.app("Blink"), t.Context()
	p := get(r.AddPool(ctx, roost.Home, a.ID, "lab", roost.Staging))(t)
	if p.Commit != r.pool(a, "development").Commit || p.Settings.App != p.Commit {
		t.Errorf("new pool %+v", p)
	}
	r.register("n", a)
	r.must(r.MovePool(ctx, home("n"), "lab"))
	kind(t, r.MovePool(ctx, home("n"), "nope"), roost.NotFound)
	kind(t, r.DeletePool(ctx, roost.Home, a.ID, "lab"), roost.Conflict)
	kind(t, r.DeletePool(ctx, roost.Home, a.ID, "development"), roost.Conflict)
	kind(t, r.DeletePool(ctx, roost.Home, a.ID, "nope"), roost.NotFound)
	to, taken := "bench", "staging"
	get(r.ChangePool(ctx, roost.Home, a.ID, "lab", release.PoolChange{Name: &to}))(t)
	kind(t, second(r.ChangePool(ctx, roost.Home, a.ID, "bench", release.PoolChange{Name: &taken})), roost.Conflict)
	get(r.ChangeApp(ctx, roost.Home, a.ID, release.AppChange{DefaultPool: &to}))(t)
	last := "last"
	get(r.ChangePool(ctx, roost.Home, a.ID, "bench", release.PoolChange{Name: &last}))(t)
	r.reopen()
	if s := r.software("n"); s.Pool != "last" || r.pool(a, "last").Things != 1 || r.wanted("n").Pool != "last" {
		t.Errorf("thing %+v", s)
	}
	if d := get(r.App(roost.Home, a.ID))(t).DefaultPool; d != "last" {
		t.Errorf("new things go to %s", d)
	}
	r.must(r.DeletePool(ctx, roost.Home, a.ID, "staging"))
	r.reopen()
	if n := len(r.Pools(roost.Home, a.ID)); n != 3 {
		t.Errorf("%d pools", n)
	}
}

func TestPoolThatTurnsToLatestStaysUntilThereIsATag(t *testing.T) {
	r := newRoom(t, nil)
	a, ctx := r.app("Blink"), t.Context()
	next := r.commit(a, "next").ID
	latest := roost.Latest
	get(r.ChangePool(ctx, roost.Home, a.ID, "production", release.PoolChange{Settings: roost.SettingsChange{App: &next}}))(t)
	p := get(r.ChangePool(ctx, roost.Home, a.ID, "production", release.PoolChange{Settings: roost.SettingsChange{App: &latest}}))(t)
	r.commit(a, "newer")
	r.reopen()
	if q := r.pool(a, "production"); p.Commit != next || q.Commit != next {
		t.Errorf("production went from %s to %s and %s", next, p.Commit, q.Commit)
	}
	staging := roost.Staging
	newest := r.pool(a, "development").Commit
	if q := get(r.ChangePool(ctx, roost.Home, a.ID, "development", release.PoolChange{Kind: &staging}))(t); q.Commit != newest {
		t.Errorf("a pool of another kind went from %s to %s", newest, q.Commit)
	}
}

// Nothing on the way of a management call may cost a fleet: it allocates nothing.
func TestWantedDoesNotAllocate(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	r.register("n", a)
	secs := 5
	r.must(r.Override(t.Context(), home("n"), roost.SettingsChange{Worker: &secs}))
	ref := home("n")
	if n := testing.AllocsPerRun(100, func() { r.Wanted(ref) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkWanted(b *testing.B) {
	r := newRoom(b, nil)
	a := r.app("Blink")
	for i := range 1000 {
		r.begin(release.Registration{Ref: home(strconv.Itoa(i)), App: a.ID})
	}
	ref := home("500")
	b.ReportAllocs()
	for b.Loop() {
		r.Wanted(ref)
	}
}

func BenchmarkContact(b *testing.B) {
	r := newRoom(b, nil)
	r.register("n", r.app("Blink"))
	ref, at := home("n"), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Millisecond)
		r.Contact(ref, at)
	}
}

func BenchmarkRegister(b *testing.B) {
	r := newRoom(b, nil)
	a := r.app("Blink")
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := r.Register(b.Context(), release.Registration{Ref: home(strconv.Itoa(i % 1000)), App: a.ID}); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkReturningFleet is how long 1,000 things take that all come back at once.
func BenchmarkReturningFleet(b *testing.B) {
	r := newRoom(b, nil)
	a := r.app("Blink")
	for b.Loop() {
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				if _, err := r.Register(b.Context(), release.Registration{Ref: home(strconv.Itoa(i)), App: a.ID}); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
}
