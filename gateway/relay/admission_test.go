package relay

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

func TestOnlyGatewaysWithAKeyComeIn(t *testing.T) {
	h := newHub(t).start()
	other := wire.GenerateKeys()
	token := h.keys.Token(time.Now())
	for _, row := range []struct {
		protocols []string
		body      string
	}{
		{nil, "Invalid subprotocols"},
		{[]string{"token"}, "Invalid subprotocols"},
		{[]string{"token", token, "more"}, "Invalid subprotocols"},
		{[]string{"token", "garbage"}, "Invalid token"},
		{[]string{"token", other.Token(time.Now())}, "Invalid token"},
	} {
		ctx, stop := roomtest.Soon()
		_, resp, err := websocket.Dial(ctx, "ws://"+h.addr()+"/relay", &websocket.DialOptions{Subprotocols: row.protocols})
		stop()
		if err == nil || resp == nil || resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q: %v", row.protocols, err)
			continue
		}
		if body, _ := io.ReadAll(resp.Body); strings.TrimSpace(string(body)) != row.body {
			t.Errorf("%q: %s", row.protocols, body)
		}
	}
	resp, err := http.Get("http://" + h.addr() + "/relay")
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusBadRequest { // how roost gateway knows a Roost
		t.Errorf("without a WebSocket: %s", resp.Status)
	}
}

// TestBadHelloIsRefused: and nobody else notices.
func TestBadHelloIsRefused(t *testing.T) {
	h := newHub(t).start()
	s := newSite(t, h, h.addr(), nil)
	p := s.thing("n1")
	roomtest.Eventually(t, "it is here", h.online("n1"))
	good := hello{Version: 1, Instance: "x", Clock: time.Now()}.append(nil)
	for _, first := range [][]byte{{}, {frameHello}, {99}, good[:len(good)-1], append(good, 1), make([]byte, maxHello+1), appendAck(nil, 1)} {
		conn := h.dial()
		ctx, stop := roomtest.Soon()
		if err := conn.Write(ctx, websocket.MessageBinary, first); err != nil {
			t.Fatal(err)
		}
		_, _, err := conn.Read(ctx)
		if websocket.CloseStatus(err) == -1 {
			t.Errorf("%d bytes: no close frame: %v", len(first), err)
		}
		stop()
		_ = conn.CloseNow()
	}
	p.say("led", "1", time.Time{})
	roomtest.Eventually(t, "the other goes on", func() bool { return h.last("n1", "led").Value == "1" })
}

// TestMalformedMessagesEndTheirLineOnly: after a sound hello.
func TestMalformedMessagesEndTheirLineOnly(t *testing.T) {
	h := newHub(t).start()
	e := every()[1]
	entries := appendEntries(nil, frameEntries, 1, [][]byte{e.Append(nil)})
	for n := 1; n < len(entries); n += 3 {
		conn := h.dial()
		ctx, stop := roomtest.Soon()
		say := func(b []byte) {
			t.Helper()
			if err := conn.Write(ctx, websocket.MessageBinary, b); err != nil {
				t.Fatal(err)
			}
		}
		say(hello{Version: 1, Instance: "x", Clock: time.Now(), Next: 1}.append(nil))
		say(entries[:n])
		var err error
		for err == nil {
			_, _, err = conn.Read(ctx)
		}
		if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("cut at %d of %d: %v", n, len(entries), err)
		}
		stop()
		_ = conn.CloseNow()
	}
}

// dial opens a line by hand.
func (h *hub) dial() *websocket.Conn {
	h.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	conn, _, err := websocket.Dial(ctx, "ws://"+h.addr()+"/relay", &websocket.DialOptions{
		Subprotocols: []string{"token", h.keys.Token(time.Now())},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func TestRevokedKeyEndsItsLinesAndIsRefused(t *testing.T) {
	var mu sync.Mutex
	attic := wire.NamedKey{ID: "k1", Name: "attic room", Keys: wire.GenerateKeys()}
	ring := []wire.NamedKey{attic}
	h := newHub(t)
	h.ring = func() []wire.NamedKey { mu.Lock(); defer mu.Unlock(); return ring }
	h.start()
	s := newSite(t, h, h.addr(), func(c *ClientConfig) { c.Keys = attic.Keys })
	s.thing("n1")
	other := newSite(t, h, h.addr(), func(c *ClientConfig) { c.Name = "cellar" })
	other.thing("n2")
	roomtest.Eventually(t, "both are here", func() bool { return h.online("n1")() && h.online("n2")() })
	if list := h.srv.Gateways(); len(list) != 2 || list[0].Name != "attic room" || list[0].Key != "k1" || list[1].Name != "cellar" {
		t.Errorf("%+v", list)
	}
	mu.Lock()
	ring = nil
	mu.Unlock()
	h.srv.Expel("k1")
	roomtest.Eventually(t, "it is refused", func() bool { return strings.Contains(s.client.Status().LastError, "401") })
	roomtest.Eventually(t, "its thing is gone", func() bool { return !h.online("n1")() })
	if list := h.srv.Gateways(); len(list) != 1 || !list[0].Connected || !h.online("n2")() {
		t.Errorf("%+v", list)
	}
}

// TestSameGatewayByANewLineTakesThePlaceOfTheOld: the old one may be half open.
func TestSameGatewayByANewLineTakesThePlaceOfTheOld(t *testing.T) {
	h := newHub(t).start()
	conns := make([]*websocket.Conn, 2)
	ctx, stop := roomtest.Soon()
	defer stop()
	for i := range conns {
		conns[i] = h.dial()
		if err := conns[i].Write(ctx, websocket.MessageBinary, hello{Version: 1, Name: "attic", Instance: "same", Clock: time.Now(), Next: 1}.append(nil)); err != nil {
			t.Fatal(err)
		}
		if _, b, err := conns[i].Read(ctx); err != nil || b[0] != frameWelcome {
			t.Fatalf("%x %v", b, err)
		}
	}
	if _, _, err := conns[0].Read(ctx); err == nil {
		t.Error("the old line stands")
	}
	roomtest.Eventually(t, "one is known", func() bool { list := h.srv.Gateways(); return len(list) == 1 && list[0].Connected })
}

// TestLineIsTriedAgainWhateverHappens: refused, not there, 401, 500, 404 without Probe,
// a peer that says nothing, one that cuts.
func TestLineIsTriedAgainWhateverHappens(t *testing.T) {
	h := newHub(t).start()
	var mu sync.Mutex
	step, status := 0, []int{401, 500, 404, 502, 200}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case step < len(status):
			http.Error(w, "no", status[step])
		case step == len(status): // it takes the line and cuts it
			conn, err := websocket.Accept(w, r, nil)
			if err == nil {
				_ = conn.CloseNow()
			}
		case step == len(status)+1: // it takes the line and closes it
			conn, err := websocket.Accept(w, r, nil)
			if err == nil {
				_ = conn.Close(websocket.StatusInternalError, "broken")
			}
		default:
			h.srv.ServeHTTP(w, r)
		}
		step++
	}))
	t.Cleanup(front.Close)
	s := newSite(t, h, front.URL, nil)
	p := s.thing("n1")
	p.say("led", "1", time.Time{})
	s.settled()
	if h.last("n1", "led").Value != "1" {
		t.Error("the value is not there")
	}
}

// TestMuteHubIsGivenUp: one that takes the connection and does not answer, and one
// whose certificate nobody knows.
func TestMuteHubIsGivenUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	sealed := httptest.NewUnstartedServer(http.NotFoundHandler())
	sealed.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	sealed.StartTLS()
	t.Cleanup(sealed.Close)
	h := newHub(t)
	for to, why := range map[string]string{l.Addr().String(): "deadline", sealed.URL: "certificate"} {
		s := newSite(t, h, to, func(c *ClientConfig) { c.patience = time.Second })
		roomtest.Eventually(t, why, func() bool { return strings.Contains(s.client.Status().LastError, why) })
		s.stop()
	}
}

func TestProbeEndsAtAHubWithoutRelay(t *testing.T) {
	front := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(front.Close)
	c, err := OpenClient(ClientConfig{Hub: front.URL, Keys: wire.GenerateKeys(), Dir: t.TempDir(), Log: quiet, Probe: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := roomtest.Soon()
	defer stop()
	if err := c.Run(ctx); !errors.Is(err, ErrForeign) {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestHubThatWasThereIsNoForeigner: a proxy answers 404 while its hub restarts.
func TestHubThatWasThereIsNoForeigner(t *testing.T) {
	h := newHub(t).start()
	relayed := h.http.Config.Handler
	var away atomic.Bool
	refused := make(chan struct{}, 64)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			http.NotFound(w, r)
			select {
			case refused <- struct{}{}:
			default:
			}
			return
		}
		relayed.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	s := newSite(t, h, front.Listener.Addr().String(), func(c *ClientConfig) { c.Probe = true })
	roomtest.Eventually(t, "connected", func() bool { return s.client.Status().Connected })
	away.Store(true)
	h.kill()
	for range 2 {
		select {
		case <-refused:
		case <-time.After(10 * time.Second):
			t.Fatal("the hub is not tried any more")
		}
	}
}

// TestSilentHubIsGivenUp: one that takes the line and then says nothing at all.
func TestSilentHubIsGivenUp(t *testing.T) {
	h := newHub(t).start()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	mute := true
	var conns []*websocket.Conn
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !mute {
			h.srv.ServeHTTP(w, r)
			return
		}
		mute = false
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"token"}})
		if err != nil {
			return
		}
		conns = append(conns, conn)
		_ = conn.Write(context.Background(), websocket.MessageBinary, welcome{Version: 1}.append(nil))
	})}}
	srv.Start()
	t.Cleanup(srv.Close)
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			_ = c.CloseNow()
		}
	})
	s := newSite(t, h, srv.URL, func(c *ClientConfig) { c.beat = 50 * time.Millisecond })
	s.thing("n1")
	roomtest.Eventually(t, "it is at the hub that speaks", h.online("n1"))
}

func TestIdsMadeOfAddressesAreTheirSites(t *testing.T) {
	h := newHub(t).start()
	var refs []roost.ThingID
	for _, name := range []string{"attic", "cellar"} {
		s := newSite(t, h, h.addr(), func(c *ClientConfig) { c.Name = name })
		s.thing("coap-192.0.2.9")
		refs = append(refs, roost.ThingID(name+"-coap-192.0.2.9"))
	}
	for _, id := range refs {
		roomtest.Eventually(t, string(id)+" is here", h.online(id))
	}
}

func TestClockThatIsWrongIsSaid(t *testing.T) {
	h := newHub(t).start()
	conn := h.dial()
	ctx, stop := roomtest.Soon()
	defer stop()
	clock := time.Now().Add(-time.Hour)
	hello := hello{Version: 1, Name: "attic", Instance: "x", Clock: clock, Next: 1, Beat: beat{Clock: clock}}
	if err := conn.Write(ctx, websocket.MessageBinary, hello.append(nil)); err != nil {
		t.Fatal(err)
	}
	roomtest.Eventually(t, "the hub knows", func() bool {
		list := h.srv.Gateways()
		return len(list) == 1 && list[0].Clock < -50*time.Minute
	})
}
