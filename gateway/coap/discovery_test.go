package coap_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/coap"
)

func content(payload string, format ...wire.Format) func(*exchange.Request) exchange.Response {
	return func(*exchange.Request) exchange.Response {
		a := exchange.Text(wire.Content, payload)
		for _, f := range format {
			a.Options.SetFormat(f)
		}
		return a
	}
}

// introduced is what every node's events begin with.
func introduced(uid, host string) []string {
	return []string{uid + " online", uid + " ip=::ffff:" + host, uid + " protocol=CoAP"}
}

func TestT36ResourcesAreReadInTheOrderOfTheList(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.2.1").has("</board>,</led>,</mcu>,</name>,</os>",
		"/board", "samr21-xpro", "/led", "0", "/mcu", "samd21", "/name", "Node", "/os", "riot")
	b.says("alive:n1")
	h.want(t, introduced("n1", b.host)...)
	h.want(t, "n1 board=samr21-xpro", "n1 led=0", "n1 mcu=samd21", "n1 name=Node", "n1 os=riot")
	want := []string{"GET /.well-known/core", "GET /board", "GET /led", "GET /mcu", "GET /name", "GET /os"}
	if got := b.requests(); !slices.Equal(got, want) {
		t.Errorf("asked %q", got)
	}
}

func TestT44PaddingIsCutOff(t *testing.T) {
	h := open(t)
	text := "23.4°C"
	b := h.board(t, "127.0.2.2").has("</temperature>,</imu>",
		"/temperature", text+strings.Repeat("\x00", 64-len(text)), "/imu", `imu:[{"type":"acc","values":[1,2,3]}]`)
	b.says("alive:n1")
	h.until(t, "n1 temperature=23.4°C")
	h.want(t, `n1 imu=[{"type":"acc","values":[1,2,3]}]`)
}

func TestT47ListsAreReadAsLinkFormat(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.2.3").has(
		`</board>;rt="x";if="get,put",</led>; ct=0 , </.well-known/core>;ct=40,</led>,<https://x/>;rel="impl-info",</a/b>,<//y/z>,<rel>,</p?q=1>`,
		"/board", "b", "/led", "0", "/a/b", "deep", "/p", "query")
	b.says("alive:n1")
	h.want(t, introduced("n1", b.host)...)
	h.want(t, "n1 board=b", "n1 led=0", "n1 a/b=deep", "n1 p?q=1=query")
	want := []string{"GET /.well-known/core", "GET /board", "GET /led", "GET /a/b", "GET /p"}
	if got := b.requests(); !slices.Equal(got, want) {
		t.Errorf("asked %q", got)
	}
}

func TestOnlyTextContentIsReported(t *testing.T) {
	h := open(t)
	long := strings.Repeat("long ", 500)
	b := h.board(t, "127.0.2.4").has("</none>,</error>,</cbor>,</bytes>,</latin1>,</huge>,</long>,</json>,</last>",
		"/bytes", "\x01\x02", "/latin1", "23\xb0C", "/huge", strings.Repeat("h", 9000), "/long", long, "/last", "end")
	b.on("/error", func(*exchange.Request) exchange.Response { return exchange.Text(wire.InternalServerError, "broken") })
	b.on("/cbor", content("a", wire.CBOR))
	b.on("/json", content(`{"n":1}`, wire.JSON))
	b.says("alive:n1")
	h.want(t, introduced("n1", b.host)...)
	h.want(t, "n1 long="+long, `n1 json={"n":1}`, "n1 last=end")
}

func TestBrokenListIsReadUpToItsFault(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.2.5").has("</a>,</b>,<broken", "/a", "1", "/b", "2")
	b.says("alive:n1")
	h.want(t, introduced("n1", b.host)...)
	h.want(t, "n1 a=1", "n1 b=2")
}

func TestTooManyResources(t *testing.T) {
	h := open(t, func(_ *roomtest.Config, c *coap.Config) { c.MaxResources = 3 })
	b := h.board(t, "127.0.2.6").has("</a>,</b>,</c>,</d>,</e>", "/a", "1", "/b", "2", "/c", "3", "/d", "4", "/e", "5")
	b.says("alive:n1")
	h.until(t, "n1 c=3")
	b.pushes("end:1")
	h.want(t, "n1 end=1")
	if got := len(b.requests()); got != 4 {
		t.Errorf("%d requests", got)
	}
}

func TestDiscoveryGoesOnAfterAResourceThatIsSilent(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.2.7").has("</mute>,</led>", "/led", "0")
	b.on("/mute", func(r *exchange.Request) exchange.Response {
		r.Later().Acknowledge() // and never answers
		return exchange.Response{}
	})
	b.says("alive:n1")
	h.want(t, introduced("n1", b.host)...)
	h.want(t, "n1 led=0")
}

func TestNodeThatVanishesWithinABlockTransfer(t *testing.T) {
	h := open(t)
	var mu sync.Mutex
	var asked []string
	h.raw(t, "127.0.2.8", func(q wire.Message) []byte {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, q.Options.Path())
		a := wire.Message{Type: wire.Acknowledgement, Code: wire.Content, ID: q.ID, Token: q.Token}
		num, _, _ := q.Options.Block(wire.Block2)
		switch {
		case q.Options.Path() == "/.well-known/core":
			a.Payload = []byte("</big>,</led>,</os>")
		case q.Options.Path() == "/big" && num.Num < 2:
			a.Options.SetBlock(wire.Block2, wire.Block{Num: num.Num, More: true, SZX: 2})
			a.Payload = []byte(strings.Repeat("x", 64))
		default:
			return nil // gone
		}
		return a.Append(nil)
	})
	taken(t, post(t, h, "127.0.2.8:0", "/alive", "alive:n1"), "alive:n1")
	h.want(t, introduced("n1", "127.0.2.8")...)
	eventually(t, "discovery ends", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(asked, "/led") && h.door.Stats().Discoveries == 0
	})
	mu.Lock()
	defer mu.Unlock()
	if slices.Contains(asked, "/os") {
		t.Errorf("a node that is gone was asked %q", asked)
	}
	taken(t, post(t, h, "127.0.2.8:0", "/server", "a:1"), "a:1")
	h.want(t, "n1 a=1")
}

// raw answers every request to a node with bytes of the test's choice; nil is silence.
func (h *house) raw(t *testing.T, host string, answer func(q wire.Message) []byte) {
	conn := listen(t, fmt.Sprintf("%s:%d", host, h.port))
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if q, err := wire.Parse(buf[:n]); err == nil && q.Code.IsRequest() {
				if b := answer(q); b != nil {
					_, _ = conn.WriteToUDPAddrPort(b, from)
				}
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
}

func TestNodesThatAnswerNonsense(t *testing.T) {
	h := open(t)
	ack := func(q wire.Message, token wire.Token) []byte {
		m := wire.Message{Type: wire.Acknowledgement, Code: wire.Content, ID: q.ID, Token: token, Payload: []byte("</x>")}
		return m.Append(nil)
	}
	for i, answer := range []func(q wire.Message) []byte{
		func(q wire.Message) []byte { return ack(q, wire.Token{}) },                  // no token
		func(q wire.Message) []byte { return append(ack(q, q.Token)[:3], 0xff) },     // cut off
		func(q wire.Message) []byte { b := ack(q, q.Token); b[0] |= 0x0f; return b }, // token of 15 bytes
		func(q wire.Message) []byte { return []byte{} },                              // nothing at all
		func(q wire.Message) []byte { return q.Append(nil) },                         // the request itself
		func(q wire.Message) []byte { b := ack(q, q.Token); b[2] ^= 0xff; return b }, // another message id
		func(q wire.Message) []byte { m := wire.Message{Type: wire.Reset, ID: q.ID}; return m.Append(nil) },
	} {
		host := fmt.Sprintf("127.0.2.%d", 20+i)
		h.raw(t, host, answer)
		uid := fmt.Sprintf("bad%d", i)
		taken(t, post(t, h, host+":0", "/alive", "alive:"+uid), "alive:"+uid)
		h.want(t, introduced(uid, host)...)
	}
	eventually(t, "discoveries end", func() bool { return h.door.Stats().Discoveries == 0 })
	b := h.board(t, "127.0.2.9").has("</led>", "/led", "0")
	b.says("alive:good")
	h.want(t, introduced("good", b.host)...)
	h.want(t, "good led=0")
}

func TestRefreshReadsEverythingAgain(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.2.10").has("</led>", "/led", "0")
	b.says("alive:n1")
	h.until(t, "n1 led=0")
	eventually(t, "the first discovery ends", func() bool { return h.door.Stats().Discoveries == 0 }) // a refresh would join it
	b.has("</led>,</os>", "/led", "1", "/os", "riot")
	c := h.ended(t, h.submit(t, command.Request{Ref: ref("n1"), Kind: roost.Refresh, By: "test"}))
	if c.State != roost.Done {
		t.Fatalf("refresh is %s: %s", c.State, c.Error)
	}
	h.want(t, "n1 led=1", "n1 os=riot")
}

func TestRefreshOfASilentNodeFails(t *testing.T) {
	h := open(t)
	taken(t, post(t, h, "127.0.2.11:0", "/alive", "alive:n1"), "alive:n1")
	c := h.ended(t, h.submit(t, command.Request{Ref: ref("n1"), Kind: roost.Refresh, By: "test"}))
	if c.State != roost.Failed || c.Error != "The thing did not answer." {
		t.Errorf("refresh is %s: %q", c.State, c.Error)
	}
}

func TestResetDuringADiscoveryStartsItOver(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.2.12").has("</a>,</b>", "/b", "2")
	var asked atomic.Int32
	b.on("/a", func(r *exchange.Request) exchange.Response {
		if asked.Add(1) == 1 {
			r.Later().Acknowledge()
			return exchange.Response{}
		}
		return exchange.Text(wire.Content, "1")
	})
	b.says("alive:n1")
	h.want(t, introduced("n1", b.host)...)
	eventually(t, "the first read", func() bool { return asked.Load() == 1 })
	b.says("reset:n1")
	h.want(t, "n1 reset", "n1 ip=::ffff:127.0.2.12", "n1 protocol=CoAP", "n1 a=1", "n1 b=2")
}

// A border router comes back, and all its nodes with it.
func TestStormOfNodes(t *testing.T) {
	count := 600
	if testing.Short() {
		count = 200
	}
	h := open(t, func(_ *roomtest.Config, c *coap.Config) {
		c.MaxDiscoveries, c.Exchange.ACKTimeout = 8, 100*time.Millisecond
	})
	conn := listen(t, "127.0.2.13:0")
	defer conn.Close()
	most := 0
	for i := range count {
		m := wire.Message{Type: wire.NonConfirmable, Code: wire.POST, ID: uint16(i), Payload: fmt.Appendf(nil, "alive:storm-%d", i)}
		m.Options.SetPath("alive")
		from := listen(t, fmt.Sprintf("127.2.%d.%d:0", i/250, 1+i%250))
		if _, err := from.WriteToUDPAddrPort(m.Append(nil), h.at); err != nil {
			t.Fatal(err)
		}
		from.Close()
		most = max(most, h.door.Stats().Discoveries)
		if i%100 == 99 { // so that the socket's buffer holds them
			eventually(t, "nodes known", func() bool { return h.Registry.Count(roost.Home).Total > i-20 })
		}
	}
	eventually(t, "nodes known", func() bool { return h.Registry.Count(roost.Home).Online == count })
	if s := h.door.Stats(); max(most, s.Discoveries) > 8 || s.Discoveries+s.Queued == 0 {
		t.Errorf("discoveries: %d at once, now %+v", most, s)
	}
	h.until(t, fmt.Sprintf("storm-%d protocol=CoAP", count-1))
	taken(t, post(t, h, "127.2.0.1:0", "/server", "led:1"), "led:1")
	eventually(t, "value kept", func() bool { _, rs, _ := h.Registry.Get(ref("storm-0")); return len(rs) == 3 })
}
