package mqttsn

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost/gateway/broker"
)

// Door is the MQTT-SN door.
type Door struct {
	cfg     Config
	log     *slog.Logger
	broker  *broker.Broker
	started time.Time
	seed    maphash.Seed

	known  directory
	lanes  []*lane
	queued atomic.Int64 // bytes in the lanes
	topics atomic.Int64 // registered by all clients
	casual atomic.Int64
	count  counters
}

// New makes a door. Nothing happens before Run.
func New(cfg Config) *Door {
	d := &Door{cfg: cfg.withDefaults(), broker: cfg.Broker, started: time.Now(), seed: maphash.MakeSeed()}
	d.log = d.cfg.Log
	d.known.init(d.cfg.MaxClients)
	d.lanes = make([]*lane, d.cfg.Lanes)
	for i := range d.lanes {
		d.lanes[i] = newLane(d)
	}
	return d
}

// Run serves until ctx ends or a socket is closed, then tells who is awake that it
// goes, ends every session and waits for all that it started. It returns nil after ctx
// ended, and leaves a read deadline on the sockets. It can be called once.
func (d *Door) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	conns := d.cfg.Conns
	if d.cfg.Group != nil {
		conns = append(conns[:len(conns):len(conns)], d.cfg.Group)
	}
	unhook := context.AfterFunc(ctx, func() {
		for _, c := range conns {
			_ = c.SetReadDeadline(time.Unix(1, 0))
		}
	})
	defer unhook()
	var work sync.WaitGroup
	for _, l := range d.lanes {
		work.Go(func() { l.run(ctx) })
	}
	for _, c := range conns {
		work.Go(func() {
			if err := d.read(ctx, c); err != nil {
				stop(err)
			}
		})
	}
	if d.cfg.Advertise > 0 && d.cfg.AdvertiseTo.IsValid() {
		work.Go(func() { d.advertise(ctx) })
	}
	work.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("MQTT-SN door: %w", err)
	}
	return nil
}

// now is the time since the door was made.
func (d *Door) now() time.Duration { return time.Since(d.started) }
