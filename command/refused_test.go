package command_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/store/sqlite"
)

// openFull is a room whose disk is full while full is true.
func openFull(t *testing.T) (r *room, full *atomic.Bool) {
	log, full := slog.New(slog.DiscardHandler), new(atomic.Bool)
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Config{Log: log, Refuse: func() error {
		if full.Load() {
			return errors.New("disk full")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	seed(t, store)
	feed := live.NewFeed(time.Now())
	c, err := command.New(t.Context(), store, feed, command.Config{}, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { c.Run(ctx, &courier{}) })
	t.Cleanup(func() {
		cancel()
		run.Wait()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return &room{Commands: c, feed: feed.Tail(), store: store}, full
}

// It would be given once more after a restart.
func TestMessageIsNotGivenOutWhileThatCannotBeStored(t *testing.T) {
	r, full := openFull(t)
	c := r.tell(t, roost.Tell, `"hello"`)
	full.Store(true)
	r.nothing(t, "the disk is full")
	if out, ok := r.Fetched(n1); ok {
		t.Errorf("%+v counts as given", out)
	}
	full.Store(false)
	r.fetch(t, c)
	r.stored(t, c.ID, roost.Sent)
}

// After a restart it would be sent.
func TestCommandIsNotSaidToBeTakenBackWhileThatCannotBeStored(t *testing.T) {
	r, full := openFull(t)
	c := r.tell(t, roost.Tell, `"hello"`)
	full.Store(true)
	if _, err := r.Cancel(t.Context(), roost.Home, c.ID); roost.KindOf(err) != roost.Unavailable {
		t.Errorf("with a full disk: %v", err)
	}
	r.nothing(t, "it is taken back")
	full.Store(false)
	r.reaches(t, c.ID, roost.Cancelled)
}
