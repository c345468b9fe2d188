// Package ws is the door for WebSocket nodes: /node, as Pyaiot's WebSocket gateway
// has it. A node has one goroutine, which reads; it is here as long as its
// connection. docs/protocols/pyaiot.md says what it may send and gets.
package ws

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/wire/websocket"
)

// Config says how the door behaves. Core and Log are needed; all else works as zero.
type Config struct {
	Core gateway.Core
	Log  *slog.Logger

	Project  roost.ProjectID // of what arrives; "" is roost.Home
	MaxNodes int             // connections; 0: 20,000
	Ping     time.Duration   // ping a node that was silent so long; 0: 30 s
	Dead     time.Duration   // give up a node that was silent so long; 0: 90 s
}

func (c *Config) fill() {
	if c.Project == "" {
		c.Project = roost.Home
	}
	if c.MaxNodes == 0 {
		c.MaxNodes = 20_000
	}
	if c.Ping == 0 {
		c.Ping = 30 * time.Second
	}
	if c.Dead == 0 {
		c.Dead = 90 * time.Second
	}
}

// Door serves /node. Run must be running for it to let anybody in.
type Door struct {
	cfg  Config
	life context.Context // of what connections ask of the rooms; ends after them
	end  context.CancelFunc
	work sync.WaitGroup // one for each connection

	opened  chan struct{} // closed when Run lets the first in
	closing chan struct{} // closed when connections are told to go

	mu    sync.Mutex
	open  bool
	taken int // connections, those in their handshake included
	nodes map[*node]struct{}
	names map[string]struct{}      // made from addresses, in use
	turns map[string]chan struct{} // by id: closed when the newest connection has had its turn to arrive
}

// New makes a door.
func New(cfg Config) *Door {
	cfg.fill()
	d := &Door{cfg: cfg, opened: make(chan struct{}), closing: make(chan struct{}), nodes: map[*node]struct{}{}, names: map[string]struct{}{}, turns: map[string]chan struct{}{}}
	d.life, d.end = context.WithCancel(context.Background())
	return d
}

// Stats says how many nodes are connected.
type Stats struct{ Nodes int }

// Stats counts.
func (d *Door) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Stats{Nodes: len(d.nodes)}
}

const (
	// maxWord bounds ids and resource names, in bytes.
	maxWord = 256
	// farewell is how long nodes may take to answer the close frame at shutdown.
	farewell = time.Second
	// drain is how long the rooms may take to swallow what was read before.
	drain = 5 * time.Second
)

// Opened is closed once Run lets somebody in; before that they are told to come again.
func (d *Door) Opened() <-chan struct{} { return d.opened }

// Run lets nodes in until ctx ends; then it closes their connections with 1001
// and waits for them.
func (d *Door) Run(ctx context.Context) {
	d.mu.Lock()
	d.open = true
	d.mu.Unlock()
	close(d.opened)
	<-ctx.Done()
	d.mu.Lock()
	d.open = false
	var told sync.WaitGroup
	for n := range d.nodes {
		told.Go(func() { n.conn.Interrupt(websocket.GoingAway, "Roost is stopping.", farewell) })
	}
	d.mu.Unlock()
	close(d.closing)
	told.Wait()
	late := time.AfterFunc(drain, d.end)
	defer late.Stop()
	d.work.Wait()
	d.end()
}

// ServeNode is /node. The query parameter id names the node; without it the
// node is named after its address.
func (d *Door) ServeNode(w http.ResponseWriter, r *http.Request) {
	if !websocket.Check(w, r) {
		return
	}
	own, remote := strings.ToValidUTF8(r.URL.Query().Get("id"), "-"), r.RemoteAddr
	if len(own) > maxWord {
		http.Error(w, "An id is too long.", http.StatusBadRequest)
		return
	}
	before, turn, ok := d.reserve(own)
	if !ok {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "Too many nodes, or Roost is stopping.", http.StatusServiceUnavailable)
		return
	}
	conn, err := websocket.Accept(w, r, websocket.Options{Ping: d.cfg.Ping, Dead: d.cfg.Dead})
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err != nil:
		d.taken--
		d.pass(own, turn)
		d.cfg.Log.Debug("websocket not opened", "remote", remote, "err", err)
	case !d.open: // it came while the door was closing
		d.taken--
		d.pass(own, turn)
		_ = conn.Cut()
	default:
		n := &node{d: d, conn: conn, remote: remote, own: own, before: before, turn: turn, arrived: make(chan struct{})}
		if own == "" {
			n.own, n.named = d.nameFor(remote), true
		}
		d.nodes[n] = struct{}{}
		d.work.Go(n.serve)
	}
}

// reserve makes room for a connection, before its node knows that it has one. The
// connections of one id arrive in this order, each after the one before it had its
// turn: of two, the newer one must win.
func (d *Door) reserve(own string) (before <-chan struct{}, turn chan struct{}, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.open || d.taken >= d.cfg.MaxNodes {
		return nil, nil, false
	}
	d.taken++
	turn = make(chan struct{})
	if own == "" { // each gets a name of its own
		return nil, turn, true
	}
	before = d.turns[own]
	d.turns[own] = turn
	return before, turn, true
}

// pass ends a turn. The caller holds d.mu.
func (d *Door) pass(own string, turn chan struct{}) {
	close(turn)
	if d.turns[own] == turn {
		delete(d.turns, own)
	}
}

// nameFor gives the lowest free name of an address: ws-192.0.2.7, then
// ws-192.0.2.7-2 and so on. The caller holds d.mu.
func (d *Door) nameFor(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	base := "ws-" + string(roost.CleanThingID(host))
	name := base
	for n := 2; ; n++ {
		if _, taken := d.names[name]; !taken {
			d.names[name] = struct{}{}
			return name
		}
		name = base + "-" + strconv.Itoa(n)
	}
}

func (d *Door) forget(n *node) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.nodes, n)
	d.taken--
	if n.named {
		delete(d.names, n.own)
	}
}
