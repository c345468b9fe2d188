package pyaiot

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
	"github.com/roost-iot/roost/internal/roomtest"
)

// foreign is a broker that the test plays, and the rooms of who watches it.
type foreign struct {
	*roomtest.Rooms
	t     *testing.T
	url   string
	watch *Watch
	peers chan *roomtest.Peer // those who opened /ws
	asked chan http.Header
	say   chan int // statuses to answer with instead of opening
}

// watchForeign starts a broker and a watch of it; change may change what it is told.
func watchForeign(t *testing.T, change func(*WatchConfig)) *foreign {
	t.Helper()
	f := &foreign{t: t, Rooms: roomtest.Open(t, roomtest.Config{}), peers: make(chan *roomtest.Peer, 8), asked: make(chan http.Header, 8), say: make(chan int, 8)}
	srv := httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(srv.Close)
	f.url = "ws" + strings.TrimPrefix(srv.URL, "http") + "/ws"
	f.start(f.url, change)
	return f
}

func (f *foreign) serve(w http.ResponseWriter, r *http.Request) {
	f.asked <- r.Header
	select {
	case status := <-f.say:
		w.WriteHeader(status)
		return
	default:
	}
	conn, err := websocket.Accept(w, r, nil)
	if err == nil {
		f.peers <- roomtest.NewPeer(f.t, conn)
	}
}

func (f *foreign) start(url string, change func(*WatchConfig)) {
	c := WatchConfig{URL: url, Core: f.Switchboard, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&c)
	}
	f.watch = NewWatch(c)
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { f.watch.Run(ctx) })
	f.t.Cleanup(func() { cancel(); run.Wait() })
}

// page waits for the watch to connect and announce itself.
func (f *foreign) page() *roomtest.Peer {
	f.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	select {
	case p := <-f.peers:
		f.t.Cleanup(func() { _ = p.Conn.CloseNow() })
		p.Want(`{"type":"new","data":"client"}`)
		return p
	case <-ctx.Done():
		f.t.Fatal("nobody opens /ws")
		return nil
	}
}

// value waits until a resource has a value.
func (f *foreign) value(id roost.ThingID, resource string, want roost.Value) {
	f.t.Helper()
	roomtest.Eventually(f.t, string(id)+"'s "+resource+" is "+string(want), func() bool {
		_, rs, _ := f.Registry.Get(homely(id))
		for _, r := range rs {
			if r.Name == resource && r.Value == want {
				return true
			}
		}
		return false
	})
}

func homely(id roost.ThingID) roost.Ref { return roost.Ref{Project: roost.Home, Thing: id} }

func (f *foreign) online(id roost.ThingID, want bool) {
	f.t.Helper()
	roomtest.Eventually(f.t, "presence of "+string(id), func() bool {
		t, _, ok := f.Registry.Get(homely(id))
		return ok && t.Online == want
	})
}

func TestWatchSeesWhatAPageSees(t *testing.T) {
	f := watchForeign(t, nil)
	b := f.page()
	b.Send(`{"type": "update", "uid": "n1", "endpoint": "led", "data": "9", "dst": "all"}`) // not announced yet: ignored
	b.Send(`no JSON`)
	b.Send(`{"type": "new", "uid": "n1", "dst": "459d59d9"}`)
	b.Send(`{"type": "update", "uid": "n1", "endpoint": "ip", "data": "fd00::11", "dst": "459d59d9"}`)
	b.Send(`{"type": "update", "uid": "n1", "endpoint": "protocol", "data": "CoAP", "dst": "459d59d9"}`)
	b.Send(`{"type": "update", "uid": "n1", "endpoint": "/temperature", "data": "23.4\u00b0C", "dst": "all"}`)
	b.Send(`{"type": "new", "uid": "n2", "dst": "all"}`)
	f.value("n1", "temperature", `"23.4\u00b0C"`)
	thing, rs, _ := f.Registry.Get(homely("n1"))
	if thing.Protocol != roost.CoAP || thing.Address != "fd00::11" || thing.Enrolment != roost.Enrolled || thing.Gateway == "" || !thing.Online {
		t.Errorf("it is %+v", thing)
	}
	for _, r := range rs {
		if r.Name == "led" {
			t.Error("a value was taken before its thing was announced")
		}
	}
	f.online("n2", true)
	if st := f.watch.Status(); !st.Connected || st.Things != 2 {
		t.Errorf("status %+v", st)
	}
	b.Send(`{"type": "reset", "uid": "n1"}`)
	b.Send(`{"type": "out", "uid": "n2"}`)
	f.online("n2", false)
	if _, rs, _ := f.Registry.Get(homely("n1")); len(rs) != 2 {
		t.Errorf("after a reset it has %v, want ip and protocol", rs)
	}
}

func TestWatchSendsCommandsToTheBroker(t *testing.T) {
	f := watchForeign(t, nil)
	b := f.page()
	b.Send(`{"type": "new", "uid": "n 1", "dst": "all"}`)
	b.Send(`{"type": "update", "uid": "n 1", "endpoint": "protocol", "data": "MQTT", "dst": "all"}`)
	b.Send(`{"type": "update", "uid": "n 1", "endpoint": "led", "data": "0", "dst": "all"}`)
	f.value("n-1", "led", `"0"`)
	ask := func(q command.Request) roost.Command {
		t.Helper()
		q.Ref = homely("n-1")
		c, err := f.Commands.Submit(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	ends := func(c roost.Command, want roost.CommandState) {
		t.Helper()
		roomtest.Eventually(t, "the command is "+string(want), func() bool {
			now, err := f.Commands.Find(t.Context(), roost.Home, c.ID)
			return err == nil && now.State == want
		})
	}
	led := ask(command.Request{Resource: "led", Value: "1"})
	b.Want(`{"type":"update","data":{"uid":"n 1","endpoint":"led","payload":"1"}}`)
	ends(led, roost.Sent)
	b.Send(`{"type": "update", "uid": "n 1", "endpoint": "led", "data": "1", "dst": "all"}`)
	ends(led, roost.Done)
	ask(command.Request{Kind: roost.Refresh})
	b.Want(`{"type":"new","data":"client"}`)
	b.Send(`{"type": "update", "uid": "n 1", "endpoint": "protocol", "data": "CoAP", "dst": "all"}`)
	f.value("n-1", "protocol", `"CoAP"`)
	ends(ask(command.Request{Resource: "text", Value: `"é"`}), roost.Failed)
}

func TestWatchComesBackWhateverTheBrokerDoes(t *testing.T) {
	f := watchForeign(t, func(c *WatchConfig) { c.Token = "rst_x" })
	if header := <-f.asked; header.Get("Authorization") != "Bearer rst_x" {
		t.Errorf("the token is shown as %q", header.Get("Authorization"))
	}
	b := f.page()
	b.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	b.Send(`{"type": "new", "uid": "n2", "dst": "all"}`)
	f.online("n2", true)
	f.say <- http.StatusUnauthorized
	_ = b.Conn.CloseNow()
	f.online("n1", false)
	roomtest.Eventually(t, "the refusal is told", func() bool {
		st := f.watch.Status()
		return !st.Connected && strings.Contains(st.LastError, "401 Unauthorized")
	})
	b = f.page()
	b.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	f.online("n1", true)
	if thing, _, _ := f.Registry.Get(homely("n2")); thing.Online {
		t.Error("a thing that was not announced again is online")
	}
	c, err := f.Commands.Submit(t.Context(), command.Request{Ref: homely("n1"), Resource: "led", Value: "1"})
	if err != nil {
		t.Fatal(err)
	}
	b.Until(`"endpoint":"led"`)
	if err := f.Switchboard.Forget(t.Context(), c.Ref); err != nil { // a person deletes it here
		t.Fatal(err)
	}
	b.Send(`{"type": "update", "uid": "n1", "endpoint": "led", "data": "1", "dst": "all"}`)
	f.value("n1", "led", `"1"`)
}

// TestWatchOfARoost watches our own door, with a gateway behind it.
func TestWatchOfARoost(t *testing.T) {
	h := build(t, nil)
	f := &foreign{t: t, Rooms: roomtest.Open(t, roomtest.Config{})}
	f.start(h.url+"/ws", nil)
	g := h.gateway()
	g.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	g.Send(`{"type": "update", "uid": "n1", "endpoint": "protocol", "data": "WebSocket", "dst": "all"}`)
	g.Send(`{"type": "update", "uid": "n1", "endpoint": "led", "data": "0", "dst": "all"}`)
	f.value("n1", "led", `"0"`)
	if _, err := f.Commands.Submit(t.Context(), command.Request{Ref: homely("n1"), Resource: "led", Value: "1"}); err != nil {
		t.Fatal(err)
	}
	g.Until(`"payload": "1"`)
	g.Send(`{"type": "update", "uid": "n1", "endpoint": "led", "data": "1", "dst": "all"}`)
	f.value("n1", "led", `"1"`)
}
