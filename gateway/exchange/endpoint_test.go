package exchange_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

// listen opens a socket on loopback for the length of the test.
func listen(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func addrOf(c *net.UDPConn) netip.AddrPort {
	a := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// start runs an endpoint for the length of the test.
func start(t testing.TB, c exchange.Config) (*exchange.Endpoint, netip.AddrPort) {
	t.Helper()
	conn := listen(t)
	return startOn(t, conn, c), addrOf(conn)
}

func startOn(t testing.TB, conn exchange.Conn, c exchange.Config) *exchange.Endpoint {
	t.Helper()
	e := exchange.New(conn, c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return e
}

// quick is the timing of tests that lose messages.
var quick = exchange.Config{
	ACKTimeout: 30 * time.Millisecond, RandomFactor: 1.2, MaxRetransmit: 6,
	AnswerTimeout: 2 * time.Second, EmptyACK: 20 * time.Millisecond,
}

// with copies a configuration and gives it a handler.
func with(c exchange.Config, h exchange.Handler) exchange.Config {
	c.Handler = h
	return c
}

// echo answers any request with its method, path and payload.
func echo(_ context.Context, r *exchange.Request) exchange.Response {
	return exchange.Text(coap.Content, r.Code.String()+" "+r.Options.Path()+" "+string(r.Payload))
}

// within is a context that ends before the test does.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// eventually polls until ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(10 * time.Second); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("never: %s", what)
		}
	}
}

func TestRequestIsAnswered(t *testing.T) {
	_, server := start(t, exchange.Config{Handler: echo})
	client, _ := start(t, exchange.Config{})
	for _, c := range []struct {
		r    *exchange.Request
		want string
	}{
		{exchange.Get("/led"), "GET /led "},
		{exchange.Put("/a/b", []byte("1")), "PUT /a/b 1"},
		{exchange.Post("alive", []byte("reset:X")), "POST /alive reset:X"},
		{exchange.Delete("/"), "DELETE / "},
	} {
		for _, typ := range []coap.Type{coap.Confirmable, coap.NonConfirmable} {
			c.r.Type = typ
			a, err := client.Do(within(t), server, c.r)
			if err != nil || a.Code != coap.Content || string(a.Payload) != c.want {
				t.Errorf("%v %q: %v %q, %v", typ, c.want, a.Code, a.Payload, err)
			}
		}
	}
}
