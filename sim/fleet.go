package sim

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Fleet is a number of things of one protocol.
type Fleet struct {
	c     Config
	fault error
	nodes []node
	count counters
}

// node is one thing. live plays it until ctx ends and returns nil then; another
// error says why it can not be played at all.
type node interface {
	live(ctx context.Context) error
}

// Stats counts what the things of a Fleet did.
type Stats struct {
	Present  int64  // things that are there now
	Joined   uint64 // signs of life or connections that were taken
	Refused  uint64 // that were answered "not yet" or "no"
	Lost     uint64 // attempts to reach the gateway that failed
	Sent     uint64 // values
	Asked    uint64 // reads and discoveries answered
	Sets     uint64 // values that were set
	Declined uint64 // sets that made no sense
	Dropped  uint64 // datagrams and messages thrown away on purpose
}

type counters struct {
	present                                                     atomic.Int64
	joined, refused, lost, sent, asked, sets, declined, dropped atomic.Uint64
}

// Stats returns the counts so far.
func (f *Fleet) Stats() Stats {
	n := &f.count
	return Stats{
		Present: n.present.Load(), Joined: n.joined.Load(), Refused: n.refused.Load(), Lost: n.lost.Load(),
		Sent: n.sent.Load(), Asked: n.asked.Load(), Sets: n.sets.Load(), Declined: n.declined.Load(),
		Dropped: n.dropped.Load(),
	}
}

// newFleet makes the things of c; uid is what their ids begin with by default.
func newFleet(c Config, uid string, make func(*Fleet, *device, int) node) *Fleet {
	f := &Fleet{c: c.withDefaults(uid), fault: c.check()}
	if f.fault != nil {
		return f
	}
	for i := range f.c.Count {
		d := newDevice(f.c.idOf(i), f.c.nameOf(i), f.c.Resources, f.c.Seed, i)
		d.held["webcam"] = f.c.Webcam
		f.nodes = append(f.nodes, make(f, d, i))
	}
	return f
}

// IDs gives the things' own ids.
func (f *Fleet) IDs() []string {
	ids := make([]string, f.c.Count)
	for i := range ids {
		ids[i] = f.c.idOf(i)
	}
	return ids
}

// Fault is what is wrong with the Config; Run fails with it, too.
func (f *Fleet) Fault() error { return f.fault }

// Run plays the things until ctx ends, and returns nil then, or until all have
// left for good. Errors: what is wrong with the Config, or why a thing could not
// open its socket; the others are then stopped too.
func (f *Fleet) Run(ctx context.Context) error {
	if f.fault != nil {
		return f.fault
	}
	all, life := errgroup.WithContext(ctx)
	for i, n := range f.nodes {
		all.Go(func() error {
			if !pause(life, f.joinAt(i)) {
				return nil
			}
			return f.play(life, n)
		})
	}
	if err := all.Wait(); ctx.Err() == nil {
		return err
	}
	return nil // whatever a thing was about to do was broken off
}

// joinAt is when the i-th thing joins.
func (f *Fleet) joinAt(i int) time.Duration {
	return f.c.JoinSpread * time.Duration(i) / time.Duration(f.c.Count)
}

// play lets a thing live, leave and come back.
func (f *Fleet) play(ctx context.Context, n node) error {
	for {
		life, end := ctx, context.CancelFunc(func() {})
		if f.c.LeaveAfter > 0 {
			life, end = context.WithTimeout(ctx, f.c.LeaveAfter)
		}
		f.count.present.Add(1)
		err := n.live(life)
		f.count.present.Add(-1)
		end()
		if err != nil || f.c.BackAfter == 0 || !pause(ctx, f.c.BackAfter) {
			return err
		}
	}
}

func (f *Fleet) log(d *device, protocol string) *slog.Logger {
	return f.c.Log.With("thing", d.id, "protocol", protocol)
}

// pause waits; false: ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// backOff is how long to wait after the n-th failure in a row: half a second
// doubling to 15 s, a quarter more or less so that things do not come all at once.
func backOff(n int) time.Duration {
	d := 15 * time.Second
	if n < 5 {
		d = 500 * time.Millisecond << n
	}
	return d*3/4 + rand.N(d/2)
}
