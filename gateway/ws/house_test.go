package ws

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/pyaiot"
	"github.com/roost-iot/roost/internal/leaktest"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/registry"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

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
	h.broker = pyaiot.New(pyaiot.Config{Core: h.board, Feed: h.feed, Fleet: h.registry, Log: log, Clients: pyaiot.ClientsOpen, Submit: rooms.Submit})
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
	<-h.door.Opened()
	<-h.broker.Opened()
	return h
}

func (h *house) dial(path string, o *websocket.DialOptions) *roomtest.Peer {
	h.t.Helper()
	return roomtest.Dial(h.t, h.url+path, o)
}

// client opens /ws and announces itself. That it is served shows by a thing that
// stands in its snapshot, and goes.
func (h *house) client() *roomtest.Peer {
	h.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	s, err := h.board.Arrive(ctx, gateway.Arrival{Identity: roost.Identity{Door: "test", Own: "here"}, Gateway: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	p := h.dial("/ws", nil)
	p.Send(`{"type":"new","data":"client"}`)
	p.Until(`{"type": "new", "uid": "here"`)
	if err := h.registry.Forget(ctx, s.Ref); err != nil {
		h.t.Fatal(err)
	}
	p.Until(`{"type": "out", "uid": "here"}`)
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
