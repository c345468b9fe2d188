package release_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/release"
)

func (r *room) current(id string) roost.Run {
	r.t.Helper()
	run, ok := r.CurrentRun(home(id))
	if !ok {
		r.t.Fatalf("%s has no run", id)
	}
	return run
}

// Compatibility cases R10, R11 and R12.
func TestRegistrationEndsTheRunBefore(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	one := r.begin(release.Registration{
		Ref: home("n"), App: a.ID, RunID: "run-1", Platform: "esp8266", OS: "v1.0.0", Version: "0", Address: "192.0.2.1", Frozen: true, Encrypted: true,
	})
	if one.ID != "run-1" || one.OS != "v1.0.0" || !one.Frozen || !one.Encrypted || one.Address != "192.0.2.1" || !one.Statuses[roost.PartOS].OK {
		t.Errorf("run %+v", one)
	}
	r.Contact(home("n"), one.Started.Add(time.Minute))
	two := r.begin(release.Registration{Ref: home("n"), App: a.ID, Platform: "Python", OS: "v1.1.0", Version: "1700000000"})
	r.reopen()
	if s := r.software("n"); s.Platform != "Python" || s.OS != "v1.1.0" || s.Version != "1700000000" || s.Frozen || s.Encrypted {
		t.Errorf("software %+v", s)
	}
	got, ok, err := r.RunOf(t.Context(), home("n"), "run-1")
	if err != nil || !ok || !got.Ended.Equal(two.Started) || !got.LastContact.Equal(one.Started.Add(time.Minute)) {
		t.Errorf("the run before: %+v %v %v", got, ok, err)
	}
	if now, ok, err := r.RunOf(t.Context(), home("n"), two.ID); err != nil || !ok || !now.Ended.IsZero() || now.ID != two.ID {
		t.Errorf("the run: %+v %v %v", now, ok, err)
	}
	if byID, ok, err := r.RunByID(t.Context(), "run-1"); err != nil || !ok || byID.Thing != "n" {
		t.Errorf("by its id alone: %+v %v %v", byID, ok, err)
	}
	if byID, ok, err := r.RunByID(t.Context(), two.ID); err != nil || !ok || byID.ID != two.ID {
		t.Errorf("the last by its id alone: %+v %v %v", byID, ok, err)
	}
	if all := get(r.Runs(t.Context(), home("n"), time.Time{}, 10))(t); len(all) != 2 || all[0].ID != two.ID {
		t.Errorf("runs %+v", all)
	}
	for _, id := range []string{"x", ""} {
		if _, ok, err := r.RunOf(t.Context(), home("n"), id); ok || err != nil {
			t.Errorf("run %q: %v %v", id, ok, err)
		}
	}
}

// Compatibility case R14: a device that registers for ever fills nothing up.
func TestRunsOfAThingAreBounded(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	for range 60 {
		r.register("n", a)
	}
	all := get(r.Runs(t.Context(), home("n"), time.Time{}, 0))(t)
	if len(all) != 50 || all[0].ID != r.current("n").ID {
		t.Errorf("%d runs kept, the newest %s; want 50", len(all), all[0].ID)
	}
	open := 0
	for _, run := range all {
		if run.Ended.IsZero() {
			open++
		}
	}
	if open != 1 {
		t.Errorf("%d runs have not ended", open)
	}
}

func TestFaultStaysWhenThePartSaysOK(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	r.register("n", a)
	t0 := time.Now().UTC().Truncate(time.Millisecond)
	r.Report(home("n"), roost.PartManagement, false, "ValueError boom\x00\xff", t0)
	r.Report(home("n"), roost.PartManagement, true, "", t0.Add(time.Second))
	r.Report(home("n"), roost.PartManagement, true, "", t0.Add(2*time.Second))
	r.Report(home("nobody"), roost.PartManagement, true, "", t0)
	want := roost.Status{OK: true, Known: true, At: t0.Add(time.Second), Error: "ValueError boom\uFFFD", ErrorAt: t0}
	for range 2 {
		if s := r.current("n").Statuses[roost.PartManagement]; s != want {
			t.Errorf("status %+v, want %+v", s, want)
		}
		if s := r.current("n").Statuses[roost.PartWorker]; s.Known {
			t.Errorf("worker has said nothing: %+v", s)
		}
		r.reopen()
	}
	run := r.register("n", a)
	if s := run.Statuses[roost.PartManagement]; s.Known || s.Error != want.Error {
		t.Errorf("after a restart of the same version: %+v, want its fault in sight", s)
	}
	run = r.begin(release.Registration{Ref: home("n"), App: a.ID, OS: "v1.1.0", Version: "1700000000"})
	if s := run.Statuses[roost.PartManagement]; s.Error != "" {
		t.Errorf("another version has the fault of the one before: %+v", s)
	}
	r.Report(home("n"), roost.PartWorker, false, strings.Repeat("x", 100_000), t0)
	if n := len(r.current("n").Statuses[roost.PartWorker].Error); n > 8<<10 || n == 0 {
		t.Errorf("a traceback of %d bytes is kept", n)
	}
}

func TestStoppedRoomKeepsContactsAndAKilledOneTheRest(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	run := r.register("n", a)
	at := run.Started.Add(time.Hour)
	r.Contact(home("n"), at)
	r.Contact(home("n"), at.Add(-time.Minute)) // late
	r.reopen()
	if got := r.current("n").LastContact; !got.Equal(at) {
		t.Errorf("last contact %v after a stop, want %v", got, at)
	}
	c := r.commit(a, "x")
	get(r.SetTag(t.Context(), roost.Home, a.ID, "v1", c.ID, "ada"))(t)
	r.must(r.SaveDraft(t.Context(), roost.Home, a.ID, "lib.py", "x", "ada"))
	r.must(r.MovePool(t.Context(), home("n"), "staging"))
	run = r.register("m", a)
	r.kill()
	if w := r.wanted("n"); w.Commit != c.ID || w.Pool != "staging" {
		t.Errorf("wanted after a kill %+v", w)
	}
	if got := r.current("m"); got.ID != run.ID || !got.Started.Equal(run.Started) {
		t.Errorf("run after a kill %+v, want %+v", got, run)
	}
	if n := r.Drafts(roost.Home, a.ID); n != 1 {
		t.Errorf("%d drafts after a kill", n)
	}
}

func TestRunOfALostDatabaseIsTakenUp(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	started := time.Now().Add(-time.Hour)
	lost := roost.Run{Ref: home("n"), ID: "old", Started: started, App: a.ID, Pool: "staging", OS: "v1.1.0", Platform: "esp32", Version: "1"}
	r.must(r.Revive(t.Context(), lost))
	r.must(r.Revive(t.Context(), lost)) // two calls of one device
	r.reopen()
	if s := r.software("n"); s.App != a.ID || s.Pool != "staging" || s.ByAccount || s.Platform != "esp32" {
		t.Errorf("software %+v", s)
	}
	if run := r.current("n"); run.ID != "old" || !run.Ended.IsZero() || !run.Started.Equal(started.Truncate(time.Millisecond)) {
		t.Errorf("run %+v", run)
	}
	r.Report(home("n"), roost.PartWorker, true, "", time.Now())
	r.register("n", a)
	kind(t, r.Revive(t.Context(), lost), roost.Conflict)
	earlier := lost
	earlier.ID, earlier.Started = "older", started.Add(-time.Hour)
	kind(t, r.Revive(t.Context(), earlier), roost.Conflict)

	free := roost.Run{Ref: home("free"), ID: "f", Started: started, App: roost.NoApp}
	r.must(r.Revive(t.Context(), free))
	if s := r.software("free"); !s.ByAccount || s.App != roost.NoApp {
		t.Errorf("free: %+v", s)
	}
	orphan := roost.Run{Ref: home("orphan"), ID: "o", Started: started, App: "gone-with-the-database"}
	r.must(r.Revive(t.Context(), orphan))
	if s := r.software("orphan"); s.App != "" {
		t.Errorf("orphan: %+v", s)
	}
}

func TestForgottenThingLeavesNothing(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	run := r.register("n", a)
	r.Contact(home("n"), run.Started.Add(time.Hour))
	r.must(r.Forget(t.Context(), home("n")))
	r.must(r.Forget(t.Context(), home("n")))
	for range 2 {
		if _, ok := r.Software(home("n")); ok {
			t.Error("its software is known")
		}
		if _, ok := r.CurrentRun(home("n")); ok {
			t.Error("its run is known")
		}
		if _, ok, err := r.RunByID(t.Context(), run.ID); ok || err != nil {
			t.Errorf("its run is found: %v", err)
		}
		if p := r.pool(a, "development"); p.Things != 0 {
			t.Errorf("%d things counted", p.Things)
		}
		r.reopen()
	}
}

// A whole fleet comes back at once.
func TestFleetRegistersAtOnce(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	var wg sync.WaitGroup
	for w := range 20 {
		wg.Go(func() {
			for i := range 5 {
				g := release.Registration{Ref: home(fmt.Sprintf("n%d", w*5+i)), App: a.ID}
				if w%2 == 0 {
					g.App, g.ByAccount = "", true
				}
				if _, err := r.Register(t.Context(), g); err != nil {
					t.Error(err)
				}
				r.Contact(g.Ref, time.Now().Add(time.Second))
				r.Report(g.Ref, roost.PartManagement, true, "", time.Now())
				r.Wanted(g.Ref)
			}
		})
	}
	wg.Go(func() {
		for i := range 5 {
			name := strconv.Itoa(i)
			if _, err := r.AddPool(t.Context(), roost.Home, a.ID, name, roost.Development); err != nil {
				t.Error(err)
			}
			if _, err := r.ChangePool(t.Context(), roost.Home, a.ID, "development", release.PoolChange{}); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	idle := get(r.NoApp(t.Context(), roost.Home))(t)
	r.reopen()
	if n, m := r.pool(a, "development").Things, r.pool(idle, "unbound").Things; n != 50 || m != 50 {
		t.Errorf("%d and %d things, want 50 each", n, m)
	}
}

func TestEveryChangeIsTold(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	ctx := t.Context()
	for name, act := range map[string]func(){
		"commit":   func() { r.commit(a, "x") },
		"draft":    func() { r.must(r.SaveDraft(ctx, roost.Home, a.ID, "l.py", "x", "ada")) },
		"tag":      func() { get(r.SetTag(ctx, roost.Home, a.ID, "v1", r.pool(a, "production").Commit, "ada"))(t) },
		"pool":     func() { get(r.AddPool(ctx, roost.Home, a.ID, "lab", roost.Staging))(t) },
		"register": func() { r.register("n", a) },
	} {
		watch := r.feed.Tail()
		act()
		e, err := next(t, watch)
		if err != nil {
			t.Fatal(err)
		}
		want := roost.AppChanged
		if name == "register" {
			want = roost.SoftwareChanged
		}
		if e.Kind != want || e.App != a.ID || e.Project != roost.Home {
			t.Errorf("%s told %+v", name, e)
		}
		watch.Close()
	}
}

func next(t *testing.T, watch *live.Reader[*roost.Event]) (*roost.Event, error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	one := make([]*roost.Event, 1)
	_, err := watch.Next(ctx, one)
	return one[0], err
}

func TestWhatAThingReportsIsInTheStoreOnceItIsKept(t *testing.T) {
	r := newRoom(t, nil)
	r.register("n", r.app("Blink"))
	r.must(r.Keep(t.Context(), home("n")))
	r.must(r.Keep(t.Context(), home("nobody")))
	at := time.Now()
	if !r.Report(home("n"), roost.PartWorker, false, "ValueError", at) || r.Report(home("n"), roost.PartWorker, false, "ValueError", at) {
		t.Error("what is news is not told from what is not")
	}
	r.must(r.Keep(t.Context(), home("n")))
	r.kill()
	if s := r.current("n").Statuses[roost.PartWorker]; s.OK || s.Text != "ValueError" {
		t.Errorf("after a kill %+v", s)
	}
}

func TestFirstStartGivesAThingItsApp(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	r.begin(release.Registration{Ref: home("n"), ByAccount: true, App: a.ID, Pool: "staging", Version: "0"})
	r.kill()
	if s := r.software("n"); s.App != a.ID || s.Pool != "staging" || !s.ByAccount {
		t.Errorf("software %+v", s)
	}
	r.begin(release.Registration{Ref: home("m"), ByAccount: true, App: "gone", Version: "0"})
	if s := r.software("m"); s.App != roost.NoApp {
		t.Errorf("for an app that was deleted: %+v", s)
	}
}
