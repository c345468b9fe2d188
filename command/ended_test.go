package command_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/store/sqlite"
)

// lateStore holds final states up until the test lets them through, or tells it that
// they cannot be stored.
type lateStore struct {
	*sqlite.Store
	let chan error
}

func (s lateStore) SaveCommand(ctx context.Context, c roost.Command) error {
	if c.State.Final() {
		if err := <-s.let; err != nil {
			return err
		}
	}
	return s.Store.SaveCommand(ctx, c)
}

// openLate is a room over a lateStore; let lets all through.
func openLate(t *testing.T) (r *room, late lateStore, let func()) {
	log := slog.New(slog.DiscardHandler)
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Config{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	seed(t, store)
	late = lateStore{store, make(chan error)}
	feed := live.NewFeed(time.Now())
	c, err := command.New(t.Context(), late, feed, command.Config{}, log)
	if err != nil {
		t.Fatal(err)
	}
	r = &room{Commands: c, courier: &courier{calls: make(chan roost.Command, 1), say: make(chan error, 1)}, feed: feed.Tail(), store: store}
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { c.Run(ctx, r.courier) })
	let = sync.OnceFunc(func() { close(late.let) })
	t.Cleanup(func() {
		let()
		cancel()
		run.Wait()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, late, let
}

// reaches waits until the store has a command in a state.
func (r *room) reaches(t *testing.T, id string, want roost.CommandState) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if kept, err := r.store.Command(t.Context(), roost.Home, id); err == nil && kept.State == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the store never had it as %s", want)
		}
	}
}

// The thing forgets what it answered when Answer has returned.
func TestAnswerIsInTheStoreWhenItReturns(t *testing.T) {
	r, late, _ := openLate(t)
	c, err := r.Submit(t.Context(), command.Request{Ref: n1, Kind: roost.Tell, Value: `"hello"`})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Fetch(t.Context(), n1); !ok {
		t.Fatal("nothing waits")
	}
	answer := func(ctx context.Context) error { return r.Answer(ctx, n1, c.ID, roost.Done, `"hi"`, "") }
	said := make(chan error, 1)
	go func() { said <- answer(t.Context()) }()
	r.state(t, c.ID, roost.Done)
	short, leave := context.WithCancel(t.Context())
	leave()
	if err := answer(short); !errors.Is(err, context.Canceled) {
		t.Errorf("before the store knows: %v", err)
	}
	select {
	case err := <-said:
		t.Fatalf("it returned before the store knew: %v", err)
	default:
	}
	late.let <- errors.New("disk full")
	if err := <-said; roost.KindOf(err) != roost.Unavailable {
		t.Fatalf("not stored: %v", err)
	}
	go func() { said <- answer(t.Context()) }() // as the thing says again
	late.let <- nil
	if err := <-said; err != nil {
		t.Fatal(err)
	}
	if kept, err := r.store.Command(t.Context(), roost.Home, c.ID); err != nil || kept.State != roost.Done || kept.Result != `"hi"` {
		t.Errorf("stored: %+v, %v", kept, err)
	}
	if err := answer(t.Context()); err != nil {
		t.Errorf("said once more: %v", err)
	}
}

// A thing that says its answer once only loses it to no disk that was full for a while.
func TestEndThatCouldNotBeStoredIsStoredLater(t *testing.T) {
	r, late, let := openLate(t)
	c := r.submit(t, "led", "1")
	<-r.courier.calls
	r.courier.say <- roost.Errorf(roost.Invalid, "4.05 Method Not Allowed")
	r.state(t, c.ID, roost.Failed)
	late.let <- errors.New("disk full")
	let()
	r.reaches(t, c.ID, roost.Failed)
}

func TestEndedCommandIsShownAsItEndedBeforeTheStoreKnows(t *testing.T) {
	r, _, let := openLate(t)
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
	r.reaches(t, asked.ID, roost.Failed)
	if got, err := r.Find(t.Context(), roost.Home, asked.ID); err != nil || got.State != roost.Failed {
		t.Errorf("afterwards found %s (%v)", got.State, err)
	}
}
