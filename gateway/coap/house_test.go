package coap_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/live"
	wire "github.com/roost-iot/roost/wire/coap"
)

// house is a door over the real rooms.
type house struct {
	*roomtest.Rooms
	door *coap.Door
	at   netip.AddrPort // of the door
	port uint16         // of the nodes
	feed *live.Reader[*roost.Event]
}

type option func(*roomtest.Config, *coap.Config)

// timing is the message layer's in tests: a node is given up after 3.5 s, so that one
// that a busy machine holds up is not.
func timing() exchange.Config {
	return exchange.Config{
		ACKTimeout: 500 * time.Millisecond, RandomFactor: 1.01, MaxRetransmit: 2,
		AnswerTimeout: 5 * time.Second, Duplicates: 8192,
	}
}

// open starts a house; it ends with the test.
func open(t testing.TB, options ...option) *house {
	t.Helper()
	h := &house{port: freePort(t)}
	var rc roomtest.Config
	cc := coap.Config{
		Log: slog.New(slog.DiscardHandler), NodePort: h.port, Fallback: 300 * time.Millisecond, Exchange: timing(),
	}
	for _, o := range options {
		o(&rc, &cc)
	}
	h.Rooms = roomtest.Open(t, rc)
	if cc.Conns == nil {
		sockets, err := coap.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		cc.Conns = coap.Conns(sockets)
	}
	h.at = cc.Conns[0].(interface{ LocalAddr() net.Addr }).LocalAddr().(*net.UDPAddr).AddrPort()
	if cc.Core == nil {
		cc.Core = h.Switchboard
	}
	if cc.Fleet == nil {
		cc.Fleet = h.Registry
	}
	h.door = coap.New(cc)
	h.feed = h.Feed.Tail()
	run(t, h.door.Run, cc.Conns...)
	return h
}

// run runs f until the end of the test and then closes its sockets.
func run(t testing.TB, f func(context.Context) error, conns ...exchange.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		for _, c := range conns {
			_ = c.(io.Closer).Close()
		}
	})
}

// freePort is a UDP port that nobody uses now.
func freePort(t testing.TB) uint16 {
	t.Helper()
	conn := listen(t, "127.0.0.1:0")
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

func listen(t testing.TB, at string) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// line is an event as a test reads it: "uid name=value", "uid reset", "uid online".
func line(e *roost.Event) string {
	switch e.Kind {
	case roost.Read:
		return fmt.Sprintf("%s %s=%s", e.Ref.Thing, e.Resource, e.Value.AsText())
	case roost.ThingReset:
		return fmt.Sprintf("%s reset", e.Ref.Thing)
	case roost.ThingForgotten:
		return fmt.Sprintf("%s forgotten", e.Ref.Thing)
	case roost.ThingChanged:
		if e.Thing.Online {
			return fmt.Sprintf("%s online", e.Ref.Thing)
		}
		return fmt.Sprintf("%s offline", e.Ref.Thing)
	}
	return ""
}

// next is the next event that is no command's.
func (h *house) next(t testing.TB) string {
	t.Helper()
	e, ok := h.within(t, time.Minute)
	if !ok {
		t.Fatal("no event")
	}
	return e
}

// within is next with a time of its own; not ok: none came.
func (h *house) within(t testing.TB, d time.Duration) (_ string, ok bool) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var e [1]*roost.Event
	for {
		if _, err := h.feed.Next(ctx, e[:]); err != nil {
			return "", false
		}
		if s := line(e[0]); s != "" {
			return s, true
		}
	}
}

// want checks the next events, in order.
func (h *house) want(t testing.TB, lines ...string) {
	t.Helper()
	for i, want := range lines {
		if got := h.next(t); got != want {
			t.Fatalf("event %d is %q, want %q", i, got, want)
		}
	}
}

// until skips events up to the one wanted and gives those before it.
func (h *house) until(t testing.TB, want string) (before []string) {
	t.Helper()
	for {
		got := h.next(t)
		if got == want {
			return before
		}
		before = append(before, got)
	}
}

// eventually polls until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}

func ref(uid string) roost.Ref { return roost.Ref{Project: roost.Home, Thing: roost.ThingID(uid)} }

// set sends a set and waits for its end.
func (h *house) set(t testing.TB, uid, resource string, v roost.Value) roost.Command {
	t.Helper()
	return h.ended(t, h.submit(t, command.Request{Ref: ref(uid), Resource: resource, Value: v, By: "test"}))
}

func (h *house) submit(t testing.TB, q command.Request) roost.Command {
	t.Helper()
	c, err := h.Commands.Submit(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (h *house) ended(t testing.TB, c roost.Command) roost.Command {
	t.Helper()
	eventually(t, "command ends", func() bool {
		now, err := h.Commands.Find(t.Context(), c.Project, c.ID)
		if err == nil {
			c = now
		}
		return c.State.Final()
	})
	return c
}

func (h *house) resource(t testing.TB, uid, name string) roost.Resource {
	t.Helper()
	_, rs, _ := h.Registry.Get(ref(uid))
	i := slices.IndexFunc(rs, func(r roost.Resource) bool { return r.Name == name })
	if i < 0 {
		t.Fatalf("%s has no resource %q, but %v", uid, name, rs)
	}
	return rs[i]
}

// board is a node: a CoAP server at NodePort of an address of its own, which
// speaks to the door from other ports, as RIOT does.
type board struct {
	t    testing.TB
	h    *house
	host string
	end  *exchange.Endpoint
	conn *net.UDPConn

	mu      sync.Mutex
	asked   []string // "GET /led", in order
	content map[string]func(r *exchange.Request) exchange.Response
}

// board starts a node at host.
func (h *house) board(t testing.TB, host string) *board {
	t.Helper()
	return h.boardAt(t, fmt.Sprintf("%s:%d", host, h.port))
}

func (h *house) boardAt(t testing.TB, at string) *board {
	t.Helper()
	b := &board{t: t, h: h, conn: listen(t, at), content: map[string]func(*exchange.Request) exchange.Response{}}
	b.host = b.addr().Addr().String()
	b.end = exchange.New(b.conn, exchange.Config{Handler: b.handle, Duplicates: 1024, ACKTimeout: time.Second, Readers: 1})
	run(t, b.end.Run, b.conn)
	return b
}

func (b *board) addr() netip.AddrPort { return b.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// has gives the node resources with fixed values; the list of links goes to
// /.well-known/core.
func (b *board) has(links string, values ...string) *board {
	b.on("/.well-known/core", func(*exchange.Request) exchange.Response {
		a := exchange.Text(wire.Content, links)
		a.Options.SetFormat(wire.LinkFormat)
		return a
	})
	for i := 0; i+1 < len(values); i += 2 {
		v := values[i+1]
		b.on(values[i], func(*exchange.Request) exchange.Response { return exchange.Text(wire.Content, v) })
	}
	return b
}

func (b *board) on(path string, f func(r *exchange.Request) exchange.Response) *board {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.content[path] = f
	return b
}

func (b *board) handle(_ context.Context, r *exchange.Request) exchange.Response {
	path := r.Options.Path()
	b.mu.Lock()
	b.asked = append(b.asked, r.Code.String()+" "+path)
	f := b.content[path]
	b.mu.Unlock()
	if f == nil {
		return exchange.Response{Code: wire.NotFound}
	}
	return f(r)
}

// requests gives what the node was asked so far and forgets it.
func (b *board) requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.asked
	b.asked = nil
	return all
}

// post sends a request from a new port of the node's address.
func (b *board) post(path, payload string) exchange.Response {
	b.t.Helper()
	return post(b.t, b.h, b.host+":0", path, payload)
}

// post sends a POST from an address and gives the answer.
func post(t testing.TB, h *house, from, path, payload string) exchange.Response {
	t.Helper()
	return ask(t, h, from, exchange.Post(path, []byte(payload)))
}

func ask(t testing.TB, h *house, from string, r *exchange.Request) exchange.Response {
	t.Helper()
	conn := listen(t, from)
	defer conn.Close()
	end := exchange.New(conn, exchange.Config{Duplicates: 64})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	var work sync.WaitGroup
	work.Go(func() { _ = end.Run(ctx) })
	defer work.Wait()
	defer cancel()
	a, err := end.Do(ctx, h.at, r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// taken checks that a post was answered as Pyaiot does.
func taken(t testing.TB, a exchange.Response, payload string) {
	t.Helper()
	if a.Code != wire.Changed || string(a.Payload) != "Received '"+payload+"'" {
		t.Fatalf("%q was answered %v %q", payload, a.Code, a.Payload)
	}
}

func (b *board) says(payload string) {
	b.t.Helper()
	taken(b.t, b.post("/alive", payload), payload)
}

func (b *board) pushes(payload string) {
	b.t.Helper()
	taken(b.t, b.post("/server", payload), payload)
}

var _ gateway.Core = (*gateway.Switchboard)(nil)
