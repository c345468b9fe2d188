package pyaiot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// strictBroker plays a real Pyaiot broker: it selects no subprotocol, is strict where the
// real one breaks, and hands its test what gateways say.
type strictBroker struct {
	t    testing.TB
	keys wire.Keys
	auth string
	srv  *httptest.Server

	mu     sync.Mutex
	status int // answered instead of 101; 0: none
	conn   *websocket.Conn
	opened int
	got    chan string
}

func newStrict(t testing.TB, keys wire.Keys, auth string) *strictBroker {
	t.Helper()
	f := &strictBroker{t: t, keys: keys, auth: auth, got: make(chan string, 10_000)}
	f.srv = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.close)
	return f
}

func (f *strictBroker) close() {
	if conn := f.now(); conn != nil {
		_ = conn.CloseNow()
	}
	f.srv.Close()
}

// now gives the connection of the gateway, nil while there is none.
func (f *strictBroker) now() *websocket.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conn
}

// line is now, and waits for it: a gateway is connected when it has been answered, the broker a moment later.
func (f *strictBroker) line() *websocket.Conn {
	f.t.Helper()
	var conn *websocket.Conn
	roomtest.Eventually(f.t, "the gateway comes", func() bool { conn = f.now(); return conn != nil })
	return conn
}

// drop cuts the gateway off.
func (f *strictBroker) drop() {
	f.t.Helper()
	_ = f.line().CloseNow()
}

func (f *strictBroker) refuse(status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status = status
}

func (f *strictBroker) connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened
}

func (f *strictBroker) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	status := f.status
	f.mu.Unlock()
	lines := r.Header.Values(protocolHeader)
	if status == 0 && f.auth == AuthHead {
		status = f.judge(lines)
	}
	if r.URL.Path != "/gw" {
		status = http.StatusNotFound
	}
	if status != 0 {
		http.Error(w, "Traceback (most recent call last):", status)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer conn.CloseNow() //nolint:errcheck // it may have ended
	conn.SetReadLimit(-1)
	ctx := context.Background()
	if f.auth == AuthLegacy {
		if len(lines) > 0 {
			f.t.Errorf("a broker of 0.2 got subprotocols %q", lines)
		}
		_, token, err := conn.Read(ctx)
		if err != nil || f.keys.CheckToken(string(token)) != nil {
			return // an unhandled error: no close frame
		}
	}
	f.mu.Lock()
	f.conn = conn
	f.opened++
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.conn == conn {
			f.conn = nil
		}
	}()
	for {
		op, b, err := conn.Read(ctx)
		if err != nil {
			return
		}
		if op != websocket.MessageText {
			f.t.Errorf("a message that is no text: %x", b)
		}
		if fault := breaks(b); fault != "" {
			f.t.Errorf("the real broker closes on %s: %s", b, fault)
		}
		f.got <- string(b)
	}
}

// judge is how the real broker answers a handshake.
func (f *strictBroker) judge(lines []string) int {
	parts := strings.Split(strings.Join(lines, ","), ",")
	if len(parts) != 2 || strings.TrimSpace(parts[0]) != "token" {
		return http.StatusUnauthorized
	}
	switch err := f.keys.CheckToken(strings.TrimSpace(parts[1])); {
	case err == nil:
		return 0
	case errors.Is(err, wire.ErrWrongSecret):
		return http.StatusUnauthorized
	}
	return http.StatusInternalServerError
}

// breaks tells what a real broker would close or break on.
func breaks(b []byte) string {
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return err.Error()
	}
	uid, ok := m["uid"].(string)
	if !ok || uid == "" {
		return "no uid"
	}
	_, dst := m["dst"].(string)
	endpoint, named := m["endpoint"].(string)
	_, data := m["data"]
	switch {
	case m["type"] == "update" && uid == "alive":
		if len(m) != 2 {
			return "a keep-alive with more than it needs"
		}
	case m["type"] == "new":
		if !dst || uid == "alive" {
			return "new without dst, or of alive"
		}
	case m["type"] == "update":
		if !dst || !named || endpoint == "" || !data {
			return "update without dst, endpoint or data"
		}
	case m["type"] == "out", m["type"] == "reset":
	default:
		return "unknown type"
	}
	return ""
}

// next gives the next message of the gateway that is no keep-alive.
func (f *strictBroker) next() string {
	f.t.Helper()
	late := time.NewTimer(roomtest.Patience)
	defer late.Stop()
	for {
		select {
		case m := <-f.got:
			if m != keepAlive {
				return m
			}
		case <-late.C:
			f.t.Fatal("the gateway says nothing")
		}
	}
}

func (f *strictBroker) want(messages ...string) {
	f.t.Helper()
	for _, want := range messages {
		if got := f.next(); got != want {
			f.t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}

// say sends the gateway a message, and returns when it has worked on it.
func (f *strictBroker) say(text string) {
	f.t.Helper()
	conn := f.line()
	ctx, stop := roomtest.Soon()
	defer stop()
	if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		f.t.Fatalf("say %s: %v", text, err)
	}
	if err := conn.Ping(ctx); err != nil { // answered by whoever reads messages
		f.t.Fatalf("after %s: %v", text, err)
	}
}

// out is an uplink that runs until the test ends, with nodes that the test plays.
type out struct {
	t    testing.TB
	u    *Uplink
	log  *said
	stop func()
}

// said is a log that a test reads.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) count(part string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.text.String(), part)
}

func dialTo(t testing.TB, hub string, keys wire.Keys, change func(*UplinkConfig)) *out {
	t.Helper()
	o := &out{t: t, log: &said{}}
	cfg := UplinkConfig{
		Hub: hub, Keys: keys, Log: slog.New(slog.NewTextHandler(o.log, nil)), Name: "attic",
		settle: time.Millisecond, firstWait: time.Millisecond, lastWait: 20 * time.Millisecond,
	}
	if change != nil {
		change(&cfg)
	}
	o.u = NewUplink(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := o.u.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	o.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(o.stop)
	return o
}

func (o *out) connected() {
	o.t.Helper()
	roomtest.Eventually(o.t, "the line stands", func() bool { return o.u.Status().Connected })
}

// played is a node of the test and its link.
type played struct {
	o    *out
	own  string
	ref  roost.Ref
	got  chan roost.Command
	hold chan struct{} // nil: commands are taken at once
}

func (o *out) node(own string, protocol roost.Protocol) *played {
	o.t.Helper()
	p := &played{o: o, own: own, got: make(chan roost.Command, 100)}
	p.arrive(protocol, false)
	return p
}

func (p *played) arrive(protocol roost.Protocol, restarted bool) gateway.Standing {
	p.o.t.Helper()
	s, err := p.o.u.Arrive(context.Background(), gateway.Arrival{
		Identity: roost.Identity{Door: "coap", Own: p.own}, Protocol: protocol, Address: "192.0.2.7:5683", Restarted: restarted, Link: p,
	})
	if err != nil {
		p.o.t.Fatal(err)
	}
	p.ref = s.Ref
	return s
}

func (p *played) say(name string, v roost.Value) {
	p.o.t.Helper()
	if err := p.o.u.Report(context.Background(), p.ref, []roost.Resource{{Name: name, Value: v}}); err != nil {
		p.o.t.Fatal(err)
	}
}

func (p *played) leave() {
	p.o.t.Helper()
	if err := p.o.u.Leave(context.Background(), p.ref, p); err != nil {
		p.o.t.Fatal(err)
	}
}

func (p *played) Send(ctx context.Context, c roost.Command) error {
	p.got <- c
	if p.hold == nil {
		return nil
	}
	select {
	case <-p.hold:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *played) Close(string) {}

func (p *played) wantCommand(resource, payload string) {
	p.o.t.Helper()
	select {
	case c := <-p.got:
		if c.Resource != resource || c.Value.AsText() != payload {
			p.o.t.Fatalf("command %s = %s, want %s = %s", c.Resource, c.Value, resource, payload)
		}
	case <-time.After(roomtest.Patience):
		p.o.t.Fatal("no command came")
	}
}

func newText(uid, dst string) string {
	return fmt.Sprintf(`{"type": "new", "uid": "%s", "dst": "%s"}`, uid, dst)
}

func updateText(uid, endpoint, data, dst string) string {
	return fmt.Sprintf(`{"type": "update", "uid": "%s", "endpoint": "%s", "data": %s, "dst": "%s"}`, uid, endpoint, data, dst)
}
