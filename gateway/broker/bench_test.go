package broker_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// quiet is a transport that takes what there is after each burst.
type quiet struct{}

func (quiet) Wake()               {}
func (quiet) Cut(mqtt.ReasonCode) {}

func join(tb testing.TB, b *broker.Broker, id string, expiry uint32) *broker.Session {
	tb.Helper()
	s, _, err := b.Connect(tb.Context(), broker.Connect{
		Client: &broker.Client{ID: id, Version: mqtt.V311}, Peer: quiet{}, Expiry: expiry,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func listen(tb testing.TB, s *broker.Session, filter string, qos byte) {
	tb.Helper()
	if code := s.Subscribe(tb.Context(), []mqtt.Subscription{{Filter: filter, QoS: qos}}, 0)[0]; code.Failed() {
		tb.Fatal(code)
	}
}

// benchmarkPublish publishes bursts of 16 to n subscribers, who take and acknowledge.
func benchmarkPublish(b *testing.B, subscribers int, qos byte) {
	br := broker.New(broker.Config{})
	var subs []*broker.Session
	for i := range subscribers {
		s := join(b, br, fmt.Sprint("s", i), 0)
		listen(b, s, "site/7/temperature", qos)
		subs = append(subs, s)
	}
	p := join(b, br, "p", 0)
	pubs := make([]broker.Publication, 16)
	payload := make([]byte, 128)
	out := make([]broker.Delivery, 0, 64)
	var packet []byte
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += len(pubs) {
		for k := range pubs {
			pubs[k] = broker.Publication{Publish: mqtt.Publish{Topic: "site/7/temperature", Payload: payload, QoS: qos, ID: uint16(k + 1)}}
		}
		if err := p.Publish(b.Context(), pubs); err != nil {
			b.Fatal(err)
		}
		for _, s := range subs {
			out, _ = s.Take(out[:0], 1<<20)
			packet = packet[:0]
			for k := range out {
				if packet = out[k].Append(packet, mqtt.V311); qos == 1 {
					s.Acked(out[k].ID, 0)
				}
			}
		}
	}
	b.StopTimer()
	if subscribers > 0 {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*subscribers), "ns/delivery")
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{0, 1, 200} {
		for qos := range byte(2) {
			b.Run(fmt.Sprintf("subscribers=%d/qos=%d", n, qos), func(b *testing.B) { benchmarkPublish(b, n, qos) })
		}
	}
}

// BenchmarkRoute publishes to one of 100,000 topics that one each has subscribed to,
// beside some wildcards.
func BenchmarkRoute(b *testing.B) {
	br := broker.New(broker.Config{})
	const things = 100_000
	topics := make([]string, things)
	for i := range things {
		topics[i] = fmt.Sprintf("roost/thing-%d/command", i)
		listen(b, join(b, br, fmt.Sprint("c", i), 0), topics[i], 0)
	}
	for _, f := range []string{"roost/+/status", "roost/thing-77/#", "other/#"} {
		listen(b, join(b, br, f, 0), f, 0)
	}
	b.Run("few topics", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			br.Reach(topics[i%1000])
		}
	})
	b.Run("all topics", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			br.Reach(topics[i%things])
		}
	})
	b.Run("while others subscribe", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if i%10 == 0 {
				listen(b, join(b, br, fmt.Sprint("n", i%100), 0), fmt.Sprintf("roost/new-%d/+", i), 0)
			}
			br.Reach(topics[i%1000])
		}
	})
}

func BenchmarkConnectAndSubscribe(b *testing.B) {
	br := broker.New(broker.Config{})
	ids, filters := make([]string, b.N), make([]string, b.N)
	for i := range b.N {
		ids[i], filters[i] = fmt.Sprint("thing-", i), fmt.Sprintf("roost/thing-%d/command", i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		listen(b, join(b, br, ids[i], 0), filters[i], 1)
	}
}

func BenchmarkRetainedLookup(b *testing.B) {
	br := broker.New(broker.Config{})
	for i := range 50_000 {
		br.Publish(&broker.Message{Topic: fmt.Sprintf("site/%d/room/%d", i%500, i), Payload: []byte("v"), Retain: true})
	}
	s := join(b, br, "s", 0)
	out := make([]broker.Delivery, 0, 64)
	for _, f := range []string{"site/7/room/7", "site/7/#", "site/+/room/7"} {
		b.Run(f, func(b *testing.B) {
			for b.Loop() {
				listen(b, s, f, 0)
				for more := true; more; {
					out, more = s.Take(out[:0], 1<<20)
				}
			}
		})
	}
}

// BenchmarkIdle says how much memory a session with one subscription takes.
func BenchmarkIdle(b *testing.B) {
	const n = 20_000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		br := broker.New(broker.Config{})
		row := make([]*broker.Session, n)
		for i := range n {
			row[i] = join(b, br, fmt.Sprint("thing-", i), 0)
			listen(b, row[i], fmt.Sprintf("roost/thing-%d/command", i), 1)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/session")
		runtime.KeepAlive(row)
		runtime.KeepAlive(br)
	}
}
