package desk

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/roost-iot/roost/internal/leaktest"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/wire/agent"
)

func TestMain(m *testing.M) {
	release, err := micropython.Keep(context.Background())
	if err != nil && micropython.Available() {
		panic(err)
	}
	leaktest.Main(m, func() {
		if release != nil {
			release()
		}
	})
}

// patience is what a slow machine under the race detector may take for one step of a board.
const patience = 3 * time.Minute

func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// started gives a server and a client of it, enrolled and by memory.
func started(t *testing.T) (*Server, *Thing, *Client) {
	t.Helper()
	s := NewServer(ServerConfig{})
	t.Cleanup(s.Close)
	thing := s.Enrol("one", agent.Key{})
	transport := &http.Transport{DialContext: s.Dial}
	t.Cleanup(transport.CloseIdleConnections)
	return s, thing, &Client{URL: URL, ID: "one", Key: thing.Key(), HTTP: &http.Client{Transport: transport}}
}

func register(t *testing.T, c *Client, boot, app string) {
	t.Helper()
	_, err := c.Register(limited(t), agent.Register{Boot: boot, MAC: "28cdc1010203", OS: "1.0.0", App: app, Slots: agent.Slots{App: agent.Slot{Run: "_p", Ver: app}}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatComesUpIsKeptOnce(t *testing.T) {
	_, thing, c := started(t)
	register(t, c, "00000001", "0")
	q := []agent.Entry{{At: 5, Kind: "tele", Body: `{"t":1}`}, {At: 6, Kind: "log", Body: `["info","here"]`}}
	for again := range 3 {
		a, err := c.Sync(limited(t), agent.Sync{Boot: "00000001", Wait: 25, Queue: q, Again: min(again, 1) * len(q), App: "0"})
		if err != nil || a.Upto != 6 {
			t.Fatalf("answer %+v, %v", a, err)
		}
	}
	v := thing.View()
	if len(v.Entries) != 2 || v.Values["t"] != "1" || !slices.Equal(v.Logs(), []string{"info here"}) || v.Doubled != 0 || v.Boots != 1 {
		t.Errorf("%+v", v)
	}
}

func TestCommandsEndAnsweredOrWithTheBoot(t *testing.T) {
	_, thing, c := started(t)
	register(t, c, "00000001", "0")
	answers := make(chan agent.Ack, 2)
	for range 2 {
		go func() {
			ack, _ := thing.Send(limited(t), "message", map[string]int{"n": 1})
			answers <- ack
		}()
		a, err := c.Sync(limited(t), agent.Sync{Boot: "00000001", Wait: 25, App: "0"})
		if err != nil || len(a.Commands) != 1 || a.Commands[0].Body != `{"n":1}` {
			t.Fatalf("answer %+v, %v", a, err)
		}
		if len(thing.View().Acks) == 0 {
			ack := agent.Ack{ID: a.Commands[0].ID, OK: true, Body: `"yes"`}
			if _, err := c.Sync(limited(t), agent.Sync{Boot: "00000001", App: "0", Acks: []agent.Ack{ack}}); err != nil {
				t.Fatal(err)
			}
			if got := <-answers; got != ack {
				t.Errorf("answered %+v", got)
			}
			continue
		}
		register(t, c, "00000002", "0")
		if got := <-answers; got.OK {
			t.Errorf("answered %+v by another boot", got)
		}
	}
}

func TestOffersAreFetchedWholeAndInPart(t *testing.T) {
	_, thing, c := started(t)
	register(t, c, "00000001", "0")
	if err := thing.Offer(App("2", map[string]string{"app.py": "print('two')\n"})); err != nil {
		t.Fatal(err)
	}
	a, err := c.Sync(limited(t), agent.Sync{Boot: "00000001", Wait: 25, App: "0"})
	if err != nil || a.Update == nil || !agent.MACText(a.Update.MAC, c.Key.UpdateMAC(a.Update.E, a.Update.R)) {
		t.Fatalf("answer %+v, %v", a, err)
	}
	r, e, err := ReadRelease(*a.Update)
	if err != nil || r.Ver != "2" || e.N != 1 || e.For != "one" {
		t.Fatalf("%+v %+v %v", r, e, err)
	}
	for from, want := range map[int64]string{0: "print('two')\n", 7: "two')\n"} {
		if b, err := c.File(limited(t), r.Files["app.py"].SHA256, from); err != nil || string(b) != want {
			t.Errorf("from %d: %q, %v", from, b, err)
		}
	}
	if _, err := c.File(limited(t), agent.FileOf([]byte("x")).SHA256, 0); err == nil {
		t.Error("a file that was not offered came")
	}
	a, err = c.Sync(limited(t), agent.Sync{Boot: "00000001", App: "2"})
	if err != nil || a.Update != nil {
		t.Errorf("answer %+v, %v", a, err)
	}
}

func TestFaultsAreAsOrdered(t *testing.T) {
	s, _, c := started(t)
	sync := func() error {
		_, err := c.Sync(limited(t), agent.Sync{Boot: "00000001", App: "0"})
		return err
	}
	for name, f := range map[string]Fault{
		"503": {Status: 503}, "forged": {Forge: true}, "cut": {Cut: 20}, "cut at once": {Cut: -1},
		"lost": {Lost: true}, "another body": {Body: []byte("{}")},
	} {
		if err := c.Hello(limited(t)); err != nil {
			t.Fatal(err)
		}
		s.Break(func(*http.Request) Fault { return f })
		err := sync()
		s.Break(nil)
		var refused *RefusedError
		if err == nil || errors.As(err, &refused) != (name == "503") {
			t.Errorf("%s: %v", name, err)
		}
		if err := sync(); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
	s.Forget()
	var refused *RefusedError
	if err := sync(); !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
		t.Errorf("a forgotten session: %v", err)
	}
}

func TestWhoJoinsWaitsForApproval(t *testing.T) {
	s := NewServer(ServerConfig{})
	defer s.Close()
	h := httptest.NewServer(s)
	defer h.Close()
	c := &Client{URL: h.URL, HTTP: h.Client()}
	if err := c.Join(limited(t), agent.Join{MAC: "28cdc1010203"}); err != nil {
		t.Fatal(err)
	}
	var refused *RefusedError
	if err := c.Hello(limited(t)); !errors.As(err, &refused) || refused.State != agent.StateWaiting {
		t.Errorf("before: %v", err)
	}
	s.Thing(c.ID).Approve()
	if err := c.Hello(limited(t)); err != nil {
		t.Error(err)
	}
	if err := (&Client{URL: h.URL, HTTP: h.Client()}).Join(limited(t), agent.Join{MAC: "28cdc1010203"}); !errors.As(err, &refused) || refused.Status != http.StatusConflict {
		t.Errorf("joined again: %v", err)
	}
}
