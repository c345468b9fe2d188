package exchange_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/roost-iot/roost/wire/coap"
)

// peer is a bare socket that speaks CoAP message by message.
type peer struct {
	t    testing.TB
	conn *net.UDPConn
	to   netip.AddrPort
}

func newPeer(t testing.TB, to netip.AddrPort) *peer {
	return &peer{t, listen(t), to}
}

func (p *peer) addr() netip.AddrPort { return addrOf(p.conn) }

func (p *peer) raw(b []byte) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDPAddrPort(b, p.to); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) send(m coap.Message) {
	p.t.Helper()
	p.raw(m.Append(nil))
}

// read waits for the next message and answers to where it came from.
func (p *peer) read() coap.Message {
	p.t.Helper()
	b := make([]byte, 65536)
	_ = p.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, from, err := p.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		p.t.Fatal(err)
	}
	p.to = from
	m, err := coap.Parse(b[:n])
	if err != nil {
		p.t.Fatalf("%x: %v", b[:n], err)
	}
	return m
}

func (p *peer) ask(m coap.Message) coap.Message {
	p.t.Helper()
	p.send(m)
	return p.read()
}

// quiet fails unless the endpoint, which has one reader, answered nothing to all
// that was sent before: the answer to a ping comes first.
func (p *peer) quiet() {
	p.t.Helper()
	if m := p.ask(coap.Message{ID: 0xeeee}); m.Type != coap.Reset || m.ID != 0xeeee {
		p.t.Fatalf("expected silence, got %v", &m)
	}
}

func request(code coap.Code, id uint16, path, payload string) coap.Message {
	m := coap.Message{Code: code, ID: id, Token: coap.Token16(id), Payload: []byte(payload)}
	m.Options.SetPath(path)
	return m
}

func expect(t testing.TB, got coap.Message, typ coap.Type, code coap.Code, id uint16, payload string) {
	t.Helper()
	if got.Type != typ || got.Code != code || got.ID != id || string(got.Payload) != payload {
		t.Errorf("got %v %q, want %v %v id=%d %q", &got, got.Payload, typ, code, id, payload)
	}
}
