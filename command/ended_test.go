package command_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/store/sqlite"
)

// lateStore holds final states up until the test lets them through.
type lateStore struct {
	*sqlite.Store
	let chan struct{}
}

func (s lateStore) SaveCommand(ctx context.Context, c roost.Command) error {
	if c.State.Final() {
		<-s.let
	}
	return s.Store.SaveCommand(ctx, c)
}

func TestEndedCommandIsShownAsItEndedBeforeTheStoreKnows(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Config{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	seed(t, store)
	late := lateStore{store, make(chan struct{})}
	feed := live.NewFeed(time.Now())
	c, err := command.New(t.Context(), late, feed, command.Config{}, log)
	if err != nil {
		t.Fatal(err)
	}
	r := &room{Commands: c, courier: &courier{calls: make(chan roost.Command, 1), say: make(chan error, 1)}, feed: feed.Tail(), store: store}
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { c.Run(ctx, r.courier) })
	let := sync.OnceFunc(func() { close(late.let) })
	t.Cleanup(func() {
		let()
		cancel()
		run.Wait()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	asked := r.submit(t, "led", "1")
	<-r.courier.calls
	r.courier.say <- roost.Errorf(roost.Invalid, "4.05 Method Not Allowed")
	r.state(t, asked.ID, roost.Failed)
	if got, err := r.Find(t.Context(), roost.Home, asked.ID); err != nil || got.State != roost.Failed {
		t.Errorf("found %s (%v), want failed", got.State, err)
	}
	if all, err := r.Of(t.Context(), n1, 10); err != nil || len(all) != 1 || all[0].State != roost.Failed {
		t.Errorf("listed %+v (%v), want it failed", all, err)
	}
	if _, err := r.Cancel(t.Context(), roost.Home, asked.ID); roost.KindOf(err) != roost.Conflict || roost.Message(err) != "The command has ended: it is failed." {
		t.Errorf("cancelled: %v", err)
	}
	let()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if kept, err := store.Command(t.Context(), roost.Home, asked.ID); err == nil && kept.State == roost.Failed {
			break
		}
		if time.Now().After(end) {
			t.Fatal("its end never reached the store")
		}
	}
	if got, err := r.Find(t.Context(), roost.Home, asked.ID); err != nil || got.State != roost.Failed {
		t.Errorf("afterwards found %s (%v)", got.State, err)
	}
}
