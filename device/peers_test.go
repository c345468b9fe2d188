package device_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// nodeAt starts a board that announces itself at an address.
func nodeAt(t *testing.T, uri string) *box {
	t.Helper()
	b := boxed(t, nil, `
from rt import net, wifi
net.leave = lambda: None
wifi.pause = lambda n: 50
`+nodeProgram, map[string]string{"/settings.json": `{"pyaiot": "` + uri + `"}`})
	b.on()
	return b
}

// gateway is one for CoAP nodes that says nothing by itself.
type gateway struct {
	t *testing.T
	*net.UDPConn
	node net.Addr
}

func (g *gateway) next() string {
	g.t.Helper()
	m := make([]byte, 2048)
	n, from, err := g.ReadFrom(m)
	if err != nil {
		g.t.Fatal(err)
	}
	g.node = from
	return string(m[:n])
}

// ask sends a request and gives the answer with its message id, past what the node says by itself.
func (g *gateway) ask(request, id string) string {
	g.t.Helper()
	if _, err := g.WriteTo([]byte(request), g.node); err != nil {
		g.t.Fatal(err)
	}
	for {
		if m := g.next(); len(m) > 3 && m[2:4] == id && m[0]>>4 != 5 {
			return m
		}
	}
}

// The bytes of a CoAP node: what it says by itself as RIOT's nodes do, and its answers (RFC 7252, RFC 7959).
func TestCoAPNodeByTheByte(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	g := &gateway{t: t, UDPConn: conn}
	b := nodeAt(t, "coap://"+conn.LocalAddr().String())
	seen := map[string]bool{}
	for _, word := range []string{"reset:", "alive:"} {
		m := g.next()
		if m[:2] != "\x52\x02" || m[6:] != "\xb5alive\x10\xff"+word+nodeID {
			t.Errorf("says %q", m)
		}
	}
	for !seen["temperature"] || !seen["led"] {
		m := g.next()
		name, _, ok := strings.Cut(strings.TrimPrefix(m[6:], "\xb6server\x10\xff"), ":")
		if !ok || m[:2] != "\x52\x02" {
			t.Errorf("pushes %q", m)
		}
		seen[name] = true
	}
	for _, c := range []struct{ what, request, id, want string }{
		{"a ping", "\x40\x00\x00\x01", "\x00\x01", "\x70\x00\x00\x01"},
		{"read", "\x42\x01\x00\x02ab\xb3led", "\x00\x02", "\x62\x45\x00\x02ab\xc0\xff0"},
		{"read by a host's name", "\x41\x01\x00\x03c\x31h\x83led", "\x00\x03", "\x61\x45\x00\x03c\xc0\xff0"},
		{"what there is not", "\x40\x01\x00\x04\xb1x", "\x00\x04", "\x60\x84\x00\x04"},
		{"another method", "\x40\x04\x00\x05\xb3led", "\x00\x05", "\x60\x85\x00\x05"},
		{"set what cannot be set", "\x40\x03\x00\x06\xb4name\xff1", "\x00\x06", "\x60\x85\x00\x06"},
		{"a value that is refused", "\x40\x03\x00\x07\xb3led\xff7", "\x00\x07", "\x60\x80\x00\x07\xff0 or 1"},
		{"an option that nobody knows", "\x40\x01\x00\x08\x91x\x23led", "\x00\x08", "\x60\x82\x00\x08"},
		{"a part (16 bytes, the second)", "\x40\x01\x00\x09\xbb.well-known\x04core\xc1\x10", "\x00\x09", "\x60\x45\x00\x09\xc1\x28\xb3\x00\x00\x18\xff"},
		{"an answer that nobody asked for", "\x40\x45\x00\x0a", "\x00\x0a", "\x60\x00\x00\x0a"},
	} {
		got := g.ask(c.request, c.id)
		if c.what == "a part (16 bytes, the second)" {
			if len(got) != len(c.want)+16 {
				t.Errorf("%s: %q", c.what, got)
			}
			got = got[:len(c.want)]
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
	links := g.ask("\x40\x01\x00\x10\xbb.well-known\x04core", "\x00\x10")
	if !strings.Contains(links, "</led>") || !strings.Contains(links, "</temperature>") || strings.Contains(links, "a/b") {
		t.Errorf("links %q", links)
	}
	// What comes twice is done once.
	for range 2 {
		if got := g.ask("\x40\x03\x00\x11\xb3led\xff1", "\x00\x11"); got != "\x60\x44\x00\x11\xff1" {
			t.Errorf("set: %q", got)
		}
	}
	g.ask("\x40\x00\x00\x12", "\x00\x12")
	if got := b.says("led 1"); strings.Count(got, "led 1") != 1 {
		t.Errorf("printed %s", got)
	}
}

// packet reads one of MQTT.
func packet(t *testing.T, in *bufio.Reader) (kind byte, body string) {
	t.Helper()
	kind, err := in.ReadByte()
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for shift := 0; ; shift += 7 {
		b, err := in.ReadByte()
		if err != nil {
			t.Fatal(err)
		}
		if size |= int(b&127) << shift; b < 128 {
			break
		}
	}
	text := make([]byte, size)
	for n := 0; n < size; {
		k, err := in.Read(text[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += k
	}
	return kind, string(text)
}

// The packets of an MQTT node, what it takes at QoS 1, and that it comes back after a
// lost connection and after a packet that is too long.
func TestMQTTNodeByTheByte(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := nodeAt(t, "mqtt://ada:secret@"+l.Addr().String())
	for _, end := range []string{"", "\x30\xff\xff\xff\x7f", "\x30\xff\xff\xff\xff\xff", ""} {
		_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
		conn, err := l.Accept()
		if err != nil {
			t.Fatalf("it does not come: %v", err)
		}
		_ = conn.SetDeadline(time.Now().Add(patience))
		in := bufio.NewReader(conn)
		if kind, body := packet(t, in); kind != 0x10 || body != "\x00\x04MQTT\x04\xc2\x00\x3c\x00\x0c"+nodeID+"\x00\x03ada\x00\x06secret" {
			t.Errorf("connects with %x %q", kind, body)
		}
		send := func(text string) {
			t.Helper()
			if _, err := conn.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		send("\x20\x02\x00\x00")
		if kind, body := packet(t, in); kind != 0x82 || body != "\x00\x01\x00\x0dgateway/check\x01\x00\x1dgateway/"+nodeID+"/discover\x01\x00\x1agateway/"+nodeID+"/+/set\x01" {
			t.Errorf("subscribes %x %q", kind, body)
		}
		send("\x90\x05\x00\x01\x01\x01\x01")
		set := "\x00\x1cgateway/" + nodeID + "/led/set\x00\x07" + "1"
		send("\x32" + string(rune(len(set))) + set)
		seen := map[string]string{}
		for acked := false; !acked || seen["led"] != `{"value": "1"}` || seen["resources"] == "" || seen["node/check"] == ""; {
			kind, body := packet(t, in)
			switch {
			case kind == 0x40 && body == "\x00\x07":
				acked = true
			case kind == 0x30:
				n := int(body[1])
				seen[strings.TrimPrefix(body[2:2+n], "node/"+nodeID+"/")] = body[2+n:]
			case kind == 0xc0: // a ping, after half a minute
			default:
				t.Fatalf("says %x %q", kind, body)
			}
		}
		if seen["node/check"] != `{"id": "`+nodeID+`"}` || !json.Valid([]byte(seen["resources"])) || !strings.Contains(seen["resources"], `"temperature"`) {
			t.Errorf("says %v", seen)
		}
		if end != "" {
			send(end)
			_, _ = bytes.NewBuffer(nil).ReadFrom(in) // until it closes
		}
		_ = conn.Close()
	}
	b.says("led 1")
}

// Pieces of messages, pings, a close, frames that a server must not send: the node
// answers or connects anew.
func TestWebSocketNodeAtAPeer(t *testing.T) {
	type caller struct {
		*websocket.Conn
		path string
	}
	callers := make(chan caller)
	over := make(chan struct{})
	defer close(over)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		select {
		case callers <- caller{c, r.URL.String()}:
		case <-over:
			_ = c.CloseNow()
		}
	}))
	t.Cleanup(srv.Close)
	nodeAt(t, "ws"+strings.TrimPrefix(srv.URL, "http"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	for round := range 3 {
		var c caller
		select {
		case c = <-callers:
		case <-ctx.Done():
			t.Fatalf("round %d: it does not come", round)
		}
		if c.path != "/node?id="+nodeID {
			t.Errorf("asks for %s", c.path)
		}
		w, err := c.Writer(ctx, websocket.MessageText)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{`{"endpoint": "l`, `ed", "pay`, fmt.Sprintf(`load": %d}`, (round+1)%2)} {
			if _, err := w.Write([]byte(part)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		ponged := make(chan error, 1)
		go func() { ponged <- c.Ping(ctx) }()
		for want, asked := fmt.Sprint((round+1)%2), false; ; {
			_, text, err := c.Read(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var m struct {
				Type string
				Data map[string]string
			}
			if json.Unmarshal(text, &m) != nil || m.Type != "update" {
				t.Fatalf("says %s", text)
			}
			if len(m.Data) == 1 && m.Data["led"] == want && !asked { // what comes after this is past the pong
				asked = true
				if err := c.Write(ctx, websocket.MessageText, []byte(`{"request": "discover"}`)); err != nil {
					t.Fatal(err)
				}
			}
			if asked && m.Data["position"] != "" && m.Data["led"] == want {
				break
			}
		}
		if err := <-ponged; err != nil {
			t.Errorf("round %d: no pong: %v", round, err)
		}
		switch round {
		case 0:
			_ = c.Close(websocket.StatusGoingAway, "")
		case 1: // more than it takes
			_ = c.Write(ctx, websocket.MessageText, bytes.Repeat([]byte("x"), 20000))
		}
		_ = c.CloseNow()
	}
}

// A setting that cannot be is said, and costs nothing else.
func TestAddressesOfGatewaysThatCannotBe(t *testing.T) {
	b := boxed(t, nil, `
from rt import node
async def main():
    for uri in ('', 'coap', 'http://host', 'mqtt://', 'ws://host:port'):
        print('next')
        await node.run(uri, None)
    print('over')
asyncio.run(main())
`, nil)
	b.on()
	for i, said := range strings.Split(b.says("over"), "next")[1:] {
		if !strings.Contains(said, "is not coap://, mqtt:// or ws:// and a host") {
			t.Errorf("%d: printed %s", i, said)
		}
	}
}
