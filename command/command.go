// Package command is a command's life: queued, handed to the thing, and done
// only by the thing's own word. One is in flight per thing and resource; the
// others wait their turn.
package command

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/live"
)

// Courier hands commands to things; the gateway's switchboard is one.
type Courier interface {
	// Deliver gives c to its thing. nil: the thing has it. ErrAsleep: it will be
	// told when the thing wakes. ErrGone: nobody is there, so a brief command fails
	// and others wait as if for one asleep. Other errors are what
	// the thing or its protocol said, and end the command as failed.
	Deliver(ctx context.Context, c roost.Command) error
}

// What a Courier may say.
var (
	ErrAsleep = errors.New("the thing is asleep")
	ErrGone   = errors.New("nobody is there")
)

// Config bounds the room. Its zero value works.
type Config struct {
	SetExpiry  time.Duration // of a set that names none; 30 s by default
	TellExpiry time.Duration // of a message or a shell line that names none; 24 h by default
	MaxExpiry  time.Duration // 30 days by default
	MaxPerLine int           // waiting for one resource of one thing; 64 by default
	MaxOpen    int           // all open ones; 100,000 by default
}

func (c *Config) fill() {
	if c.SetExpiry <= 0 {
		c.SetExpiry = 30 * time.Second
	}
	if c.TellExpiry <= 0 {
		c.TellExpiry = 24 * time.Hour
	}
	if c.MaxExpiry <= 0 {
		c.MaxExpiry = 30 * 24 * time.Hour
	}
	if c.MaxPerLine <= 0 {
		c.MaxPerLine = 64
	}
	if c.MaxOpen <= 0 {
		c.MaxOpen = 100_000
	}
}

// Commands is the room. Its methods may be called from many goroutines.
type Commands struct {
	store Store
	feed  *live.Feed
	cfg   Config
	log   *slog.Logger

	ctx     context.Context // of Run: deliveries end with it
	courier Courier

	mu     sync.Mutex
	lines  map[roost.Ref]map[string][]*open // by lineOf; the head is in flight or about to be
	byID   map[string]*open
	ending map[string]*open // have ended; the store does not know yet, up to MaxOpen
	count  atomic.Int64     // len(byID), so that Confirm is free when nothing is open
	work   sync.WaitGroup
	closed bool
}

// open is a command that has not ended.
type open struct {
	roost.Command
	sending bool
	asleep  bool
	woken   bool               // its thing woke while it was being delivered
	heard   bool               // its thing confirmed it while it was being handed over
	said    roost.Value        // by these words
	abort   context.CancelFunc // of the delivery under way
	saved   chan struct{}      // closed when the store has seen its first state
	out     bool               // the store has had it as sent
	saves   sync.WaitGroup     // later states on their way to the store
	over    <-chan struct{}    // closed when its end has been on the way to the store
	kept    bool               // the store has its end
	unkept  bool               // it did not take it, and nobody tries again as yet
	saveMu  sync.Mutex         // they go there one by one
}

// brief commands are worth nothing to a thing that comes later, so they fail when
// nobody is there; others wait.
func (o *open) brief() bool { return !o.Kind.Fetched() && o.Expires.Sub(o.Created) <= time.Minute }

// fetchedLine is the line of what things come and ask for. It is no resource's name.
const fetchedLine = "\x00"

// line names the line in which o waits.
func (o *open) line() string {
	if o.Kind.Fetched() {
		return fetchedLine
	}
	return o.Resource
}

// New makes the room with what the store still holds open. Run must follow.
func New(ctx context.Context, store Store, feed *live.Feed, cfg Config, log *slog.Logger) (*Commands, error) {
	cfg.fill()
	c := &Commands{store: store, feed: feed, cfg: cfg, log: log, lines: map[roost.Ref]map[string][]*open{}, byID: map[string]*open{}, ending: map[string]*open{}}
	left, err := store.OpenCommands(ctx)
	if err != nil {
		return nil, err
	}
	for _, cmd := range left {
		o := &open{Command: cmd, saved: make(chan struct{})}
		close(o.saved)
		c.admit(o)
		o.asleep = cmd.State == roost.Queued // until its thing arrives
	}
	return c, nil
}

// Run delivers through courier and ends what has expired, until ctx ends; then it
// waits for the deliveries under way.
func (c *Commands) Run(ctx context.Context, courier Courier) {
	c.mu.Lock()
	c.ctx, c.courier = ctx, courier
	for _, lines := range c.lines { // what came before Run
		for _, l := range lines {
			c.start(l[0])
		}
	}
	c.mu.Unlock()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			c.lapse(now)
		case <-ctx.Done():
			c.Hold()
			c.work.Wait()
			return
		}
	}
}

// Hold lets no further delivery begin and takes no further command: the doors are
// about to close. What is queued stays so for the next start.
func (c *Commands) Hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// admit puts o at the end of its line; the caller holds c.mu or is alone.
func (c *Commands) admit(o *open) {
	if c.lines[o.Ref] == nil {
		c.lines[o.Ref] = map[string][]*open{}
	}
	c.lines[o.Ref][o.line()] = append(c.lines[o.Ref][o.line()], o)
	c.byID[o.ID] = o
	c.count.Store(int64(len(c.byID)))
}

// tell publishes the state of o; the caller holds c.mu.
func (c *Commands) tell(o *open, at time.Time) {
	cmd := o.Command
	c.feed.Publish(&roost.Event{Kind: roost.CommandChanged, Ref: cmd.Ref, At: at, Command: &cmd})
}
