package mqttclient

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// Errors that callers branch on.
var (
	ErrOffline = errors.New("not connected to the MQTT broker")
	ErrFull    = errors.New("too many messages wait for the MQTT broker")
	ErrClosed  = errors.New("the MQTT client has ended")
)

// Client is one client. Run makes it live.
type Client struct {
	o      Options
	target target

	mu      sync.Mutex
	link    *link         // nil: not connected
	online  chan struct{} // closed while connected; nil until somebody waits
	version mqtt.Version  // what the broker is known to speak; 0: not known
	ended   bool

	lastID uint16
	queue  []*outgoing          // waits to be sent
	flight map[uint16]*outgoing // has a packet id; queue may hold it as well
	order  uint64               // of outgoing
	sent   int                  // of flight, on this connection
	large  []*outgoing          // refused, to be told when c.mu is free
	asks   []*ask               // not answered yet
	subs   []mqtt.Subscription
	made   bool                // the broker has once taken subs
	seen   map[uint16]struct{} // QoS 2 on the way in
}

// New makes a client. It fails only for an address that is none.
func New(o Options) (*Client, error) {
	o.fill()
	t, err := parse(o.Address)
	if err != nil {
		return nil, err
	}
	if o.User == "" && o.Password == "" && t.login {
		o.User, o.Password = t.user, t.pass
	}
	c := &Client{o: o, target: t, subs: append([]mqtt.Subscription(nil), o.Subscriptions...)}
	return c, nil
}

// ID is the client id.
func (c *Client) ID() string { return c.o.ClientID }

// Online says whether the broker has let the client in.
func (c *Client) Online() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link != nil
}

// Version is what is spoken; 0 while not connected.
func (c *Client) Version() mqtt.Version {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil {
		return 0
	}
	return c.link.version
}

// Await waits until the client is connected.
func (c *Client) Await(ctx context.Context) error {
	c.mu.Lock()
	if c.link != nil {
		c.mu.Unlock()
		return nil
	}
	if c.online == nil {
		c.online = make(chan struct{})
	}
	online := c.online
	c.mu.Unlock()
	select {
	case <-online:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settled is how long a connection must have lived for the next pause to be short again.
const settled = 10 * time.Second

// Run connects, and connects again, until ctx ends; then it says DISCONNECT. What was
// not acknowledged by then fails with ErrClosed.
func (c *Client) Run(ctx context.Context) {
	defer c.end()
	var said string // the last complaint
	pause := c.o.Retry
	for ctx.Err() == nil {
		began := time.Now()
		wasIn, err := c.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		if wasIn {
			said = ""
			if time.Since(began) > settled {
				pause = c.o.Retry
			}
		}
		if errors.Is(err, errFallBack) {
			continue
		}
		if s := err.Error(); s != said {
			said = s
			c.o.Log.Warn("MQTT broker not reachable", "remote", c.target.host, "err", err)
		}
		if !sleep(ctx, pause/2+rand.N(pause)) {
			return
		}
		pause = min(2*pause, c.o.RetryMax)
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Drop ends the connection without a word, so that the broker publishes the will. The
// client connects again.
func (c *Client) Drop() {
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
	if l != nil {
		l.cut(errors.New("dropped on request"))
	}
}

// end fails all that waits.
func (c *Client) end() {
	c.mu.Lock()
	c.ended = true
	waiting := c.queue
	for _, o := range c.flight {
		if o.onWay {
			waiting = append(waiting, o)
		}
	}
	asks := c.asks
	c.queue, c.flight, c.asks = nil, nil, nil
	c.mu.Unlock()
	for _, o := range waiting {
		o.finish(ErrClosed)
	}
	for _, a := range asks {
		a.finish(nil, ErrClosed)
	}
}
