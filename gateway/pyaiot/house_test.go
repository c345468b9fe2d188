package pyaiot

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/internal/leaktest"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/registry"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// house is the door with the real rooms behind it, over a real store.
type house struct {
	t        testing.TB
	door     *Door
	registry *registry.Registry
	board    *gateway.Switchboard
	commands *command.Commands
	feed     *live.Feed
	keys     wire.Keys
	url      string // ws://127.0.0.1:…
	stop     func()
}

// build opens a house; change may set up the door's configuration.
func build(t testing.TB, change func(*Config)) *house {
	t.Helper()
	rooms := roomtest.Open(t, roomtest.Config{})
	h := &house{t: t, feed: rooms.Feed, registry: rooms.Registry, board: rooms.Switchboard, commands: rooms.Commands, keys: wire.GenerateKeys()}
	log := slog.New(slog.DiscardHandler)
	c := Config{
		Core: h.board, Feed: h.feed, Fleet: h.registry, Log: log, Keys: h.keys, Clients: ClientsOpen,
		Grace: 50 * time.Millisecond, Submit: rooms.Submit,
	}
	if change != nil {
		change(&c)
	}
	h.door = New(c)
	mux := http.NewServeMux()
	mux.HandleFunc("/gw", h.door.ServeGateway)
	mux.HandleFunc("/ws", h.door.ServeClient)
	srv := httptest.NewServer(mux)
	h.url = "ws" + strings.TrimPrefix(srv.URL, "http")
	ctx, cancel := context.WithCancel(context.Background())
	var door sync.WaitGroup
	door.Go(func() { h.door.Run(ctx) })
	h.stop = sync.OnceFunc(func() {
		cancel()
		door.Wait()
		srv.Close()
	})
	t.Cleanup(h.stop)
	<-h.door.Opened()
	return h
}

func (h *house) dial(path string, o *websocket.DialOptions) *roomtest.Peer {
	h.t.Helper()
	return roomtest.Dial(h.t, h.url+path, o)
}

// gateway dials in as a gateway does.
func (h *house) gateway() *roomtest.Peer {
	h.t.Helper()
	return h.dial("/gw", &websocket.DialOptions{Subprotocols: []string{"token", h.keys.Token(time.Now())}})
}

// client opens /ws and announces itself.
func (h *house) client() *roomtest.Peer {
	h.t.Helper()
	before := h.watchers()
	p := h.dial("/ws", nil)
	p.Send(`{"type":"new","data":"client"}`)
	roomtest.Eventually(h.t, "the client is announced", func() bool { return h.watchers() > before })
	return p
}

// watchers counts the clients that have their snapshot.
func (h *house) watchers() (n int) {
	h.door.hub.mu.Lock()
	defer h.door.hub.mu.Unlock()
	for _, c := range h.door.hub.clients {
		if !c.replaying.Load() {
			n++
		}
	}
	return n
}

func (h *house) clientIDs() (ids []string) {
	h.door.hub.mu.Lock()
	defer h.door.hub.mu.Unlock()
	for id := range h.door.hub.clients {
		ids = append(ids, id)
	}
	return ids
}

// fence makes sure that all that the gateway sent before has come through: a value
// of a node of its own that every client in ps gets. Nothing may come before it.
func (h *house) fence(gw *roomtest.Peer, ps ...*roomtest.Peer) {
	h.t.Helper()
	gw.Send(`{"type": "new", "uid": "fence", "dst": "all"}`)
	gw.Send(`{"type": "out", "uid": "fence"}`)
	for _, p := range ps {
		p.Want(`{"type": "new", "uid": "fence", "dst": "all"}`, `{"type": "out", "uid": "fence"}`)
	}
}

// foreign makes a thing of another door arrive and say t = 1.50.
func (h *house) foreign(own string) roost.Ref {
	h.t.Helper()
	ref := h.foreignArrives(own)
	ctx, stop := roomtest.Soon()
	defer stop()
	if err := h.board.Report(ctx, ref, []roost.Resource{{Name: "t", Value: "1.50"}}); err != nil {
		h.t.Fatal(err)
	}
	// A client that comes before that would hear of it once more.
	roomtest.Eventually(h.t, "the hub has worked on it", func() bool {
		h.door.hub.mu.Lock()
		defer h.door.hub.mu.Unlock()
		return h.door.hub.done >= h.feed.Last()
	})
	return ref
}

func (h *house) foreignArrives(own string) roost.Ref {
	h.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	s, err := h.board.Arrive(ctx, gateway.Arrival{
		Identity: roost.Identity{Door: "mqttsn", Own: own}, Protocol: roost.MQTTSN, Address: "192.0.2.7:1", Gateway: "lab",
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return s.Ref
}
