package coap_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/exchange"
	wire "github.com/roost-iot/roost/wire/coap"
)

// sent sends a datagram and gives the answer, nil when none comes before that to
// a ping sent behind it.
func sent(t *testing.T, h *house, datagram []byte) *wire.Message {
	t.Helper()
	conn := listen(t, "127.0.8.1:0")
	defer conn.Close()
	ping := wire.Message{Type: wire.Confirmable, ID: 0xfffe}
	for _, b := range [][]byte{datagram, ping.Append(nil)} {
		if _, err := conn.WriteToUDPAddrPort(b, h.at); err != nil {
			t.Fatal(err)
		}
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	buf := make([]byte, 65536)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wire.Parse(buf[:n])
	if err != nil {
		t.Fatal(err)
	}
	if m.Type == wire.Reset && m.ID == ping.ID {
		return nil
	}
	return &m
}

func TestBadDatagrams(t *testing.T) {
	h := open(t)
	post := func(change func(*wire.Message)) []byte {
		m := wire.Message{Code: wire.POST, ID: 7, Token: wire.Token16(9), Payload: []byte("alive:n1")}
		m.Options.SetPath("alive")
		change(&m)
		return m.Append(nil)
	}
	whole := post(func(*wire.Message) {})
	cut := func(n int) []byte { return bytes.Clone(whole[:n]) }
	for _, c := range []struct {
		name     string
		datagram []byte
		answer   string // "" none
	}{
		{"empty", nil, ""},
		{"three bytes", cut(3), ""},
		{"no token where one is announced", cut(5), "RST Empty"},
		{"option cut off", cut(8), "RST Empty"},
		{"token of 9 bytes", append([]byte{0x49}, whole[1:]...), "RST Empty"},
		{"token of 15 bytes", append([]byte{0x4f}, whole[1:]...), "RST Empty"},
		{"another version", append([]byte{0x82}, whole[1:]...), ""},
		{"marker without payload", append(cut(12), 0xff), "RST Empty"},
		{"reserved class", append([]byte{0x42, 0x22}, whole[2:]...), "RST Empty"},
		{"unknown critical option", post(func(m *wire.Message) { m.Options.AddString(2053, "x") }), "ACK 4.02"},
		{"proxy", post(func(m *wire.Message) { m.Options.AddString(wire.ProxyURI, "coap://x/") }), "ACK 5.05"},
		{"a response to nobody", post(func(m *wire.Message) { m.Code = wire.Content }), "RST Empty"},
		{"later block first", post(func(m *wire.Message) { m.Options.SetBlock(wire.Block1, wire.Block{Num: 3}) }), "ACK 4.08"},
	} {
		a := sent(t, h, c.datagram)
		got := ""
		if a != nil {
			code, _, _ := strings.Cut(a.Code.String(), " ")
			got = a.Type.String() + " " + code
		}
		if got != c.answer {
			t.Errorf("%s: answered %q, want %q", c.name, got, c.answer)
		}
	}
	if n := h.door.Stats().Nodes; n != 0 {
		t.Errorf("%d nodes", n)
	}
	h.board(t, "127.0.8.2").has("").says("alive:n2")
	h.want(t, introduced("n2", "127.0.8.2")...)
}

func TestMonstrousPayloads(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.8.3").has("")
	b.says("alive:n1")
	h.until(t, "n1 protocol=CoAP")
	m := wire.Message{Code: wire.POST, ID: 8, Payload: append([]byte("a:"), bytes.Repeat([]byte("1"), 64<<10-100)...)}
	m.Options.SetPath("server")
	if a := sent(t, h, m.Append(nil)); a == nil || a.Code != wire.RequestEntityTooLarge {
		t.Errorf("64 kB in one datagram was answered %v", a)
	}
	// The same in blocks of 1 KiB, far beyond what is put together.
	end := exchange.Post("/server", append([]byte("a:"), bytes.Repeat([]byte("1"), 100<<10)...))
	if a := ask(t, h, "127.0.8.3:0", end); a.Code != wire.RequestEntityTooLarge {
		t.Errorf("100 kB in blocks was answered %v", a.Code)
	}
	// A long one that fits comes whole.
	text := strings.Repeat("long ", 1600)
	if a := b.post("/server", "a:"+text); a.Code != wire.Changed {
		t.Errorf("8 kB was answered %v %q", a.Code, a.Payload)
	}
	h.want(t, "n1 a="+text)
}

func TestDuplicateIsTakenOnce(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.8.4").has("")
	b.says("alive:n1")
	h.until(t, "n1 protocol=CoAP")
	conn := listen(t, "127.0.8.4:0")
	defer conn.Close()
	m := wire.Message{Code: wire.POST, ID: 9, Token: wire.Token16(1), Payload: []byte("a:1")}
	m.Options.SetPath("server")
	for range 3 {
		if _, err := conn.WriteToUDPAddrPort(m.Append(nil), h.at); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		buf := make([]byte, 100)
		n, err := conn.Read(buf)
		if err != nil || !strings.HasSuffix(string(buf[:n]), "Received 'a:1'") {
			t.Fatalf("answered %q, %v", buf[:n], err)
		}
	}
	b.pushes("end:1")
	h.want(t, "n1 a=1", "n1 end=1")
}
