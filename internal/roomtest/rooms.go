// Package roomtest gives tests the real rooms over a real store in a temporary
// folder, running until the test ends. Only tests import it.
package roomtest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/store/series"
	"github.com/roost-iot/roost/store/sqlite"
	"github.com/roost-iot/roost/telemetry"
)

// Config is what a test may choose; the zero value lets everybody in.
type Config struct {
	Dir       string // default t.TempDir()
	Registry  registry.Config
	Telemetry telemetry.Config
	Command   command.Config
	Refuse    func() error // of sqlite.Config
}

// Rooms are the rooms of one server.
type Rooms struct {
	Store       *sqlite.Store
	Numbers     *series.DB
	Feed        *live.Feed
	Registry    *registry.Registry
	Telemetry   *telemetry.Telemetry
	Commands    *command.Commands
	Switchboard *gateway.Switchboard

	stop func()
}

// Open starts the rooms; Stop, or the end of the test, ends them.
func Open(t testing.TB, cfg Config) *Rooms {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Registry.Enrolment == "" {
		cfg.Registry.Enrolment = registry.EnrolOpen
	}
	ctx, cancel := context.WithCancel(context.Background())
	log := slog.New(slog.DiscardHandler)
	r := &Rooms{Feed: live.NewFeed(time.Now())}
	must := func(err error) {
		t.Helper()
		if err != nil {
			cancel()
			t.Fatal(err)
		}
	}
	var err error
	r.Store, err = sqlite.Open(ctx, cfg.Dir, sqlite.Config{Log: log, Refuse: cfg.Refuse})
	must(err)
	r.Numbers, err = series.Open(ctx, r.Store.Writer(), r.Store.Reader(), series.Config{}, log)
	must(err)
	r.Registry, err = registry.Open(ctx, r.Store, r.Feed, cfg.Registry, log)
	must(err)
	cfg.Telemetry.Feed = r.Feed
	r.Telemetry = telemetry.New(r.Store, r.Numbers, cfg.Telemetry, log)
	r.Commands, err = command.New(ctx, r.Store, r.Feed, cfg.Command, log)
	must(err)
	r.Switchboard = gateway.New(r.Registry, r.Telemetry, r.Commands, log)
	r.run(ctx, cancel)
	t.Cleanup(r.Stop)
	return r
}

// run starts what the rooms do by themselves.
func (r *Rooms) run(ctx context.Context, cancel func()) {
	var rooms sync.WaitGroup
	rooms.Go(func() { r.Commands.Run(ctx, r.Switchboard) })
	rooms.Go(func() { r.Telemetry.Run(ctx) })
	rooms.Go(func() { r.Registry.Run(ctx) })
	r.stop = sync.OnceFunc(func() {
		cancel()
		rooms.Wait()
		r.Feed.Close()
		_ = r.Numbers.Close(context.Background())
		_ = r.Store.Close()
	})
}

// Stop ends the rooms and closes the store.
func (r *Rooms) Stop() { r.stop() }

// Next waits for the next event of kind, and gives up after Patience.
func Next(t testing.TB, d *live.Reader[*roost.Event], kind roost.EventKind) *roost.Event {
	t.Helper()
	ctx, cancel := Soon()
	defer cancel()
	for {
		var e [1]*roost.Event
		if _, err := d.Next(ctx, e[:]); err != nil {
			t.Fatalf("waiting for event %d: %v", kind, err)
		}
		if e[0].Kind == kind {
			return e[0]
		}
	}
}
