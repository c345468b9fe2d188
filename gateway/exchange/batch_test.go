package exchange_test

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

// anyAddress opens a socket for IPv6 and IPv4 alike, as the server's is.
func anyAddress(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// peersOf are bare sockets towards a server on this machine: of IPv4, and of IPv6 if
// that is here.
func peersOf(t *testing.T, server *net.UDPConn) (peers []*peer) {
	t.Helper()
	port := addrOf(server).Port()
	for _, host := range []string{"127.0.0.1", "::1"} {
		addr := netip.MustParseAddr(host)
		for range 3 {
			c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
			if err != nil && addr.Is6() {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			peers = append(peers, &peer{t, c, netip.AddrPortFrom(addr, port)})
		}
	}
	return peers
}

// What has come before the server reads is there all at once: it takes several batches.
func TestBatchAnswersEachToWhoAsked(t *testing.T) {
	conn := anyAddress(t)
	peers := peersOf(t, conn)
	const each = 7
	for id := uint16(1); id <= each; id++ {
		for i, p := range peers {
			p.send(request(coap.POST, id, "/server", strconv.Itoa(i)))
		}
	}
	var mu sync.Mutex
	var from []netip.AddrPort
	server := startOn(t, conn, exchange.Config{Batch: 4, Readers: 1, Handler: func(ctx context.Context, r *exchange.Request) exchange.Response {
		mu.Lock()
		defer mu.Unlock()
		from = append(from, r.Remote)
		return echo(ctx, r)
	}})
	for i, p := range peers {
		for id := uint16(1); id <= each; id++ {
			m := p.read()
			expect(t, m, coap.Acknowledgement, coap.Content, id, "POST /server "+strconv.Itoa(i))
			if m.Token != coap.Token16(id) {
				t.Errorf("token %v", m.Token)
			}
		}
	}
	for i, p := range peers { // the handler saw whom they came from, and copies are known
		again := p.ask(request(coap.POST, each, "/server", strconv.Itoa(i)))
		expect(t, again, coap.Acknowledgement, coap.Content, each, "POST /server "+strconv.Itoa(i))
		mu.Lock()
		if from[i] != p.addr() {
			t.Errorf("the request of %v seems to come from %v", p.addr(), from[i])
		}
		mu.Unlock()
	}
	if s := server.Stats(); s.Requests != uint64(each*len(peers)) || s.Duplicates != uint64(len(peers)) || s.SendErrors != 0 {
		t.Errorf("%+v", s)
	}
}

// Datagrams of all kinds in one batch do not disturb each other.
func TestBatchOfAllKinds(t *testing.T) {
	conn := listen(t)
	p := newPeer(t, addrOf(conn))
	p.raw([]byte("no CoAP"))
	p.raw(nil)
	p.send(request(coap.POST, 1, "/big", strings.Repeat("x", 2000)))
	p.send(coap.Message{ID: 2}) // a ping
	later := request(coap.GET, 3, "/later", "")
	p.send(later)
	watch := request(coap.GET, 4, "/watched", "")
	watch.Options.SetUint(coap.Observe, coap.Register)
	p.send(watch)
	p.send(request(coap.GET, 5, "/boom", ""))
	p.send(request(coap.GET, 6, "/now", ""))
	var server *exchange.Endpoint
	ready := make(chan struct{})
	server = startOn(t, conn, exchange.Config{
		Batch: 16, Readers: 1, MaxDatagram: 1500, EmptyACK: time.Hour,
		Handler: func(ctx context.Context, r *exchange.Request) exchange.Response {
			switch {
			case r.Options.PathIs("later"):
				reply := r.Later()
				go func() {
					<-ready
					_ = reply.Respond(ctx, exchange.Text(coap.Content, "late"))
				}()
				return exchange.Response{}
			case r.Options.PathIs("watched"):
				return exchange.Response{Code: coap.Content, Payload: []byte("0"), Observable: true}
			case r.Options.PathIs("boom"):
				panic("boom")
			}
			return exchange.Text(coap.Content, "now")
		},
	})
	expect(t, p.read(), coap.Acknowledgement, coap.RequestEntityTooLarge, 1, "")
	expect(t, p.read(), coap.Reset, coap.Empty, 2, "")
	expect(t, p.read(), coap.Acknowledgement, coap.Content, 4, "0")
	expect(t, p.read(), coap.Acknowledgement, coap.InternalServerError, 5, "")
	expect(t, p.read(), coap.Acknowledgement, coap.Content, 6, "now")
	close(ready)
	expect(t, p.read(), coap.Acknowledgement, coap.Content, 3, "late")
	if n := server.Notify("/watched", exchange.Text(coap.Content, "1")); n != 1 {
		t.Errorf("%d watch", n)
	}
	if m := p.read(); string(m.Payload) != "1" {
		t.Errorf("notification %v %q", &m, m.Payload)
	}
}

// TestBatchEndsWithItsSocket: a socket that is closed ends Run, as without batches.
func TestBatchEndsWithItsSocket(t *testing.T) {
	conn := listen(t)
	e := exchange.New(conn, exchange.Config{Batch: 4, Handler: echo})
	done := make(chan error, 1)
	go func() { done <- e.Run(t.Context()) }()
	p := newPeer(t, addrOf(conn))
	expect(t, p.ask(request(coap.GET, 1, "/a", "")), coap.Acknowledgement, coap.Content, 1, "GET /a ")
	conn.Close()
	select {
	case err := <-done:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run goes on")
	}
}
