package pyaiot

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// How a gateway shows its token.
const (
	AuthHead   = "head" // as a subprotocol, since April 2019
	AuthLegacy = "v0.2" // as the first message, as Pyaiot 0.2 does
)

// UplinkConfig says which broker is dialled. Hub, Keys and Log are needed.
type UplinkConfig struct {
	Hub  string // ws://HOST:PORT; the path is /gw if it has none
	Keys wire.Keys
	Auth string // "" is AuthHead
	Name string // of this gateway: it goes before ids that were made of addresses
	Log  *slog.Logger

	Doors    []string
	Presence time.Duration // a node that is silent for longer is out; 0: 120 s
	MaxNodes int           // 0: 100,000

	alive               time.Duration // between two keep-alives; 0: 30 s
	settle              time.Duration // behind a token that is a message; 0: 1 s
	patience            time.Duration // until a connection stands; 0: 20 s
	firstWait, lastWait time.Duration
}

// Uplink is a gateway towards a Pyaiot broker, Pyaiot's own or any other: the
// gateway.Core of far doors. There is no registry here: which nodes are present, and
// what they said last, is kept by the uplink, as Pyaiot's gateways do.
type Uplink struct {
	cfg UplinkConfig
	log *slog.Logger

	mu     sync.Mutex
	nodes  map[string]*local // by door and own id
	refs   map[roost.Ref]*local
	order  []*local // present ones, in the order in which they appeared
	line   *lineOut // nil: there is none
	status UplinkStatus
	life   context.Context // of commands
	work   sync.WaitGroup  // those under way
}

// UplinkStatus tells how the line to the broker stands.
type UplinkStatus struct {
	Name      string
	Doors     []string
	Connected bool
	Since     time.Time // when that last changed; zero: never
	Remote    string
	Things    int
	LastError string
}

// local is a node of our own doors.
type local struct {
	key      string
	uid      string // what the broker knows it by
	ref      roost.Ref
	link     gateway.Link
	protocol roost.Protocol
	bound    bool
	here     bool
	heard    time.Time
	names    []string // in the order in which they were first heard
	values   map[string]roost.Value
	commands chan roost.Command // nil: nobody works on any
}

// NewUplink makes one. Run must follow.
func NewUplink(cfg UplinkConfig) *Uplink {
	def(&cfg.Auth, AuthHead)
	def(&cfg.Presence, 120*time.Second)
	def(&cfg.MaxNodes, 100_000)
	def(&cfg.alive, 30*time.Second)
	def(&cfg.settle, time.Second)
	def(&cfg.patience, dialPatience)
	return &Uplink{
		cfg: cfg, log: cfg.Log, nodes: map[string]*local{}, refs: map[roost.Ref]*local{},
		status: UplinkStatus{Name: cfg.Name, Doors: cfg.Doors},
	}
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Status tells how the line stands.
func (u *Uplink) Status() UplinkStatus {
	u.mu.Lock()
	defer u.mu.Unlock()
	st := u.status
	st.Things = len(u.order)
	return st
}

// Run keeps a line to the broker until ctx ends, whatever happens to it: the name
// does not resolve, it refuses the connection or the token, breaks, is silent.
// Errors: an address of no use.
func (u *Uplink) Run(ctx context.Context) error {
	address, err := gateway.LineURL(u.cfg.Hub, "/gw")
	if err != nil {
		return fmt.Errorf("address of the broker: %w", err)
	}
	life, end := context.WithCancel(ctx)
	defer u.work.Wait()
	defer end()
	u.mu.Lock()
	u.life = life
	u.mu.Unlock()
	u.work.Go(func() { u.sweep(life) })
	client, shut := transport()
	defer shut()
	redial := gateway.Redial{Remote: address, Log: u.log, First: u.cfg.firstWait, Last: u.cfg.lastWait}
	return redial.Run(ctx, func(ctx context.Context) (time.Duration, error) {
		line, err := u.dial(ctx, address, client)
		if err != nil {
			u.detach(nil, err)
			return 0, err
		}
		began := time.Now()
		u.attach(line, address)
		err = line.serve(ctx, u.cfg.alive, func() { line.queueText([]byte(keepAlive)) }, u.take)
		u.detach(line, err)
		return max(time.Since(began), 1), err
	})
}

// keepAlive is what real gateways send every 30 s.
const keepAlive = `{"type": "update", "uid": "alive"}`

// dial opens a line and shows the token. A broker of 0.2 wants to be left alone for a
// moment after it.
func (u *Uplink) dial(ctx context.Context, address string, client *http.Client) (*lineOut, error) {
	token := u.cfg.Keys.Token(time.Now())
	if u.cfg.Auth != AuthLegacy {
		return dialOut(ctx, client, address, []string{protocolToken, token}, u.cfg.patience)
	}
	line, err := dialOut(ctx, client, address, nil, u.cfg.patience)
	if err != nil {
		return nil, err
	}
	if err = line.writeOne(ctx, []byte(token)); err == nil {
		err = line.quiet(ctx, u.cfg.settle)
	}
	if err != nil {
		_ = line.conn.CloseNow()
		return nil, fmt.Errorf("show the token: %w", err)
	}
	return line, nil
}

// attach makes line the way to the broker: all that is known goes out first, then
// what happens.
func (u *Uplink) attach(line *lineOut, address string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, n := range u.order {
		u.replay(line, n, wire.All)
	}
	u.line = line
	u.status.Connected, u.status.Since, u.status.Remote, u.status.LastError = true, time.Now(), address, ""
	u.log.Info("line to the broker stands", "remote", gateway.Shown(address), "things", len(u.order))
}

func (u *Uplink) detach(line *lineOut, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if line != nil {
		u.line, u.status.Connected, u.status.Since = nil, false, time.Now()
	}
	u.status.LastError = gateway.Cause(err)
}

// replay queues what is known of a node for all, or for one client; the caller holds u.mu.
func (u *Uplink) replay(line *lineOut, n *local, to string) {
	line.queueText(wire.AppendNew(nil, n.uid, to))
	rs := make([]roost.Resource, len(n.names))
	for i, name := range n.names {
		rs[i] = roost.Resource{Name: name, Value: n.values[name]}
	}
	for _, r := range identityFirst(rs) {
		line.queueText(wire.AppendUpdate(nil, n.uid, r.Name, string(r.Value), to))
	}
}

// tell queues a message for the broker if there is a line; the caller holds u.mu.
func (u *Uplink) tell(message []byte) {
	if u.line != nil {
		u.line.queueText(message)
	}
}

// take does what a message of the broker says. Others than the two that brokers send
// are passed over, as are those that make no sense: any page can cause them.
func (u *Uplink) take(b []byte) error {
	m, err := wire.Parse(b)
	if err != nil {
		u.log.Debug("message of the broker makes no sense", "err", err)
		return nil
	}
	switch m.Type {
	case wire.New:
		if src := string(m.Src); src != "" {
			u.mu.Lock()
			if line := u.line; line != nil {
				for _, n := range u.order {
					u.replay(line, n, src)
				}
			}
			u.mu.Unlock()
		}
	case wire.Update:
		if q, ok := wire.ParseCommand(m.Data); ok {
			u.command(q)
		}
	}
	return nil
}

// quiet waits, and fails when the broker ends the line meanwhile.
func (l *lineOut) quiet(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
