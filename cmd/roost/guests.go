package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim"
)

// guests approves things that this process simulates itself: who started them
// need not be asked again.
type guests struct {
	switchboard *gateway.Switchboard
	watch       *live.Reader[*roost.Event]
	log         *slog.Logger

	mu       sync.Mutex
	expected map[roost.Identity]bool
}

func newGuests(s *gateway.Switchboard, feed *live.Feed, log *slog.Logger) *guests {
	return &guests{switchboard: s, watch: feed.Tail(), log: log, expected: map[roost.Identity]bool{}}
}

// expect lets a thing in when it comes.
func (g *guests) expect(id roost.Identity) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expected[id] = true
}

// run watches for them until ctx ends.
func (g *guests) run(ctx context.Context) {
	defer g.watch.Close()
	events := make([]*roost.Event, 1024)
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for {
		n, err := g.watch.Next(ctx, events)
		if err != nil {
			if ctx.Err() == nil {
				g.log.Warn("simulated things must be approved by hand from now on", "err", err)
			}
			return
		}
		for _, e := range events[:n] {
			if e.Kind == roost.ThingChanged && e.Thing.Enrolment == roost.Waiting {
				g.welcome(ctx, e.Thing)
			}
		}
		if n == len(events) {
			continue
		}
		select { // to be woken for every value would cost as much as to take it
		case <-pause.C:
		case <-ctx.Done():
		}
	}
}

func (g *guests) welcome(ctx context.Context, t *roost.Thing) {
	g.mu.Lock()
	ours := g.expected[t.Identity]
	delete(g.expected, t.Identity)
	g.mu.Unlock()
	if !ours {
		return
	}
	if _, err := g.switchboard.Approve(ctx, t.Ref, "the simulator"); err != nil && ctx.Err() == nil {
		g.log.Warn("simulated thing not approved", "thing", t.Ref.Thing, "err", err)
	}
}

// playing is the simulator behind "Start a simulated one".
type playing struct {
	*sim.Starter
	guests *guests
	boards func(ctx context.Context) (kind string, err error) // makes the kind of board that comes when none is named
	house  *house                                             // makes things for virtual boards
}

// Start plays one more thing and lets it in.
func (p playing) Start(ctx context.Context, kind, brings string) (string, error) {
	if kind == "board" && brings == "" {
		var err error
		if brings, err = p.boards(ctx); err != nil {
			return "", err
		}
	}
	if kind == "micropython" {
		return p.virtual(ctx, roost.AppID(brings))
	}
	id, err := p.Starter.Start(ctx, kind, brings)
	if err != nil {
		return "", err
	}
	p.guests.expect(roost.Identity{Door: sim.DoorOf(kind), Own: id})
	if kind == "board" {
		id = brings + "-" + id // its own id is its MAC
	}
	return id, nil
}

// virtual starts a virtual board, which is a thing before it comes.
func (p playing) virtual(ctx context.Context, app roost.AppID) (string, error) {
	if !micropython.Available() {
		return "", roost.Errorf(roost.Unavailable, "This server has no MicroPython in it, so it can start no virtual board.")
	}
	made, err := p.house.newVirtual(ctx, app)
	if err != nil {
		return "", err
	}
	if _, err := p.Starter.Start(ctx, "micropython", made.ID+" "+made.Key); err != nil {
		return "", errors.Join(err, p.house.dropVirtual(ctx, made.ID))
	}
	return made.ID, nil
}

// pageHost is what to type into a browser on this machine.
func pageHost(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() || ip.IsLoopback() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
