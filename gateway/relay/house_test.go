package relay

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/store/series"
	"github.com/roost-iot/roost/telemetry"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// hub is a server with real rooms, on an address that stays while it is killed.
type hub struct {
	t     testing.TB
	dir   string
	keys  wire.Keys
	rooms *roomtest.Rooms
	srv   *Server
	http  *httptest.Server
	stop  func()
	slow  bool
	ring  func() []wire.NamedKey
}

func newHub(t testing.TB) *hub {
	t.Helper()
	h := &hub{t: t, dir: t.TempDir(), keys: wire.GenerateKeys()}
	t.Cleanup(func() { h.kill() })
	return h
}

// start opens the hub over what its folder holds.
func (h *hub) start() *hub {
	h.t.Helper()
	h.rooms = roomtest.Open(h.t, roomtest.Config{Dir: h.dir, Telemetry: telemetry.Config{Commit: h.slow}})
	h.srv = NewServer(ServerConfig{
		Core: h.rooms.Switchboard, Settle: h.rooms.Telemetry.Settle, Log: quiet, Keys: h.keys, Keyring: h.ring,
		Version: "test", Slow: h.slow, Grace: 50 * time.Millisecond,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { h.srv.Run(ctx) })
	mux := http.NewServeMux()
	mux.Handle("/relay", h.srv)
	h.http = httptest.NewServer(mux)
	h.stop = sync.OnceFunc(func() {
		cancel()
		run.Wait()
		h.http.Close()
		h.rooms.Stop()
	})
	return h
}

// kill ends the hub.
func (h *hub) kill() {
	if h.stop != nil {
		h.stop()
	}
}

func (h *hub) addr() string { return h.http.Listener.Addr().String() }

// wire is a TCP line between two ends that a test cuts.
type cable struct {
	l    net.Listener
	work sync.WaitGroup

	mu    sync.Mutex
	to    string // "": cut
	pairs map[net.Conn]net.Conn
	limit int64 // bytes that may still pass towards the hub; below 0: any
}

func newCable(t testing.TB) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{l: l, pairs: map[net.Conn]net.Conn{}, limit: -1}
	c.work.Go(c.accept)
	t.Cleanup(func() {
		_ = l.Close()
		c.cut()
		c.work.Wait()
	})
	return c
}

func (c *cable) addr() string { return c.l.Addr().String() }

// plug leads the line to an address.
func (c *cable) plug(to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to, c.limit = to, -1
}

// plugFor lets so many bytes through to the hub, then cuts.
func (c *cable) plugFor(to string, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to, c.limit = to, bytes
}

// cut ends what stands and lets nothing through.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = ""
	for a, b := range c.pairs {
		_, _ = a.Close(), b.Close()
	}
}

func (c *cable) accept() {
	for {
		near, err := c.l.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		to := c.to
		c.mu.Unlock()
		if to == "" {
			_ = near.Close()
			continue
		}
		far, err := net.Dial("tcp", to)
		if err != nil {
			_ = near.Close()
			continue
		}
		c.mu.Lock()
		c.pairs[near] = far
		gone := c.to == ""
		c.mu.Unlock()
		if gone {
			_, _ = near.Close(), far.Close()
		}
		c.work.Go(func() { c.pass(far, near) })
		c.work.Go(func() { _, _ = io.Copy(near, far); _ = near.Close() })
	}
}

// pass copies towards the hub, up to the limit.
func (c *cable) pass(hub, far net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := far.Read(buf)
		c.mu.Lock()
		over := c.limit >= 0 && int64(n) > c.limit
		if over {
			n = int(c.limit)
			c.to = ""
		}
		if c.limit >= 0 {
			c.limit -= int64(n)
		}
		c.mu.Unlock()
		if n > 0 {
			if _, werr := hub.Write(buf[:n]); werr != nil {
				err = werr
			}
		}
		if err != nil || over {
			_, _ = hub.Close(), far.Close()
			c.mu.Lock()
			delete(c.pairs, far)
			c.mu.Unlock()
			return
		}
	}
}

// site is a far end.
type site struct {
	t      testing.TB
	client *Client
	stop   func()
}

func newSite(t testing.TB, h *hub, to string, change func(*ClientConfig)) *site {
	t.Helper()
	cfg := ClientConfig{
		Hub: to, Keys: h.keys, Dir: "", Name: "attic", Version: "test", Doors: []string{"coap"}, Log: quiet,
		firstWait: 5 * time.Millisecond, lastWait: 50 * time.Millisecond,
	}
	if change != nil {
		change(&cfg)
	}
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	c, err := OpenClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, client: c}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	s.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		if err := c.Close(); err != nil {
			t.Errorf("close spool: %v", err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// probe is a far thing that tests play; it is its link, too.
type probe struct {
	s    *site
	own  string
	ref  roost.Ref
	send func(ctx context.Context, c roost.Command) error

	mu     sync.Mutex
	got    []roost.Command
	closed string
}

func (s *site) thing(own string) *probe {
	s.t.Helper()
	p := &probe{s: s, own: own}
	p.arrive(false)
	return p
}

func (p *probe) arrive(restarted bool) gateway.Standing {
	p.s.t.Helper()
	st, err := p.s.client.Arrive(context.Background(), gateway.Arrival{
		Identity: roost.Identity{Door: "coap", Own: p.own}, Protocol: roost.CoAP, Address: "192.0.2.9:5683", Restarted: restarted, Link: p,
	})
	if err != nil {
		p.s.t.Fatal(err)
	}
	p.ref = st.Ref
	return st
}

func (p *probe) say(name string, v roost.Value, at time.Time) {
	p.s.t.Helper()
	if err := p.s.client.Report(context.Background(), p.ref, []roost.Resource{{Name: name, Value: v, At: at}}); err != nil {
		p.s.t.Fatal(err)
	}
}

func (p *probe) leave() {
	p.s.t.Helper()
	if err := p.s.client.Leave(context.Background(), p.ref, p); err != nil {
		p.s.t.Fatal(err)
	}
}

func (p *probe) Send(ctx context.Context, c roost.Command) error {
	p.mu.Lock()
	p.got = append(p.got, c)
	send := p.send
	p.mu.Unlock()
	if send == nil {
		return nil
	}
	return send(ctx, c)
}

func (p *probe) Close(reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = reason
}

func (p *probe) received() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.got)
}

// settled waits until the hub has all.
func (s *site) settled() {
	s.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 60*time.Second)
	defer stop()
	if err := s.client.Settled(ctx); err != nil {
		s.t.Fatalf("the hub never had it all: %v; %+v", err, s.client.Status())
	}
}

func (h *hub) online(id roost.ThingID) func() bool {
	return func() bool {
		t, _, ok := h.rooms.Registry.Get(roost.Ref{Project: roost.Home, Thing: id})
		return ok && t.Online
	}
}

// last is the last value of a resource at the hub.
func (h *hub) last(id roost.ThingID, name string) roost.Resource {
	_, rs, _ := h.rooms.Registry.Get(roost.Ref{Project: roost.Home, Thing: id})
	for _, r := range rs {
		if r.Name == name {
			return r
		}
	}
	return roost.Resource{}
}

// points are the stored readings of a resource, oldest first.
func (h *hub) points(id roost.ThingID, name string) []series.Point {
	h.t.Helper()
	ctx := context.Background()
	sid, ok, err := h.rooms.Store.FindSeries(ctx, roost.Ref{Project: roost.Home, Thing: id}, name)
	if err != nil {
		h.t.Fatal(err)
	}
	if !ok {
		return nil
	}
	var list []series.Point
	err = h.rooms.Numbers.Range(ctx, series.ID(sid), 0, 1<<60, func(p series.Point) bool {
		list = append(list, p)
		return true
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func name(i int) string { return fmt.Sprintf("n%03d", i) }
