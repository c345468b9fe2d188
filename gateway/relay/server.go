package relay

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	wire "github.com/roost-iot/roost/wire/pyaiot"
	"github.com/roost-iot/roost/wire/websocket"
)

// ServerConfig says who may come in and where entries go. Core and Log are needed;
// without Keys and Keyring nobody comes in.
type ServerConfig struct {
	Core gateway.Core
	// Settle returns when all that Core has taken is safely kept; only then it is
	// acknowledged. nil: at once.
	Settle func(ctx context.Context) error
	Log    *slog.Logger

	Keys    wire.Keys              // of the key file
	Keyring func() []wire.NamedKey // keys that people made, asked anew for each gateway that comes
	Project roost.ProjectID        // of gateways whose key names none; "" is roost.Home
	Version string                 // of this Roost

	// Slow says that Core waits for the disk before it takes a reading (durability
	// "commit"): what different things said is then handed to it side by side.
	Slow        bool
	Grace       time.Duration // how long things outlive their gateway's line; 0: 10 s
	MaxGateways int           // connections; 0: 1,000
	MaxThings   int           // of one gateway; 0: 100,000

	beat time.Duration // 0: 30 s
}

func (c *ServerConfig) fill() {
	or(&c.Project, roost.Home)
	or(&c.Grace, 10*time.Second)
	or(&c.MaxGateways, 1000)
	or(&c.MaxThings, 100_000)
	or(&c.beat, 30*time.Second)
	if c.Settle == nil {
		c.Settle = func(context.Context) error { return nil }
	}
}

// Server is the hub's end: it serves /relay. Run must be running for it to let
// anybody in.
type Server struct {
	cfg     ServerConfig
	life    context.Context // of what lines ask of Core; ends after them
	end     context.CancelFunc
	opened  chan struct{} // closed when Run lets the first in
	closing chan struct{}
	work    sync.WaitGroup

	mu      sync.Mutex
	open    bool
	taken   int // connections, those in their handshake included
	conns   map[*websocket.Conn]struct{}
	remotes map[remoteKey]*remote
}

// remoteKey tells far gateways apart: by key, and by the name of their spool.
type remoteKey struct{ key, instance string }

// maxRemotes bounds the gateways that are remembered.
const maxRemotes = 2000

// NewServer makes a hub's end.
func NewServer(cfg ServerConfig) *Server {
	cfg.fill()
	s := &Server{
		cfg: cfg, opened: make(chan struct{}), closing: make(chan struct{}),
		conns: map[*websocket.Conn]struct{}{}, remotes: map[remoteKey]*remote{},
	}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

const (
	// helloPatience is how long a gateway may take to say hello.
	helloPatience = 10 * time.Second
	// maxHello is the longest hello in bytes.
	maxHello = 32 << 10
	// readBuffer is what a line reads at once.
	readBuffer = 64 << 10
	// farewellPatience is how long gateways may take to answer the close frame.
	farewellPatience = time.Second
	// drain is how long Core may take to swallow what was read before.
	drain = 5 * time.Second
)

// Opened is closed once Run lets somebody in; before that they are told to come again.
func (s *Server) Opened() <-chan struct{} { return s.opened }

// Run lets gateways in until ctx ends; then it closes their lines with 1001 and
// waits for them.
func (s *Server) Run(ctx context.Context) {
	s.mu.Lock()
	s.open = true
	s.mu.Unlock()
	close(s.opened)
	<-ctx.Done()
	s.mu.Lock()
	s.open = false
	var told sync.WaitGroup
	for c := range s.conns {
		told.Go(func() { c.Interrupt(websocket.GoingAway, "Roost is stopping.", farewellPatience) })
	}
	s.mu.Unlock()
	close(s.closing)
	told.Wait()
	late := time.AfterFunc(drain, s.end)
	defer late.Stop()
	s.work.Wait()
	s.end()
}

// keyring is every key that lets a gateway in at this moment, the key file's last.
func (s *Server) keyring() (ring []wire.NamedKey) {
	if s.cfg.Keyring != nil {
		ring = slices.Clip(s.cfg.Keyring())
	}
	if s.cfg.Keys.Secret != "" {
		ring = append(ring, wire.NamedKey{ID: wire.FileKey, Keys: s.cfg.Keys})
	}
	return ring
}

// ServeHTTP is /relay.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !websocket.Check(w, r) {
		return
	}
	key, refusal := wire.CheckProtocols(s.keyring(), r.Header.Values("Sec-WebSocket-Protocol"))
	if refusal != "" {
		s.cfg.Log.Warn("gateway refused", "remote", r.RemoteAddr, "err", refusal)
		http.Error(w, refusal, http.StatusUnauthorized)
		return
	}
	if !s.reserve() {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "Too many gateways, or Roost is stopping.", http.StatusServiceUnavailable)
		return
	}
	remote := r.RemoteAddr
	conn, err := websocket.Accept(w, r, websocket.Options{
		Protocol: "token", MaxMessage: maxHello, KeepBuffer: readBuffer, Dead: helloPatience,
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		s.taken--
		s.cfg.Log.Debug("websocket not opened", "remote", remote, "err", err)
	case !s.open: // it came while we were closing
		s.taken--
		_ = conn.Cut()
	default:
		s.conns[conn] = struct{}{}
		s.work.Go(func() { s.serve(conn, key, remote) })
	}
}

func (s *Server) reserve() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open || s.taken >= s.cfg.MaxGateways {
		return false
	}
	s.taken++
	return true
}

func (s *Server) detach(conn *websocket.Conn) {
	_ = conn.Cut()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	s.taken--
}

// Gateways lists far Roosts: those that are connected, then those that were.
func (s *Server) Gateways() []Status {
	s.mu.Lock()
	all := make([]*remote, 0, len(s.remotes))
	for _, g := range s.remotes {
		all = append(all, g)
	}
	s.mu.Unlock()
	list := make([]Status, len(all))
	for i, g := range all {
		list[i] = g.Status()
	}
	slices.SortFunc(list, func(a, b Status) int {
		if a.Connected != b.Connected {
			if a.Connected {
				return -1
			}
			return 1
		}
		if by := strings.Compare(a.Name, b.Name); by != 0 {
			return by
		}
		return strings.Compare(a.Remote, b.Remote)
	})
	return list
}

// Expel ends the lines of a key at once and forgets its gateways. It returns when
// they have been told.
func (s *Server) Expel(keyID string) {
	s.mu.Lock()
	var all []*remote
	for k, g := range s.remotes {
		if k.key == keyID {
			all = append(all, g)
			delete(s.remotes, k)
		}
	}
	s.mu.Unlock()
	var told sync.WaitGroup
	for _, g := range all {
		told.Go(g.expel)
	}
	told.Wait()
}

// enlist gives the remote of a hello. nil: its key was revoked since it was shown,
// or there are too many.
func (s *Server) enlist(key wire.NamedKey, h hello) *remote {
	if !slices.ContainsFunc(s.keyring(), func(k wire.NamedKey) bool { return k.ID == key.ID }) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := remoteKey{key.ID, h.Instance}
	if g := s.remotes[id]; g != nil {
		return g
	}
	if len(s.remotes) >= maxRemotes && !s.forgetOne() {
		return nil
	}
	g := newRemote(s, key, h)
	s.remotes[id] = g
	return g
}

// forgetOne makes room by the gateway that has been away longest; the caller holds s.mu.
func (s *Server) forgetOne() bool {
	var oldest *remote
	var id remoteKey
	for k, g := range s.remotes {
		if g.away() && (oldest == nil || g.lastSeen().Before(oldest.lastSeen())) {
			oldest, id = g, k
		}
	}
	if oldest == nil {
		return false
	}
	delete(s.remotes, id)
	return true
}
