package ws

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/pyaiot"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// house is the door with the real rooms behind it, over a real store, and a broker
// for web clients to see what comes of it.
type house struct {
	t        testing.TB
	door     *Door
	broker   *pyaiot.Door
	registry *registry.Registry
	board    *gateway.Switchboard
	commands *command.Commands
	feed     *live.Feed
	url      string // ws://127.0.0.1:…
	stop     func()
}

// build opens a house; change may set up the door's configuration.
func build(t testing.TB, enrolment string, change func(*Config)) *house {
	t.Helper()
	rooms := roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: enrolment}})
	h := &house{t: t, feed: rooms.Feed, registry: rooms.Registry, board: rooms.Switchboard, commands: rooms.Commands}
	log := slog.New(slog.DiscardHandler)
	c := Config{Core: h.board, Log: log}
	if change != nil {
		change(&c)
	}
	h.door = New(c)
	h.broker = pyaiot.New(pyaiot.Config{Core: h.board, Feed: h.feed, Fleet: h.registry, Log: log, Clients: pyaiot.ClientsOpen, Submit: h.submit})
	mux := http.NewServeMux()
	mux.HandleFunc("/node", h.door.ServeNode)
	mux.HandleFunc("/ws", h.broker.ServeClient)
	srv := httptest.NewServer(mux)
	h.url = "ws" + strings.TrimPrefix(srv.URL, "http")
	ctx, cancel := context.WithCancel(context.Background())
	var door sync.WaitGroup
	door.Go(func() { h.door.Run(ctx) })
	door.Go(func() { h.broker.Run(ctx) })
	h.stop = sync.OnceFunc(func() {
		cancel()
		door.Wait()
		srv.Close()
	})
	t.Cleanup(h.stop)
	h.eventually("the door is open", func() bool {
		h.door.mu.Lock()
		defer h.door.mu.Unlock()
		return h.door.open
	})
	return h
}

func (h *house) submit(ctx context.Context, ref roost.Ref, resource string, v roost.Value, by string) error {
	_, err := h.commands.Submit(ctx, command.Request{Ref: ref, Resource: resource, Value: v, By: by})
	return err
}

func (h *house) eventually(what string, ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("never: %s", what)
		}
	}
}

// peer is a gateway or a web client of the test.
type peer struct {
	t    testing.TB
	conn *websocket.Conn
}

func (h *house) dial(path string, o *websocket.DialOptions) *peer {
	h.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	conn, resp, err := websocket.Dial(ctx, h.url+path, o)
	if err != nil {
		h.t.Fatalf("dial %s: %v", path, err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		h.t.Fatalf("dial %s: %s", path, resp.Status)
	}
	conn.SetReadLimit(-1)
	h.t.Cleanup(func() { _ = conn.CloseNow() }) // may be closed already
	return &peer{h.t, conn}
}

// client opens /ws and announces itself. That it is served shows by a thing that
// stands in its snapshot, and goes.
func (h *house) client() *peer {
	h.t.Helper()
	ctx, stop := contextFor()
	defer stop()
	s, err := h.board.Arrive(ctx, gateway.Arrival{Identity: roost.Identity{Door: "test", Own: "here"}, Gateway: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	p := h.dial("/ws", nil)
	p.send(`{"type":"new","data":"client"}`)
	p.until(`{"type": "new", "uid": "here"`)
	if err := h.registry.Forget(ctx, s.Ref); err != nil {
		h.t.Fatal(err)
	}
	p.until(`{"type": "out", "uid": "here"}`)
	return p
}

// spy tells of reports that were denied.
type spy struct {
	gateway.Core
	denied chan struct{}
}

func (s *spy) Report(ctx context.Context, ref roost.Ref, values []roost.Resource) error {
	err := s.Core.Report(ctx, ref, values)
	if roost.KindOf(err) == roost.Denied {
		s.denied <- struct{}{}
	}
	return err
}

// until skips messages up to one that holds part.
func (p *peer) until(part string) {
	for !strings.Contains(p.next(), part) {
	}
}

func (p *peer) send(text string) {
	p.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if err := p.conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		p.t.Fatalf("send %s: %v", text, err)
	}
}

func (p *peer) next() string {
	p.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	kind, b, err := p.conn.Read(ctx)
	if err != nil || kind != websocket.MessageText {
		p.t.Fatalf("no message: %v", err)
	}
	return string(b)
}

// want takes the next messages and compares them byte for byte.
func (p *peer) want(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if got := p.next(); got != text {
			p.t.Fatalf("got  %s\nwant %s", got, text)
		}
	}
}

// wantClose reads until the end and gives the close code and reason.
func (p *peer) wantClose() websocket.CloseError {
	p.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	for {
		if _, _, err := p.conn.Read(ctx); err != nil {
			var closed websocket.CloseError
			if !errors.As(err, &closed) {
				p.t.Fatalf("no close frame: %v", err)
			}
			return closed
		}
	}
}

func contextFor() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}
