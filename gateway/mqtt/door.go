package mqtt

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/live"
)

// doorName is the Door of the identities that come through here, and through the
// door for MQTT-SN: both speak to one broker, with the same names.
const doorName = "mqtt"

// Fleet is what things are known to have said; the registry is one. Both methods give
// copies, resources in the order in which they were first heard.
type Fleet interface {
	Each(project roost.ProjectID, f func(t roost.Thing, rs []roost.Resource) bool)
	Get(ref roost.Ref) (roost.Thing, []roost.Resource, bool)
}

// Who may come in without a user name and a password.
const (
	AnonymousThings = "things" // things, each to the topics of its own id
	AnonymousAny    = "any"    // anybody, to everything, as in labs with Pyaiot
	AnonymousOff    = "off"    // nobody
)

// Config says how the door behaves. Core and Log are needed; all else works as zero.
type Config struct {
	Core gateway.Core
	Log  *slog.Logger

	// The programs' side of the topics: without Feed and Fleet there is none, without
	// Submit nothing can be set.
	Feed   *live.Feed
	Fleet  Fleet
	Submit func(ctx context.Context, q command.Request) (roost.Command, error)

	// Authenticate tells who shows a user name and a password. Errors:
	// roost.Unauthorized for a wrong one, roost.Denied, roost.TooMany,
	// roost.Unavailable. nil: nobody is known.
	Authenticate func(ctx context.Context, user, password, remote string) (Guest, error)
	// Bound tells that things of this id must show a credential. nil: none must.
	Bound     func(own string) bool
	Anonymous string          // "" is AnonymousThings
	Project   roost.ProjectID // of what arrives, and of programs; "" is roost.Home
	Recheck   time.Duration   // how often guests must prove that they may still be here; 0: 30 s

	Journal broker.Journal // what sessions, retained and queued messages survive in; nil: nothing
	Commit  bool           // acknowledge only what the journal has on disk
	Limits  broker.Limits

	// Outside is the address of a broker besides our own whose things are ours, too:
	// tcp://host:port or mqtts://host:port, with user:password@ if it wants them.
	Outside string
	// OutsideID is the client id there, and makes the session last for an hour without
	// us; "": one made up at each start, so that two of us do not throw each other out.
	OutsideID string

	Presence  time.Duration // how long the registry waits for a silent thing; 0: 120 s
	Beacon    time.Duration // how often nodes are asked to make themselves heard; 0: 30 s
	MaxNodes  int           // things known at once; 0: 100,000
	MaxClaims int           // ids that one connection without a credential may speak for; 0: 256
	MaxValue  int           // bytes of one value; 0: 64 KiB
}

func (c *Config) fill() {
	if c.Project == "" {
		c.Project = roost.Home
	}
	if c.Anonymous == "" {
		c.Anonymous = AnonymousThings
	}
	if c.Recheck == 0 {
		c.Recheck = 30 * time.Second
	}
	if c.Presence == 0 {
		c.Presence = 120 * time.Second
	}
	if c.Beacon == 0 {
		c.Beacon = 30 * time.Second
	}
	if c.MaxNodes == 0 {
		c.MaxNodes = 100_000
	}
	if c.MaxClaims == 0 {
		c.MaxClaims = 256
	}
	if c.MaxValue == 0 {
		c.MaxValue = 64 << 10
	}
}

// Door is the MQTT door.
type Door struct {
	cfg    Config
	log    *slog.Logger
	broker *broker.Broker
	inside *inside
	away   *outside // nil: none
	fault  error    // what is wrong with cfg.Outside

	started time.Time
	nodes   nodes
	guests  guests
	watch   watch

	life context.Context // of what messages ask of the rooms; ends with Run
	end  context.CancelFunc

	stopping   chan struct{} // closed when Run is asked to end
	hopeless   atomic.Bool   // the rooms took nothing for as long as we wait
	complained atomic.Int64  // when readings were last said to be lost, Unix s
	transport
}

// New makes a door. Load comes next.
func New(cfg Config) *Door {
	cfg.fill()
	d := &Door{cfg: cfg, log: cfg.Log, started: time.Now(), stopping: make(chan struct{})}
	d.life, d.end = context.WithCancel(context.Background())
	d.inside = &inside{d: d}
	d.nodes.init(cfg.MaxNodes)
	d.guests.init()
	d.watch.init(d)
	d.broker = broker.New(broker.Config{Hooks: d.inside, Journal: cfg.Journal, Commit: cfg.Commit, Log: cfg.Log, Limits: cfg.Limits})
	if cfg.Outside != "" {
		d.away, d.fault = newOutside(d)
	}
	return d
}

// Load reads what the Journal has kept, before anybody connects.
func (d *Door) Load(ctx context.Context) error {
	if d.fault != nil {
		return fmt.Errorf("MQTT broker outside: %w", d.fault)
	}
	if err := d.broker.Load(ctx); err != nil {
		return fmt.Errorf("load MQTT sessions: %w", err)
	}
	return nil
}

// Stats says how much the door has to do.
type Stats struct {
	broker.Stats
	Things  int  // here or asleep
	Outside bool // connected to the broker outside
}

// Stats counts.
func (d *Door) Stats() Stats {
	return Stats{Stats: d.broker.Stats(), Things: d.nodes.len(), Outside: d.away != nil && d.away.connected()}
}

// Broker is the broker behind the door, for other doors whose clients are its clients
// (MQTT-SN). Their clients' Guest comes from Admit.
func (d *Door) Broker() *broker.Broker { return d.broker }

// drain is how long the rooms may take to swallow what was read before the end.
const drain = 5 * time.Second

// Run serves until ctx ends; then it closes the connections and waits for all that
// the door started.
func (d *Door) Run(ctx context.Context) {
	var work sync.WaitGroup
	heart, stopHeart := context.WithCancel(context.WithoutCancel(ctx))
	work.Go(func() {
		if err := d.broker.Run(heart); err != nil {
			d.log.Error("MQTT sessions not kept", "err", err)
		}
	})
	work.Go(func() { d.watch.run(heart) })
	work.Go(func() { d.beacon(ctx) })
	work.Go(func() { d.recheck(ctx) })
	work.Go(func() { d.sweep(ctx) })
	if d.away != nil {
		work.Go(func() { d.away.run(ctx) })
	}
	<-ctx.Done()
	close(d.stopping)
	late := time.AfterFunc(drain, d.end)
	defer late.Stop()
	d.closeConns()
	stopHeart()
	work.Wait()
	d.end()
}

// beacon asks all nodes to make themselves heard: some have no timer of their own.
func (d *Door) beacon(ctx context.Context) {
	tick := time.NewTicker(d.cfg.Beacon)
	defer tick.Stop()
	for {
		_ = d.inside.say(message{topic: beaconTopic}) // there, nothing stands in its way
		if d.away != nil && d.away.connected() {
			_ = d.away.say(message{topic: beaconTopic}) // it has been logged
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
