package exchange_test

import (
	"context"
	"net"
	"testing"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

// FuzzDatagram throws any two datagrams at an endpoint that serves and asks:
// whatever they are, it answers the next ping.
func FuzzDatagram(f *testing.F) {
	observe := registration(3, coap.Register, "/temperature")
	upload, more, download := part(1, 0, true, 0, text(16)), part(2, 1, false, 0, "end"), get(4, 1, 0)
	for _, pair := range [][2]coap.Message{
		{upload, more},
		{download, download},
		{observe, request(coap.POST, 9, "/later", "x")},
		{{Type: coap.Reset, ID: 1}, {Type: coap.Acknowledgement, Code: coap.Content, ID: 1}},
	} {
		f.Add(pair[0].Append(nil), pair[1].Append(nil))
	}
	f.Add([]byte{0x4f, 1, 0, 1}, []byte{0x40, 0xff, 0, 1})
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { conn.Close() })
	startOn(f, conn, exchange.Config{Readers: 1, ResponseBlockSize: 16, Handler: func(_ context.Context, r *exchange.Request) exchange.Response {
		if r.Options.PathIs("later") {
			r.Later().Acknowledge()
			return exchange.Response{}
		}
		a := exchange.Text(coap.Content, r.Options.Path()+string(r.Payload)+text(40))
		a.Observable = true
		return a
	}})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		p := newPeer(t, addrOf(conn))
		p.raw(a)
		p.raw(b)
		p.send(coap.Message{ID: 0xeeee})
		for range 4 {
			if m := p.read(); m.Type == coap.Reset && m.ID == 0xeeee {
				return
			}
		}
		t.Errorf("no answer to a ping after %x and %x", a, b)
	})
}
