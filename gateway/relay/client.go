package relay

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// ClientConfig says where the hub is and what is kept. Hub, Keys, Dir and Log are
// needed; all else works as zero.
type ClientConfig struct {
	Hub     string // ws://HOST:PORT; the path is /relay if it has none
	Keys    wire.Keys
	Dir     string // folder of the spool
	Name    string // of this gateway
	Version string // of this Roost
	Doors   []string
	Log     *slog.Logger

	Presence  time.Duration // a thing that is silent for longer is gone; 0: 120 s
	MaxBytes  int64         // of the spool; 0: 256 MB
	MaxAge    time.Duration // of what is in it; 0: 7 days
	Commit    bool          // what things say is taken when it is on disk
	MaxThings int           // 0: 100,000

	// Probe ends Run with ErrForeign when the hub has no /relay (404) and has never
	// welcomed us: it may be a real Pyaiot broker.
	Probe bool

	beat      time.Duration // 0: 30 s
	firstWait time.Duration // before the second try; 0: 1 s
	lastWait  time.Duration // 0: 30 s
	patience  time.Duration // until a line stands; 0: 15 s
	window    int           // entries without acknowledgement; 0: 4,096
}

func (c *ClientConfig) fill() {
	or(&c.Presence, 120*time.Second)
	or(&c.MaxThings, 100_000)
	or(&c.beat, 30*time.Second)
	or(&c.firstWait, time.Second)
	or(&c.lastWait, 30*time.Second)
	or(&c.window, 4096)
	or(&c.patience, dialPatience)
}

func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// ErrForeign: what answers at the hub's address has no /relay.
var ErrForeign = errors.New("the hub has no /relay; it may be a Pyaiot broker")

// Client is the far end: the gateway.Core of the doors there. It vouches for what
// comes in by them, so every thing is let in.
type Client struct {
	cfg   ClientConfig
	log   *slog.Logger
	spool *spool

	mu      sync.Mutex
	things  map[Key]*thing
	refs    map[roost.Ref]*thing
	present int
	moved   bool     // who is here, or where, is not noted yet
	online  *session // nil: the line is down
	copying bool     // the line is behind: what is new goes ahead of its turn, too
	copies  []entryCopy
	orders  map[string]*handed // commands, by id
	status  Status
	work    sync.WaitGroup // deliveries

	stood atomic.Bool // a hub has said welcome
}

// entryCopy is a new entry that is sent before its turn.
type entryCopy struct {
	number uint64
	body   []byte
}

// maxCopies bounds them; what is more comes in its turn only.
const maxCopies = 1024

// OpenClient opens the spool. Run must follow.
func OpenClient(cfg ClientConfig) (*Client, error) {
	cfg.fill()
	c := &Client{
		cfg: cfg, log: cfg.Log, things: map[Key]*thing{}, refs: map[roost.Ref]*thing{}, orders: map[string]*handed{},
		status: Status{Name: cfg.Name, Doors: cfg.Doors},
	}
	var err error
	c.spool, err = openSpool(spoolConfig{
		Dir: cfg.Dir, MaxBytes: cfg.MaxBytes, MaxAge: cfg.MaxAge, Commit: cfg.Commit, See: c.recall,
	}, cfg.Log)
	if err != nil {
		return nil, err
	}
	c.loadMemory()
	return c, nil
}

// Close ends the spool. It comes after Run, and after the doors.
func (c *Client) Close() error { return c.spool.Close() }

// signEvery is how often the hub is told of mere signs of life.
const signEvery = time.Minute

var _ gateway.Core = (*Client)(nil)

// Arrive implements gateway.Core.
func (c *Client) Arrive(ctx context.Context, a gateway.Arrival) (gateway.Standing, error) {
	if roost.CleanThingID(a.Identity.Own) == "" {
		return gateway.Standing{}, roost.Errorf(roost.Invalid, "A thing needs an id that is not empty.")
	}
	c.mu.Lock()
	now := time.Now()
	t, err := c.find(a)
	if err != nil {
		c.mu.Unlock()
		return gateway.Standing{}, err
	}
	var old gateway.Link
	if a.Link != nil && t.link != a.Link {
		old, t.link = t.link, a.Link
	}
	moved := old != nil || a.Link != nil && !t.here
	fresh := !t.here || a.Restarted || moved
	news := fresh || t.sleepy || t.protocol != a.Protocol && a.Protocol != "" || host(t.address) != host(a.Address)
	if a.Protocol != "" {
		t.protocol = a.Protocol
	}
	t.address, t.bound = cut(a.Address, maxWord), a.Bound
	c.hear(t, now)
	var b *batch
	if news || c.online != nil && now.Sub(t.told) > signEvery {
		b, err = c.tellArrived(t, now, a.Restarted)
	}
	standing := gateway.Standing{Ref: t.ref, Enrolment: roost.Enrolled, Fresh: fresh}
	c.mu.Unlock()
	if old != nil {
		old.Close("another connection of the same thing took its place")
	}
	if err != nil {
		return standing, err
	}
	return standing, c.kept(ctx, b)
}

// tellArrived puts an arrival in the spool; the caller holds c.mu.
func (c *Client) tellArrived(t *thing, now time.Time, restarted bool) (*batch, error) {
	_, b, err := c.append(&Entry{
		Kind: Arrived, Key: t.key, At: now, Protocol: t.protocol, Address: t.address, Restarted: restarted,
	})
	if err != nil {
		return nil, err
	}
	t.told, t.sleepy, c.moved = now, false, true
	return b, nil
}

// Report implements gateway.Core.
func (c *Client) Report(ctx context.Context, ref roost.Ref, values []roost.Resource) error {
	now := time.Now()
	parts, err := portions(values, now)
	if err != nil {
		return err
	}
	c.mu.Lock()
	t := c.refs[ref]
	if t == nil {
		c.mu.Unlock()
		return roost.Errorf(roost.NotFound, "There is no thing %q at this gateway.", ref.Thing)
	}
	back := !t.here
	c.hear(t, now)
	var b *batch
	if back {
		b, err = c.tellArrived(t, now, false)
	}
	for _, part := range parts {
		if err != nil {
			break
		}
		_, b, err = c.append(&Entry{Kind: Reported, Key: t.key, At: now, Values: part})
	}
	if err == nil && len(t.orders) > 0 {
		c.confirm(t, values, now)
	}
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.kept(ctx, b)
}

// portions splits values into what one entry holds, and gives those without a time one.
func portions(values []roost.Resource, now time.Time) (parts [][]roost.Resource, err error) {
	size, from := 0, 0
	for i := range values {
		v := &values[i]
		if len(v.Value) > maxValue || len(v.Name) > maxWord {
			return nil, roost.Errorf(roost.TooLarge, "A value or its name is too long for a far gateway.")
		}
		if v.At.IsZero() {
			v.At = now
		}
		if size += len(v.Value) + len(v.Name) + 32; size > 256<<10 && i > from || i-from >= 256 {
			parts = append(parts, values[from:i])
			size, from = 0, i
		}
	}
	if from < len(values) {
		parts = append(parts, values[from:])
	}
	return parts, nil
}

// Answer implements gateway.Core.
func (c *Client) Answer(ctx context.Context, a gateway.Answer) error {
	c.mu.Lock()
	t := c.refs[a.Ref]
	if t == nil {
		c.mu.Unlock()
		return roost.Errorf(roost.NotFound, "There is no thing %q at this gateway.", a.Ref.Thing)
	}
	b, err := c.answered(t, a)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.kept(ctx, b)
}

// answered puts a thing's word on a command in the spool; the caller holds c.mu.
func (c *Client) answered(t *thing, a gateway.Answer) (*batch, error) {
	if h := c.orders[a.ID]; h != nil {
		h.answered = true
	}
	value := a.Value
	if len(value) > maxValue {
		value = ""
	}
	_, b, err := c.append(&Entry{
		Kind: Answered, Key: t.key, At: time.Now(), Command: a.ID, State: a.State, Value: value, Error: cut(a.Error, maxWord),
	})
	return b, err
}

// Leave implements gateway.Core.
func (c *Client) Leave(ctx context.Context, ref roost.Ref, link gateway.Link) error {
	c.mu.Lock()
	t := c.refs[ref]
	if t == nil || t.link != link {
		c.mu.Unlock()
		return nil
	}
	t.link = nil
	b, err := c.lose(t, time.Now())
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.kept(ctx, b)
}

// lose puts in the spool that a thing is gone; the caller holds c.mu.
func (c *Client) lose(t *thing, now time.Time) (*batch, error) {
	if !t.here {
		return nil, nil
	}
	t.here = false
	c.present--
	_, b, err := c.append(&Entry{Kind: Left, Key: t.key, At: now})
	return b, err
}

// append numbers an entry; while the line is behind it goes ahead of its turn, too.
// The caller holds c.mu.
func (c *Client) append(e *Entry) (uint64, *batch, error) {
	body := e.Append(nil)
	n, b, err := c.spool.Append(e.At, body)
	if err == nil && c.copying && len(c.copies) < maxCopies {
		c.copies = append(c.copies, entryCopy{n, body})
	}
	return n, b, err
}

// kept waits for the disk if that is what counts.
func (c *Client) kept(ctx context.Context, b *batch) error {
	if b == nil || !c.cfg.Commit {
		return nil
	}
	return b.settle(ctx)
}

// Settled waits until the hub has acknowledged all that is in the spool, or ctx ends.
func (c *Client) Settled(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if next, acked := c.spool.Next(); acked+1 >= next {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
