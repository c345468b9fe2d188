package registry_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/registry"
)

// slow is a Store that stops in front of a write until the test lets it go on.
type slow struct {
	registry.Store
	at   string // the method that stops
	here chan struct{}
	on   chan struct{}
}

func newSlow(s registry.Store, at string) *slow {
	return &slow{Store: s, at: at, here: make(chan struct{}), on: make(chan struct{})}
}

func (s *slow) wait(method string) {
	if method == s.at {
		s.here <- struct{}{}
		<-s.on
	}
}

func (s *slow) SaveThing(ctx context.Context, t roost.Thing) error {
	s.wait("SaveThing " + t.GivenName)
	return s.Store.SaveThing(ctx, t)
}

func (s *slow) SaveThings(ctx context.Context, ts []roost.Thing) error {
	s.wait("SaveThings")
	return s.Store.SaveThings(ctx, ts)
}

func openOver(t *testing.T, s registry.Store) *registry.Registry {
	t.Helper()
	r, err := registry.Open(t.Context(), s, live.NewFeed(time.Now()), registry.Config{Enrolment: registry.EnrolOpen}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestForgottenThingIsNotWrittenAgainByAFlushUnderWay(t *testing.T) {
	rooms := roomtest.Open(t, roomtest.Config{})
	store := newSlow(rooms.Store, "SaveThings")
	r := openOver(t, store)
	arrive(t, r, arrival("n1"))
	ctx, stop := context.WithCancel(t.Context())
	flushed := make(chan struct{})
	go func() { defer close(flushed); r.Run(ctx) }()
	stop()
	<-store.here // the last flush is about to write the row
	forgotten := make(chan error, 1)
	go func() { forgotten <- r.Forget(context.Background(), ref("n1")) }()
	select {
	case err := <-forgotten:
		forgotten <- err
	case <-time.After(50 * time.Millisecond): // it waits for the flush
	}
	close(store.on)
	<-flushed
	if err := <-forgotten; err != nil {
		t.Fatal(err)
	}
	if left, err := rooms.Store.Things(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("the store still has %v, %v", left, err)
	}
}

func TestThingIsHeardWhileItsNameIsBeingStored(t *testing.T) {
	store := newSlow(roomtest.Open(t, roomtest.Config{}).Store, "SaveThing Attic")
	r := openOver(t, store)
	arrive(t, r, arrival("n1"))
	renamed := make(chan error, 1)
	go func() { _, err := r.Rename(context.Background(), ref("n1"), "Attic"); renamed <- err }()
	<-store.here
	if err := r.Report(ref("n1"), []roost.Resource{reading("led", "1")}); err != nil {
		t.Error(err)
	}
	moved := arrival("n1")
	moved.Address = "192.0.2.9:5683"
	arrive(t, r, moved)
	close(store.on)
	if err := <-renamed; err != nil {
		t.Fatal(err)
	}
	thing, rs, _ := r.Get(ref("n1"))
	if thing.GivenName != "Attic" || thing.Address != moved.Address || len(rs) != 1 {
		t.Errorf("it is %+v with %v", thing, rs)
	}
}

func TestValuesFromBeforeARestartAreGoneForGood(t *testing.T) {
	dir := t.TempDir()
	rooms := roomtest.Open(t, roomtest.Config{Dir: dir})
	arrive(t, rooms.Registry, arrival("n1"))
	if err := rooms.Registry.Report(ref("n1"), []roost.Resource{reading("led", "1"), reading("old", "1")}); err != nil {
		t.Fatal(err)
	}
	rooms.Stop()
	rooms = roomtest.Open(t, roomtest.Config{Dir: dir})
	again := arrival("n1")
	again.Restarted = true
	arrive(t, rooms.Registry, again)
	if err := rooms.Registry.Report(ref("n1"), []roost.Resource{reading("led", "0")}); err != nil {
		t.Fatal(err)
	}
	rooms.Stop()
	_, rs, _ := roomtest.Open(t, roomtest.Config{Dir: dir}).Registry.Get(ref("n1"))
	if len(rs) != 1 || rs[0].Name != "led" || rs[0].Value != `"0"` {
		t.Errorf("it came back with %v", rs)
	}
}
