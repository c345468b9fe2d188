package pyaiot

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/live"
	wire "github.com/roost-iot/roost/wire/pyaiot"
	"github.com/roost-iot/roost/wire/websocket"
)

// Fleet is what a snapshot is made of; the registry is one. Both methods give
// copies, resources in the order in which they were first heard.
type Fleet interface {
	Each(project roost.ProjectID, f func(t roost.Thing, rs []roost.Resource) bool)
	Get(ref roost.Ref) (roost.Thing, []roost.Resource, bool)
}

// Visitor is who a web client turned out to be.
type Visitor struct {
	By      string          // for the history of commands
	Project roost.ProjectID // "" is roost.Home
	Command bool            // may send commands

	// Again tells who they are by now: asked before each command and now and then.
	// With roost.Unauthorized or roost.Denied their connection ends. nil: always the same.
	Again func(ctx context.Context) (Visitor, error)
}

// Who may open /ws.
const (
	ClientsToken = "token" // whom Authenticate knows
	ClientsOpen  = "open"  // anybody, as with Pyaiot
	ClientsOff   = "off"   // nobody: 404
)

// Config says how the door behaves. Core, Feed, Fleet and Log are needed; all
// else works as zero.
type Config struct {
	Core  gateway.Core
	Feed  *live.Feed
	Fleet Fleet
	Log   *slog.Logger

	Keys wire.Keys // of the key file, shared with gateways; without a secret it lets nobody in
	// Keyring gives the keys that people made for gateways, asked anew for each that
	// comes. nil: none but Keys.
	Keyring func() []NamedKey
	Project roost.ProjectID // of what gateways report whose key names none, and of clients in mode open; "" is roost.Home
	Legacy  bool            // also take gateways of Pyaiot 0.2, whose token is the first message
	Grace   time.Duration   // how long nodes outlive their gateway's connection; 0: 5 s, below 0: none

	Clients string // "" is ClientsToken
	// Authenticate tells who a request for /ws comes from, by its query parameter
	// token, its Authorization, or its cookie. A request with neither of the first
	// two must come from a page of our own (see PublicURL). Errors: roost.Unauthorized, roost.Denied.
	Authenticate func(r *http.Request) (Visitor, error)
	// PublicURL is where browsers find us if a proxy stands in front that names us
	// otherwise; "" when they reach us as Host says.
	PublicURL string
	// Submit asks that resource of a thing be set to a JSON value. nil: commands are ignored.
	Submit func(ctx context.Context, ref roost.Ref, resource string, value roost.Value, by string) error

	Recheck time.Duration // how often clients must prove that they may watch; 0: 30 s

	MaxGateways       int // connections; 0: 1,000
	MaxClients        int // connections; 0: 10,000
	MaxNodes          int // of one gateway's connection; 0: 100,000
	MaxGatewayMessage int // bytes; 0: 10 MiB, as Pyaiot
}

func (c *Config) fill() {
	if c.Project == "" {
		c.Project = roost.Home
	}
	if c.Grace == 0 {
		c.Grace = 5 * time.Second
	}
	if c.Clients == "" {
		c.Clients = ClientsToken
	}
	if c.Recheck == 0 {
		c.Recheck = 30 * time.Second
	}
	if c.MaxGateways == 0 {
		c.MaxGateways = 1000
	}
	if c.MaxClients == 0 {
		c.MaxClients = 10_000
	}
	if c.MaxNodes == 0 {
		c.MaxNodes = 100_000
	}
	if c.MaxGatewayMessage == 0 {
		c.MaxGatewayMessage = 10 << 20
	}
}

// Door serves /gw and /ws. Run must be running for it to let anybody in.
type Door struct {
	cfg Config
	hub *hub
	src string // the id under which we speak to gateways

	life    context.Context // of what connections ask of the rooms; ends after them
	end     context.CancelFunc
	opened  chan struct{}  // closed when Run lets the first in
	closing chan struct{}  // closed when connections are told to go
	work    sync.WaitGroup // one for each connection

	mu       sync.Mutex
	open     bool
	gateways *peers
	clients  *peers
	visitors map[*client]struct{} // those of clients who have to prove themselves again
	nodes    map[nodeKey]*node
	fars     map[*far]struct{} // gateways that are connected
	away     map[lineKey]GatewayStatus
}

// peers are the connections of one kind, guarded by Door.mu.
type peers struct {
	limit int
	taken int // connections, those in their handshake included
	conns map[*websocket.Conn]struct{}
}

func newPeers(limit int) *peers {
	return &peers{limit: limit, conns: map[*websocket.Conn]struct{}{}}
}

// New makes a door.
func New(cfg Config) *Door {
	cfg.fill()
	d := &Door{
		cfg: cfg, hub: newHub(cfg.Feed, cfg.Fleet, cfg.Log), src: newUUID(), opened: make(chan struct{}), closing: make(chan struct{}),
		gateways: newPeers(cfg.MaxGateways), clients: newPeers(cfg.MaxClients),
		visitors: map[*client]struct{}{}, nodes: map[nodeKey]*node{},
		fars: map[*far]struct{}{}, away: map[lineKey]GatewayStatus{},
	}
	d.life, d.end = context.WithCancel(context.Background())
	return d
}

// Stats says how many are connected.
type Stats struct{ Gateways, Clients int }

// Stats counts.
func (d *Door) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Stats{Gateways: len(d.gateways.conns), Clients: len(d.clients.conns)}
}

// Opened is closed once Run lets somebody in; before that they are told to come again.
func (d *Door) Opened() <-chan struct{} { return d.opened }

// Run lets gateways and clients in until ctx ends; then it closes their
// connections with 1001 and waits for them.
func (d *Door) Run(ctx context.Context) {
	hub := make(chan struct{})
	hubLife, stopHub := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHub()
	reader := d.cfg.Feed.Tail()
	d.hub.done = reader.At() - 1 // nobody else is here yet
	go func() {
		defer close(hub)
		d.hub.run(hubLife, reader)
	}()
	d.mu.Lock()
	d.open = true
	d.mu.Unlock()
	close(d.opened)
	d.expelUntil(ctx)
	d.shut()
	late := time.AfterFunc(drain, d.end)
	defer late.Stop()
	d.work.Wait()
	d.end()
	stopHub()
	<-hub
}

const (
	// farewell is how long peers may take to answer the close frame at shutdown.
	farewell = time.Second
	// drain is how long the rooms may take to swallow what was read before.
	drain = 5 * time.Second
)

func (d *Door) shut() {
	d.mu.Lock()
	d.open = false
	var all []*websocket.Conn
	for _, p := range []*peers{d.gateways, d.clients} {
		all = slices.AppendSeq(all, maps.Keys(p.conns))
	}
	d.mu.Unlock()
	close(d.closing)
	var told sync.WaitGroup
	for _, c := range all {
		told.Go(func() { c.Interrupt(websocket.GoingAway, "Roost is stopping.", farewell) })
	}
	told.Wait()
}

// attach takes a request over and runs serve in a goroutine of its own; the
// handler returns and its buffers go.
func (d *Door) attach(w http.ResponseWriter, r *http.Request, p *peers, o websocket.Options, serve func(*websocket.Conn)) {
	if !d.reserve(p) {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "Too many connections, or Roost is stopping.", http.StatusServiceUnavailable)
		return
	}
	conn, err := websocket.Accept(w, r, o)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err != nil:
		p.taken--
		d.cfg.Log.Debug("websocket not opened", "remote", r.RemoteAddr, "err", err)
	case !d.open: // it came while the door was closing
		p.taken--
		_ = conn.Cut()
	default:
		p.conns[conn] = struct{}{}
		d.work.Go(func() { serve(conn) })
	}
}

func (d *Door) reserve(p *peers) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.open || p.taken >= p.limit {
		return false
	}
	p.taken++
	return true
}

// detach forgets a connection. It comes after the last use of conn.
func (d *Door) detach(p *peers, conn *websocket.Conn) {
	_ = conn.Cut()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(p.conns, conn)
	p.taken--
}
