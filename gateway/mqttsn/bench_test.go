package mqttsn_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/mqttsn"
	wire "github.com/roost-iot/roost/wire/mqttsn"
)

// BenchmarkPublish is messages of QoS 1 from 16 nodes over UDP to a subscriber of the
// broker, some on their way from each node at any time.
func BenchmarkPublish(b *testing.B) {
	for _, window := range []int{1, 20} {
		b.Run(fmt.Sprintf("window=%d", window), func(b *testing.B) {
			h := start(b, mqttsn.Config{})
			all := h.listen("bench/#")
			const count = 16
			var nodes [count]*node
			for i := range nodes {
				nodes[i] = h.connected(fmt.Sprint("node-", i))
				nodes[i].register(fmt.Sprintf("bench/%d", i))
			}
			each := b.N/count + 1
			b.ResetTimer()
			var work sync.WaitGroup
			for _, n := range nodes {
				work.Go(func() { n.stream(each, window) })
			}
			for range each * count {
				<-all.in
			}
			work.Wait()
			b.ReportMetric(float64(each*count)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// stream publishes with up to window messages not yet acknowledged. What is lost is
// sent again.
func (n *node) stream(count, window int) {
	publish := func(id int) {
		b, _ := wire.Publish{QoS: 1, Topic: 1, MsgID: uint16(id%65535 + 1), Data: []byte(`{"value":"23.4°C"}`)}.Append(nil)
		n.send(b)
	}
	sent, done := 0, 0
	open := map[uint16]int{}
	for done < count {
		for sent < count && len(open) < window {
			open[uint16(sent%65535+1)] = sent
			publish(sent)
			sent++
		}
		select {
		case f := <-n.in:
			id := binary.BigEndian.Uint16(f[4:])
			if _, ok := open[id]; ok {
				delete(open, id)
				done++
			}
		case <-time.After(time.Second):
			for _, i := range open {
				publish(i)
			}
		}
	}
}

// meadow is a network of nodes that sleep: what the door sends is answered at once.
type meadow struct {
	in    chan datagram
	over  chan struct{}
	end   func()
	awake sync.WaitGroup // nodes that wait for a CONNACK, SUBACK, DISCONNECT or PINGRESP
	got   atomic.Int64
}

func (m *meadow) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-m.in:
		return copy(b, d.b), d.from, nil
	case <-m.over:
		return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
	}
}

func (m *meadow) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	switch wire.Type(b[1]) {
	case wire.TypePublish:
		m.got.Add(1)
		m.in <- datagram{to, []byte{7, byte(wire.TypePuback), b[3], b[4], b[5], b[6], 0}}
	case wire.TypeConnack, wire.TypeSuback, wire.TypeDisconnect, wire.TypePingresp:
		m.awake.Done()
	}
	return len(b), nil
}

func (m *meadow) SetReadDeadline(time.Time) error {
	m.end()
	return nil
}

// all has every node say something and waits for the answers.
func (m *meadow) all(count int, frame func(i int) wire.Message) {
	m.awake.Add(count)
	for i := range count {
		b, _ := frame(i).Append(nil)
		m.in <- datagram{sleeperAt(i), b}
	}
	m.awake.Wait()
}

func sleeperAt(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1883)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// BenchmarkSleepers has 20,000 clients, each with one subscription. An operation is a
// round: a message of QoS 1 for each comes while it sleeps, then each wakes, gets it,
// and sleeps on.
func BenchmarkSleepers(b *testing.B) {
	const count = 20_000
	m := &meadow{in: make(chan datagram, 4*count), over: make(chan struct{})}
	m.end = sync.OnceFunc(func() { close(m.over) })
	before, goroutines := heap(), runtime.NumGoroutine()
	h := run(b, mqttsn.Config{Conns: []mqttsn.Conn{m}, LaneLength: 4 * count, LaneBytes: 256 << 20})
	b.Cleanup(h.stop)
	m.all(count, func(i int) wire.Message {
		return wire.Connect{Clean: true, Duration: 60, ClientID: fmt.Sprintf("sleeper-%d", i)}
	})
	m.all(count, func(i int) wire.Message {
		return wire.Subscribe{QoS: 1, MsgID: 1, Topic: wire.Topic{Name: fmt.Sprintf("gateway/sleeper-%d/led/set", i)}}
	})
	m.all(count, func(int) wire.Message { return wire.Disconnect{Sleep: true, Duration: 60} })
	if s := h.door.Stats(); s.Asleep != count {
		b.Fatalf("%+v", s)
	}
	each, more := float64(heap()-before)/count, runtime.NumGoroutine()-goroutines

	for b.Loop() {
		for i := range count {
			h.publish(fmt.Sprintf("gateway/sleeper-%d/led/set", i), "1", 1)
		}
		m.all(count, func(i int) wire.Message { return wire.Pingreq{ClientID: fmt.Sprintf("sleeper-%d", i)} })
	}
	b.ReportMetric(each, "B/client")
	b.ReportMetric(float64(more), "goroutines")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/count, "µs/waking")
	if got := m.got.Load(); got < int64(b.N)*count {
		b.Errorf("%d of %d messages arrived", got, b.N*count)
	}
}
