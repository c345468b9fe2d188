package coap

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

const codeGET = coap.GET

// name is what this door is called in a thing's identity.
const name = "coap"

// Door is the CoAP door.
type Door struct {
	core gateway.Core
	cfg  Config
	log  *slog.Logger
	end  *exchange.Endpoint
	self *self

	started time.Time
	nodes   nodes
	memory  memory
	seed    maphash.Seed
	lanes   []chan job
	answers chan struct{} // answers on their way that have to be acknowledged

	ctx     context.Context // of Run: discoveries and notifications end with it
	stop    context.CancelFunc
	explore queue
	watched atomic.Int64

	life   sync.Mutex
	closed bool
	work   sync.WaitGroup
}

// New makes a door. Nothing happens before Run.
func New(cfg Config) *Door {
	d := &Door{
		core: cfg.Core, cfg: cfg.withDefaults(), log: cfg.Log, self: newSelf(cfg.Conns[0]),
		started: time.Now(), seed: maphash.MakeSeed(), answers: make(chan struct{}, 256),
	}
	d.ctx, d.stop = context.WithCancel(context.Background())
	d.nodes.init(d.cfg.MaxNodes)
	d.memory.load(cfg.Fleet, d.cfg.Project)
	d.explore.most = d.cfg.MaxDiscoveries
	d.lanes = make([]chan job, d.cfg.Lanes)
	for i := range d.lanes {
		d.lanes[i] = make(chan job, d.cfg.LaneLength)
	}
	x := d.cfg.Exchange
	x.Handler = d.handle
	if x.Log == nil {
		x.Log = cfg.Log
	}
	x.More = cfg.Conns[1:]
	d.end = exchange.New(cfg.Conns[0], x)
	return d
}

// Run serves until ctx ends or a socket is closed, then waits for all that the
// door started. It returns nil after ctx ended. It can be called once.
func (d *Door) Run(ctx context.Context) error {
	unhook := context.AfterFunc(ctx, d.stop)
	defer unhook()
	for _, l := range d.lanes {
		d.spawn(func() { d.serve(l) })
	}
	d.spawn(d.sweep)
	err := d.end.Run(ctx)
	d.stop()
	d.life.Lock()
	d.closed = true
	d.life.Unlock()
	d.work.Wait()
	if err != nil {
		return fmt.Errorf("coap door: %w", err)
	}
	return nil
}

// spawn runs f on a goroutine that Run waits for. False: the door is closed.
func (d *Door) spawn(f func()) bool {
	d.life.Lock()
	defer d.life.Unlock()
	if d.closed {
		return false
	}
	d.work.Go(f)
	return true
}

// now is the time since the door was made.
func (d *Door) now() time.Duration { return time.Since(d.started) }

// sweep forgets the nodes that were silent for longer than the registry waits;
// whether they are offline is the registry's word, and Leave only hastens it.
func (d *Door) sweep() {
	every := min(max(d.cfg.Presence/8, time.Second), 10*time.Second)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-d.ctx.Done():
			return
		case <-tick.C:
			for _, n := range d.nodes.silentSince(d.now() - d.cfg.Presence - 2*time.Second) {
				d.leave(d.ctx, n)
			}
		}
	}
}

// leave ends a node that is no longer in the directory.
func (d *Door) leave(ctx context.Context, n *node) {
	n.end()
	ref, arrived := n.thing()
	if !arrived {
		return
	}
	if err := d.core.Leave(ctx, ref, n); err != nil {
		d.log.Debug("thing not marked as gone", "thing", ref.Thing, "protocol", "coap", "err", err)
	}
}

// Stats counts.
type Stats struct {
	exchange.Stats
	Nodes        int // known to be there
	Discoveries  int // under way
	Queued       int // discoveries that wait for their turn
	Observations int
}

// Stats tells how much the door has to do.
func (d *Door) Stats() Stats {
	running, queued := d.explore.size()
	return Stats{
		Stats: d.end.Stats(), Nodes: d.nodes.len(), Discoveries: running, Queued: queued,
		Observations: int(d.watched.Load()),
	}
}
