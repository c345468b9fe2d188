package pyaiot

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// wantFrame reads frames up to a close frame and checks its code.
func (s *rawSocket) wantClosed(t *testing.T, what string, code uint16) {
	t.Helper()
	if err := s.SetReadDeadline(time.Now().Add(roomtest.Patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for {
		op, p, err := s.frame(buf)
		switch {
		case err != nil:
			t.Errorf("%s: no close frame: %v", what, err)
			return
		case op == 8 && (len(p) < 2 || uint16(p[0])<<8|uint16(p[1]) != code):
			t.Errorf("%s: closed with %q, want %d", what, p, code)
			return
		case op == 8:
			return
		}
	}
}

func (s *rawSocket) write(t *testing.T, b []byte) {
	t.Helper()
	if _, err := s.Write(b); err != nil {
		t.Fatal(err)
	}
}

// TestBrokenFrames sends what is no WebSocket; nobody else notices.
func TestBrokenFrames(t *testing.T) {
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	unmasked := append([]byte{0x81, 4}, "null"...)
	cont := masked(nil, 0, "null")
	reserved := masked(nil, 1, "null")
	reserved[0] |= 0x40
	part := masked(nil, 1, "nu")
	part[0] &^= 0x80
	longPing := masked(nil, 9, strings.Repeat("x", 126))
	partPing := masked(nil, 9, "")
	partPing[0] &^= 0x80
	huge := []byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}
	for _, c := range []struct {
		name string
		b    []byte
		code uint16
	}{
		{"unmasked", unmasked, 1002},
		{"continuation of nothing", cont, 1002},
		{"reserved bit", reserved, 1002},
		{"reserved opcode", masked(nil, 3, "x"), 1002},
		{"reserved control opcode", masked(nil, 11, ""), 1002},
		{"message in a message", append(part, masked(nil, 1, "null")...), 1002},
		{"long ping", longPing, 1002},
		{"ping in parts", partPing, 1002},
		{"close with one byte", masked(nil, 8, "x"), 1002},
		{"close with a bad code", masked(nil, 8, "\x03\xed"), 1002},
		{"bad UTF-8", masked(nil, 1, "{\"type\": \"\xff\"}"), 1007},
		{"binary bad UTF-8", masked(nil, 2, "\xff\xfe\xfd"), 1003},
		{"too large", huge, 1009},
		{"close", masked(nil, 8, "\x03\xe8bye"), 1000},
		{"empty text", masked(nil, 1, ""), 1003},
	} {
		for _, path := range []string{"/ws", "/gw"} {
			s := h.raw(path, "Sec-WebSocket-Protocol: token,"+h.keys.Token(time.Now())+"\r\n")
			s.write(t, c.b)
			s.wantClosed(t, c.name+" on "+path, c.code)
			_ = s.Close()
		}
	}
	h.fence(gw, client)
}

func TestWhatRealPeersMayDo(t *testing.T) {
	h := build(t, nil)
	client := h.client()
	gw := h.raw("/gw", "Sec-WebSocket-Protocol: token,"+h.keys.Token(time.Now())+"\r\n")
	text := `{"type": "new", "uid": "n1", "dst": "all"}`
	first, middle, last := masked(nil, 1, text[:10]), masked(nil, 0, text[10:20]), masked(nil, 0, text[20:])
	first[0] &^= 0x80
	middle[0] &^= 0x80
	for _, b := range [][]byte{first, masked(nil, 9, "are you there"), middle, last[:3], last[3:]} {
		gw.write(t, b)
	}
	client.Want(text)
	op, p, err := gw.frame(make([]byte, 200))
	if err != nil || op != 10 || string(p) != "are you there" {
		t.Errorf("pong %d %q %v", op, p, err)
	}
	utf16 := ""
	for _, c := range `{"type": "out", "uid": "n1"}` {
		utf16 += string([]byte{byte(c), 0})
	}
	gw.write(t, masked(nil, 2, utf16))
	client.Want(`{"type": "out", "uid": "n1"}`)
}

func TestMessagesOfAnySizeUpToTheLimit(t *testing.T) {
	h := build(t, func(c *Config) { c.MaxGatewayMessage = 1 << 20 })
	client, gw := h.client(), h.gateway()
	gw.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`)
	for _, size := range []int{100, 125, 126, 500, 512, 600, 1000, 65_000, 65_535, 65_536, 300_000, 1<<20 - 200} {
		m := string(wire.AppendUpdate(nil, "n1", "text", `"`+strings.Repeat("x", size)+`"`, "all"))
		gw.Send(m)
		client.Want(m)
	}
	gw.Send(strings.Repeat(" ", 1<<20+1))
	if got := gw.WantClose(); got.Code != websocket.StatusMessageTooBig {
		t.Errorf("%v", got)
	}
	client.Want(`{"type": "out", "uid": "n1"}`)
	client.Send(strings.Repeat(" ", 64<<10+1))
	if got := client.WantClose(); got.Code != websocket.StatusMessageTooBig {
		t.Errorf("%v", got)
	}
}

// TestT29ClientThatIgnoresTheClose disturbs nobody.
func TestT29ClientThatIgnoresTheClose(t *testing.T) {
	t.Parallel() // it takes its time
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	bad := h.raw("/ws", "")
	bad.write(t, masked(nil, 1, `{"type":"new","data":"client"}`))
	roomtest.Eventually(t, "it is announced", func() bool { return h.watchers() == 2 })
	bad.write(t, masked(nil, 1, "oops"))
	bad.wantClosed(t, "oops", 1003) // and says nothing to it
	gw.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`)
	for i := range 100 {
		m := string(wire.AppendUpdate(nil, "n1", "led", fmt.Sprint(i), "all"))
		gw.Send(m)
		client.Want(m)
	}
	late := h.client()
	if got := late.Next(); !strings.HasPrefix(got, `{"type": "new", "uid": "n1", "dst": "`) {
		t.Errorf("a new client got %s", got)
	}
	if n, err := bad.Read(make([]byte, 100)); n > 0 || err == nil {
		t.Errorf("%d bytes behind the close frame", n)
	}
	roomtest.Eventually(t, "it is cut after 5 s", func() bool { return h.door.Stats().Clients == 2 })
}

// TestClientThatNeverReads is cut when it is too far behind; gateway and others go on.
func TestClientThatNeverReads(t *testing.T) {
	t.Parallel() // it takes its time
	h := build(t, nil)
	gw := h.gateway()
	deaf := h.raw("/ws", "")
	if err := deaf.Conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	deaf.write(t, masked(nil, 1, `{"type":"new","data":"client"}`))
	roomtest.Eventually(t, "it is announced", func() bool { return h.watchers() == 1 })
	client := h.client()
	gw.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`)
	value := strings.Repeat("x", 64<<10)
	for i := range 400 { // 25 MB
		m := string(wire.AppendUpdate(nil, "n1", "text", fmt.Sprintf(`"%d%s"`, i, value), "all"))
		gw.Send(m)
		client.Want(m)
	}
	roomtest.Eventually(t, "it is cut", func() bool { return h.door.Stats().Clients == 1 })
	if err := deaf.SetReadDeadline(time.Now().Add(roomtest.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, deaf); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Error("its connection stands")
	}
	h.fence(h.gateway(), client)
}

// TestGatewayThatFloods is held up, not the others, and loses nothing.
func TestGatewayThatFloods(t *testing.T) {
	h := build(t, nil)
	client, calm := h.client(), h.gateway()
	flood := h.raw("/gw", "Sec-WebSocket-Protocol: token,"+h.keys.Token(time.Now())+"\r\n")
	b := masked(nil, 1, `{"type": "new", "uid": "n1", "dst": "all"}`)
	const values = 50_000
	for i := range values {
		b = masked(b, 1, string(wire.AppendUpdate(nil, "n1", "n", fmt.Sprint(i), "all")))
	}
	go func() { _, _ = flood.Write(b) }() // what arrives is checked
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`)
	calm.Send(`{"type": "new", "uid": "c1", "dst": "all"}`)
	seen := 0
	for i := 0; i < values; {
		got := client.Next()
		if strings.Contains(got, `"c1"`) {
			seen = i
			continue
		}
		if want := string(wire.AppendUpdate(nil, "n1", "n", fmt.Sprint(i), "all")); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
		i++
	}
	t.Logf("the calm gateway's node came after %d values of the flood", seen)
}
