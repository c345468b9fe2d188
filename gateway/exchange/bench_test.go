package exchange_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

// BenchmarkServer is a server under 64 plain sockets with one confirmable PUT of
// 55 bytes outstanding each, in a process of its own so that its share of the
// processor shows (server-us/op). The bar is 1.5 times BenchmarkLibcoapServer.
func BenchmarkServer(b *testing.B) {
	free := listen(b)
	server := addrOf(free)
	free.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchAddr+"="+server.String())
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	client, _ := start(b, exchange.Config{})
	eventually(b, "the server answers", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		_, err := client.Do(ctx, server, exchange.Get("/"))
		return err == nil
	})
	load(b, server)
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	share(b, cmd)
}

// BenchmarkLibcoapServer is libcoap's example server under the same load.
func BenchmarkLibcoapServer(b *testing.B) {
	client, _ := start(b, exchange.Config{})
	server, cmd := libcoapServer(b, client)
	load(b, server)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	share(b, cmd)
}

// share reports how much of a processor the server took for a request.
func share(b *testing.B, cmd *exec.Cmd) {
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	b.ReportMetric(float64(used.Nanoseconds())/1000/float64(b.N), "server-us/op")
}

// benchAddr names the address on which this program is the server of
// BenchmarkServer.
const benchAddr = "ROOST_BENCH_COAP_SERVER"

// benchServer serves until its standard input ends.
func benchServer(addr string) error {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := exchange.ReadBuffer(conn, 4<<20); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return exchange.New(conn, exchange.Config{Handler: func(_ context.Context, r *exchange.Request) exchange.Response {
		if r.Options.PathIs("example_data") {
			return exchange.Response{Code: coap.Changed}
		}
		return exchange.Response{Code: coap.NotFound}
	}}).Run(ctx)
}

// load asks a server b.N times from 64 sockets.
func load(b *testing.B, server netip.AddrPort) {
	const sockets = 64
	clients := make([]*net.UDPConn, sockets)
	for i := range clients {
		c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server))
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		clients[i] = c
	}
	payload := []byte(`{"temperature":21.4,"humidity":40.2,"name":"sensor-12"}`)
	b.ReportAllocs()
	b.ResetTimer()
	var group sync.WaitGroup
	for i, c := range clients {
		n := b.N / sockets
		if i < b.N%sockets {
			n++
		}
		group.Go(func() { ask(b, c, n, payload) })
	}
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// ask sends n requests one after the other. Each is a PUT to what libcoap's
// server has, too.
func ask(b *testing.B, c *net.UDPConn, n int, payload []byte) {
	m := coap.Message{Code: coap.PUT, Payload: payload}
	m.Options.SetPath("/example_data")
	out, in := make([]byte, 0, 256), make([]byte, 2048)
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	for i := range n {
		m.ID, m.Token = uint16(i), coap.Token16(uint16(i>>16))
		out = m.Append(out[:0])
		if _, err := c.Write(out); err != nil {
			b.Error(err)
			return
		}
		if _, err := c.Read(in); err != nil {
			b.Error(err)
			return
		}
	}
}

func BenchmarkClient(b *testing.B) {
	_, server := start(b, exchange.Config{Handler: echo})
	client, _ := start(b, exchange.Config{NStart: 64})
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(p *testing.PB) {
		r := exchange.Put("/led", []byte("1"))
		for p.Next() {
			if _, err := client.Do(context.Background(), server, r); err != nil {
				b.Error(err)
			}
		}
	})
}
