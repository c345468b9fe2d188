package mqtt

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/internal/leaktest"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// house is the door with the real rooms behind it, over a real store.
type house struct {
	t *testing.T
	*roomtest.Rooms
	door *Door
	stop func()
}

// build opens a house; change may set up the door's configuration.
func build(t *testing.T, enrolment string, change func(*Config)) *house {
	t.Helper()
	return furnish(t, roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: enrolment}}), change)
}

// furnish puts a door before rooms.
func furnish(t *testing.T, rooms *roomtest.Rooms, change func(*Config)) *house {
	t.Helper()
	h := &house{t: t, Rooms: rooms}
	c := Config{
		Core: rooms.Switchboard, Feed: rooms.Feed, Fleet: rooms.Registry, Submit: rooms.Commands.Submit,
		Log: slog.New(slog.DiscardHandler),
	}
	if os.Getenv("ROOST_TEST_LOG") != "" {
		c.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if change != nil {
		change(&c)
	}
	h.door = New(c)
	if err := h.door.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { h.door.Run(ctx) })
	h.stop = sync.OnceFunc(func() {
		cancel()
		work.Wait()
	})
	t.Cleanup(h.stop)
	return h
}

func home(id string) roost.Ref { return roost.Ref{Project: roost.Home, Thing: roost.ThingID(id)} }

// has waits until a resource of a thing has a value.
func (h *house) has(thing, resource, value string) {
	h.t.Helper()
	roomtest.Eventually(h.t, thing+" has "+resource+" = "+value, func() bool { return h.value(thing, resource) == value })
}

// value is the last value of a resource, "" if there is none.
func (h *house) value(thing, resource string) string {
	_, rs, _ := h.Registry.Get(home(thing))
	for _, r := range rs {
		if r.Name == resource {
			return string(r.Value)
		}
	}
	return ""
}

func (h *house) online(thing string) bool {
	t, _, ok := h.Registry.Get(home(thing))
	return ok && t.Online
}

// command submits a set or, without a resource, a refresh.
func (h *house) command(thing, resource, value string) roost.Command {
	h.t.Helper()
	q := command.Request{Ref: home(thing), Resource: resource, Value: roost.Value(value), By: "ada"}
	if resource == "" {
		q.Kind = roost.Refresh
	}
	c, err := h.Commands.Submit(h.t.Context(), q)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// state waits until a command stands so.
func (h *house) state(c roost.Command, want roost.CommandState) roost.Command {
	h.t.Helper()
	var got roost.Command
	roomtest.Eventually(h.t, "command "+c.Resource+" is "+string(want), func() bool {
		got, _ = h.Commands.Find(h.t.Context(), c.Project, c.ID)
		return got.State == want
	})
	return got
}
