package mqtt

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	wire "github.com/roost-iot/roost/wire/mqtt"
)

// These benchmarks have client and broker in one process, over loopback: they are for
// comparing one state of the code with another. roost bench mqtt compares with others.

func benchDoor(b *testing.B) string {
	b.Helper()
	d := New(Config{Log: slog.New(slog.DiscardHandler), Anonymous: AnonymousAny, Core: &countingCore{}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() { _ = d.Serve(l) })
	b.Cleanup(func() {
		d.closeConns()
		work.Wait()
		d.end()
	})
	return l.Addr().String()
}

// benchConn connects, and subscribes if there is a filter.
func benchConn(b *testing.B, address, id, filter string, qos byte) (net.Conn, *bufio.Reader) {
	b.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	hello := wire.Connect{Version: wire.V311, ClientID: id, CleanStart: true}
	packets := hello.Append(nil, wire.V311)
	answers := 4
	if filter != "" {
		packets = (&wire.Subscribe{ID: 1, Subscriptions: []wire.Subscription{{Filter: filter, QoS: qos}}}).Append(packets, wire.V311)
		answers += 5
	}
	r := bufio.NewReaderSize(c, 1<<16)
	if _, err := c.Write(packets); err != nil {
		b.Fatal(err)
	}
	if _, err := r.Discard(answers); err != nil {
		b.Fatal(err)
	}
	return c, r
}

var benchPayload = make([]byte, 128)

// BenchmarkQoS0 is 10 publishers and one subscriber.
func BenchmarkQoS0(b *testing.B) {
	address := benchDoor(b)
	const publishers, batch = 10, 32
	frame := (&wire.Publish{Topic: "bench/qos0", Payload: benchPayload}).Append(nil, wire.V311)
	_, ear := benchConn(b, address, "ear", "bench/qos0", 0)
	var burst []byte
	for range batch {
		burst = append(burst, frame...)
	}
	each := b.N/publishers/batch + 1
	b.ReportAllocs()
	b.ResetTimer()
	var work sync.WaitGroup
	window := make(chan struct{}, 100) // in flight: bursts
	for i := range publishers {
		c, _ := benchConn(b, address, fmt.Sprint("pub", i), "", 0)
		work.Go(func() {
			for range each {
				window <- struct{}{}
				if _, err := c.Write(burst); err != nil {
					return
				}
			}
		})
	}
	for range each * publishers {
		if _, err := ear.Discard(len(burst)); err != nil {
			b.Fatal(err)
		}
		<-window
	}
	work.Wait()
}

// BenchmarkQoS1 is one publisher with 20 messages under way, and one subscriber.
func BenchmarkQoS1(b *testing.B) {
	address := benchDoor(b)
	const inFlight = 20
	_, ear := benchConn(b, address, "ear", "bench/qos1", 0)
	c, acks := benchConn(b, address, "pub", "", 0)
	var burst []byte
	for i := range inFlight {
		burst = (&wire.Publish{Topic: "bench/qos1", QoS: 1, ID: uint16(i + 1), Payload: benchPayload}).Append(burst, wire.V311)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N/inFlight + 1 {
		if _, err := c.Write(burst); err != nil {
			b.Fatal(err)
		}
		if _, err := acks.Discard(4 * inFlight); err != nil {
			b.Fatal(err)
		}
		if _, err := ear.Discard(len(burst) - 2*inFlight); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFanout is one publisher and 200 subscribers; a message delivered to all is
// one operation.
func BenchmarkFanout(b *testing.B) {
	address := benchDoor(b)
	const ears, batch = 200, 50
	frame := (&wire.Publish{Topic: "bench/fan", Payload: benchPayload}).Append(nil, wire.V311)
	var burst []byte
	for range batch {
		burst = append(burst, frame...)
	}
	rounds := b.N/batch + 1
	var work sync.WaitGroup
	heard := make(chan struct{}, ears)
	for i := range ears {
		_, r := benchConn(b, address, fmt.Sprint("ear", i), "bench/fan", 0)
		work.Go(func() {
			for range rounds {
				if _, err := r.Discard(len(burst)); err != nil {
					b.Error(err)
				}
				heard <- struct{}{}
			}
		})
	}
	c, _ := benchConn(b, address, "pub", "", 0)
	b.ReportAllocs()
	b.ResetTimer()
	for range rounds {
		if _, err := c.Write(burst); err != nil {
			b.Fatal(err)
		}
		for range ears {
			<-heard
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(rounds*batch*ears)/b.Elapsed().Seconds(), "deliveries/s")
	work.Wait()
}

// BenchmarkIdle is what 5,000 idle connections with a subscription take, both ends'
// descriptors excluded: the clients here are bare sockets.
func BenchmarkIdle(b *testing.B) {
	const crowd = 5000
	for b.Loop() {
		address := benchDoor(b)
		before := heapAndStacks()
		conns := make([]net.Conn, crowd)
		for i := range conns {
			c, err := net.Dial("tcp", address)
			if err != nil {
				b.Skip("too few files may be open: ", err)
			}
			hello := wire.Connect{Version: wire.V5, ClientID: fmt.Sprint("idle", i), CleanStart: true, KeepAlive: 60}
			packets := hello.Append(nil, wire.V5)
			packets = (&wire.Subscribe{ID: 1, Subscriptions: []wire.Subscription{{Filter: fmt.Sprintf("idle/%d", i)}}}).Append(packets, wire.V5)
			if _, err := c.Write(packets); err != nil {
				b.Fatal(err)
			}
			conns[i] = c
		}
		answer := make([]byte, 64)
		for _, c := range conns {
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
			for got := 0; got < 3+6; { // CONNACK and SUBACK
				n, err := c.Read(answer)
				if err != nil {
					b.Fatal(err)
				}
				got += n
			}
		}
		b.ReportMetric(float64(heapAndStacks()-before)/crowd, "B/conn")
		for _, c := range conns {
			_ = c.Close()
		}
	}
}

func heapAndStacks() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
