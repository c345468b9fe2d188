package exchange_test

import (
	"context"
	"fmt"
	"net"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

func Example() {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	led := "0"
	end := exchange.New(conn, exchange.Config{Readers: 1, Handler: func(_ context.Context, r *exchange.Request) exchange.Response {
		switch {
		case !r.Options.PathIs("led"):
			return exchange.Response{Code: coap.NotFound}
		case r.Code == coap.PUT:
			led = string(r.Payload)
			return exchange.Text(coap.Changed, "led:"+led)
		}
		return exchange.Text(coap.Content, led)
	}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- end.Run(ctx) }()

	// The same endpoint asks; here it asks itself.
	node := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	for _, r := range []*exchange.Request{exchange.Put("/led", []byte("1")), exchange.Get("/led"), exchange.Get("/lamp")} {
		a, err := end.Do(ctx, node, r)
		fmt.Printf("%v %s %v\n", a.Code, a.Payload, err)
	}
	cancel()
	fmt.Println(<-done)
	// Output:
	// 2.04 Changed led:1 <nil>
	// 2.05 Content 1 <nil>
	// 4.04 Not Found  <nil>
	// <nil>
}
