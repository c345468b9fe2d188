package release_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// failing is a store whose disk is full while broken is set.
type failing struct {
	release.Store
	broken  atomic.Bool
	touched chan struct{} // gets one for each batch of contacts
}

func (f *failing) do(write func() error) error {
	if f.broken.Load() {
		return errors.New("disk full")
	}
	return write()
}

func (f *failing) SaveCommit(ctx context.Context, c roost.Commit, contents, drafts []string) error {
	return f.do(func() error { return f.Store.SaveCommit(ctx, c, contents, drafts) })
}

func (f *failing) SaveDrafts(ctx context.Context, p roost.ProjectID, id roost.AppID, d []roost.Draft, remove []string, at time.Time) error {
	return f.do(func() error { return f.Store.SaveDrafts(ctx, p, id, d, remove, at) })
}

func (f *failing) SavePools(ctx context.Context, pools []roost.Pool) error {
	return f.do(func() error { return f.Store.SavePools(ctx, pools) })
}

func (f *failing) SaveSoftware(ctx context.Context, s roost.Software) error {
	return f.do(func() error { return f.Store.SaveSoftware(ctx, s) })
}

func (f *failing) BeginRun(ctx context.Context, s roost.Software, runs []roost.Run, keep int) error {
	return f.do(func() error { return f.Store.BeginRun(ctx, s, runs, keep) })
}

func (f *failing) TouchRuns(ctx context.Context, runs []roost.Run) error {
	defer func() {
		select {
		case f.touched <- struct{}{}:
		default: // one waits to be seen
		}
	}()
	return f.do(func() error { return f.Store.TouchRuns(ctx, runs) })
}

// What was not acknowledged must not look as if it were.
func TestWhatTheStoreRefusesDidNotHappen(t *testing.T) {
	r := newRoom(t, nil)
	r.stop()
	f := &failing{Store: r.store, touched: make(chan struct{}, 1)}
	var err error
	if r.Releases, err = release.Open(t.Context(), release.Config{Store: f, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); r.Run(ctx) }()
	r.stop = func() { cancel(); <-ended }

	a := r.app("Blink")
	run := r.register("n", a)
	before, software, app := r.wanted("n"), r.software("n"), get(r.App(roost.Home, a.ID))(t)
	f.broken.Store(true)
	one := 1
	for what, err := range map[string]error{
		"commit":   second(r.MakeCommit(t.Context(), roost.Home, a.ID, release.NewCommit{Files: files("x")})),
		"draft":    r.SaveDraft(t.Context(), roost.Home, a.ID, "x.py", "x", "ada"),
		"pool":     second(r.ChangePool(t.Context(), roost.Home, a.ID, "development", release.PoolChange{Settings: roost.SettingsChange{Worker: &one}})),
		"move":     r.MovePool(t.Context(), home("n"), "staging"),
		"register": second(r.Register(t.Context(), release.Registration{Ref: home("n"), App: a.ID, Version: "9"})),
		"new":      second(r.Register(t.Context(), release.Registration{Ref: home("m"), App: a.ID})),
	} {
		if err == nil {
			t.Errorf("%s was acknowledged", what)
		}
	}
	if _, ok := r.Software(home("m")); ok || r.wanted("n") != before || r.software("n") != software || r.current("n").ID != run.ID {
		t.Error("what runs where changed")
	}
	if got := get(r.App(roost.Home, a.ID))(t); got != app || r.Drafts(roost.Home, a.ID) != 0 || r.pool(a, "development").Things != 1 {
		t.Errorf("the app changed: %+v", got)
	}

	at := run.Started.Add(time.Hour)
	r.Contact(home("n"), at)
	<-f.touched // refused
	f.broken.Store(false)
	deadline := time.After(30 * time.Second)
	for {
		got, ok, err := r.store.FindRun(t.Context(), home("n"), run.ID)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if got.LastContact.Equal(at) {
			return
		}
		select {
		case <-f.touched:
		case <-deadline:
			t.Fatalf("last contact %v, want %v, which was refused at first", got.LastContact, at)
		}
	}
}

// The id of a commit is its second; a full disk, tried again and again, must not drive it
// ahead of the clock.
func TestCommitsThatAreRefusedUseNoIDs(t *testing.T) {
	r := newRoom(t, nil)
	r.stop()
	f := &failing{Store: r.store}
	var err error
	if r.Releases, err = release.Open(t.Context(), release.Config{Store: f, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	a := r.app("Blink")
	first := get(r.Commit(t.Context(), roost.Home, a.ID, ""))(t)
	f.broken.Store(true)
	for range 100 {
		if _, err := r.MakeCommit(t.Context(), roost.Home, a.ID, release.NewCommit{Files: files("x")}); err == nil {
			t.Fatal("a commit was acknowledged")
		}
	}
	f.broken.Store(false)
	c := get(r.MakeCommit(t.Context(), roost.Home, a.ID, release.NewCommit{Files: files("x")}))(t)
	before, after := get(strconv.ParseInt(first.ID, 10, 64))(t), get(strconv.ParseInt(c.ID, 10, 64))(t)
	if after > max(before+1, time.Now().Unix()) {
		t.Errorf("commit %d after %d, at %d", after, before, time.Now().Unix())
	}
}
