package exchange_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

func TestAnswersLeaveByTheSocketOfTheirRequest(t *testing.T) {
	first, second := listen(t), listen(t)
	server := startOn(t, first, exchange.Config{
		More: []exchange.Conn{second}, Readers: 1, EmptyACK: time.Hour,
		Handler: func(ctx context.Context, r *exchange.Request) exchange.Response {
			switch {
			case r.Options.PathIs("later"):
				p := r.Later()
				go func() { _ = p.Respond(ctx, exchange.Text(coap.Content, "late")) }()
				return exchange.Response{}
			case r.Options.PathIs("watched"):
				return exchange.Response{Code: coap.Content, Payload: []byte("0"), Observable: true}
			}
			return exchange.Text(coap.Content, "now")
		},
	})
	for _, conn := range []*net.UDPConn{first, second} {
		p := newPeer(t, addrOf(conn))
		watch := request(coap.GET, 3, "/watched", "")
		watch.Options.SetUint(coap.Observe, coap.Register)
		expect(t, p.ask(request(coap.GET, 1, "/now", "")), coap.Acknowledgement, coap.Content, 1, "now")
		expect(t, p.ask(request(coap.GET, 1, "/now", "")), coap.Acknowledgement, coap.Content, 1, "now")
		expect(t, p.ask(request(coap.GET, 2, "/later", "")), coap.Acknowledgement, coap.Content, 2, "late")
		expect(t, p.ask(watch), coap.Acknowledgement, coap.Content, 3, "0")
		server.Notify("/watched", exchange.Text(coap.Content, "1"))
		if m := p.read(); string(m.Payload) != "1" {
			t.Errorf("notification %v %q", &m, m.Payload)
		}
		if p.ask(coap.Message{ID: 4}); p.to != addrOf(conn) {
			t.Errorf("answers came from %v, not from %v", p.to, addrOf(conn))
		}
	}
	if n := server.Stats().Duplicates; n != 2 {
		t.Errorf("%d duplicates", n)
	}
}

func TestResponsesMayComeToAnySocket(t *testing.T) {
	first, second := listen(t), listen(t)
	client := startOn(t, first, exchange.Config{More: []exchange.Conn{second}})
	node := newPeer(t, addrOf(second))
	asked := make(chan error, 1)
	go func() {
		_, err := client.Do(t.Context(), node.addr(), exchange.Get("/led"))
		asked <- err
	}()
	m := node.read()
	node.to = addrOf(second)
	node.send(coap.Message{Type: coap.Acknowledgement, Code: coap.Content, ID: m.ID, Token: m.Token})
	if err := <-asked; err != nil {
		t.Error(err)
	}
}

func TestOneClosedSocketEndsRun(t *testing.T) {
	first, second := listen(t), listen(t)
	e := exchange.New(first, exchange.Config{More: []exchange.Conn{second}})
	done := make(chan error, 1)
	go func() { done <- e.Run(t.Context()) }()
	second.Close()
	select {
	case err := <-done:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run goes on")
	}
}
