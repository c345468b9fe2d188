package release_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/store/sqlite"
)

// room is a room over a real store, that can be closed and opened again.
type room struct {
	*release.Releases
	t        testing.TB
	dir      string
	shelf    string
	store    *sqlite.Store
	feed     *live.Feed
	compiler release.Compiler
	stop     func()
}

// empty is the file of a new store: copied, it saves each test the making of the tables.
var empty = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, err := sqlite.Open(context.Background(), dir, sqlite.Config{})
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "roost.db"))
})

func newRoom(t testing.TB, compiler release.Compiler) *room {
	t.Helper()
	r := &room{t: t, dir: t.TempDir(), shelf: t.TempDir(), feed: live.NewFeed(time.Now()), compiler: compiler}
	r.must(os.WriteFile(filepath.Join(r.dir, "roost.db"), get(empty())(t), 0o600))
	r.open()
	t.Cleanup(func() { r.close() })
	return r
}

func (r *room) open() {
	r.t.Helper()
	var err error
	if r.store, err = sqlite.Open(r.t.Context(), r.dir, sqlite.Config{}); err != nil {
		r.t.Fatal(err)
	}
	r.Releases, err = release.Open(r.t.Context(), release.Config{
		Store: r.store, Feed: r.feed, Compiler: r.compiler, Shelf: r.shelf, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); r.Run(ctx) }()
	r.stop = func() { cancel(); <-ended }
}

func (r *room) close() {
	r.t.Helper()
	r.stop()
	if err := r.store.Close(); err != nil {
		r.t.Error(err)
	}
}

// reopen stops the room as a server is stopped, and starts it again.
func (r *room) reopen() {
	r.t.Helper()
	r.close()
	r.open()
}

// kill leaves the room without its last writes and starts another on the same files.
func (r *room) kill() {
	r.t.Helper()
	if err := r.store.Close(); err != nil { // what Run would still write fails
		r.t.Error(err)
	}
	r.stop()
	r.open()
}

func (r *room) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func kind(t testing.TB, err error, k roost.ErrorKind) {
	t.Helper()
	if err == nil || roost.KindOf(err) != k {
		t.Errorf("error %v, want one of kind %d", err, k)
	}
}

func get[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func second[T any](_ T, err error) error { return err }

func home(id string) roost.Ref { return roost.Ref{Project: roost.Home, Thing: roost.ThingID(id)} }

func (r *room) app(name string) roost.App {
	r.t.Helper()
	return get(r.CreateApp(r.t.Context(), roost.Home, release.NewApp{Name: name, By: "ada", Latest: true}))(r.t)
}

// commit commits a worker task that returns the text.
func (r *room) commit(a roost.App, text string) roost.Commit {
	r.t.Helper()
	return get(r.MakeCommit(r.t.Context(), roost.Home, a.ID, release.NewCommit{
		Message: text, Author: "ada", Origin: "editor", Files: files(text),
	}))(r.t)
}

func files(text string) map[string]string {
	return map[string]string{
		"worker_task.py":     "class WorkerTask(object):\n    def call(self):\n        return '" + text + "'\n",
		"management_task.py": "class ManagementTask(object):\n    def call(self, data):\n        return data\n",
	}
}

func (r *room) pool(a roost.App, name string) release.PoolState {
	r.t.Helper()
	for _, p := range r.Pools(a.Project, a.ID) {
		if p.Name == name {
			return p
		}
	}
	r.t.Fatalf("no pool %q in %v", name, r.Pools(a.Project, a.ID))
	return release.PoolState{}
}

func (r *room) register(id string, a roost.App) roost.Run {
	r.t.Helper()
	return get(r.Register(r.t.Context(), release.Registration{Ref: home(id), App: a.ID, Platform: "esp8266", OS: "v1.1.0", Version: "0"}))(r.t)
}

func (r *room) wanted(id string) release.Wanted {
	r.t.Helper()
	w, ok := r.Wanted(home(id))
	if !ok {
		r.t.Fatalf("nothing is wanted of %s", id)
	}
	return w
}
