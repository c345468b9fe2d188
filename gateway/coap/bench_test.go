package coap_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/telemetry"
	wire "github.com/roost-iot/roost/wire/coap"
)

// pusher is a node that has one value under way at a time: the next goes out when
// the last was acknowledged.
type pusher struct {
	conn *net.UDPConn
	b    []byte
}

func newPusher(b *testing.B, h *house, i int) *pusher {
	b.Helper()
	local := &net.UDPAddr{IP: net.IPv4(127, 0, byte(9+i/250), byte(1+i%250))}
	conn, err := net.DialUDP("udp4", local, net.UDPAddrFromAddrPort(h.at))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	p := &pusher{conn: conn}
	p.message("alive", fmt.Sprintf("alive:push-%d", i))
	p.turn(b, 1, false)
	p.message("server", "temperature:21.5°C")
	return p
}

func (p *pusher) message(path, payload string) {
	m := wire.Message{Code: wire.POST, Token: wire.Token16(7), Payload: []byte(payload)}
	m.Options.SetPath(path)
	p.b = m.Append(nil)
}

// turn sends the message n times, under a new Message ID each.
func (p *pusher) turn(b testing.TB, n int, vary bool) {
	var in [256]byte
	for i := range n {
		id := uint16(p.b[2])<<8 | uint16(p.b[3])
		id++
		p.b[2], p.b[3] = byte(id>>8), byte(id)
		if vary {
			p.b[len(p.b)-4] = byte('0' + i%10)
		}
		for try := 0; ; try++ {
			if _, err := p.conn.Write(p.b); err != nil {
				b.Error(err)
				return
			}
			_ = p.conn.SetReadDeadline(time.Now().Add(2 * time.Second))
			_, err := p.conn.Read(in[:])
			for err == nil && in[1] == byte(wire.GET) { // the door would like to discover it
				_, _ = p.conn.Write([]byte{0x70, 0, in[2], in[3]})
				_, err = p.conn.Read(in[:])
			}
			if err == nil {
				break
			} else if try == 5 {
				b.Error(err)
				return
			}
		}
		if in[1] != byte(wire.Changed) {
			b.Errorf("answered %v", wire.Code(in[1]))
			return
		}
	}
}

// BenchmarkValues is the whole way of a value: 500 nodes, real sockets, the real
// rooms with SQLite and a page that reads the feed. The load is generated in the
// same process and takes about half of the time.
func BenchmarkValues(b *testing.B) {
	for name, o := range map[string]option{
		"batch":     func(*roomtest.Config, *coap.Config) {},
		"commit":    func(r *roomtest.Config, c *coap.Config) { r.Telemetry, c.Slow = telemetry.Config{Commit: true}, true },
		"core=none": func(_ *roomtest.Config, c *coap.Config) { c.Core = nowhere{} },
	} {
		b.Run(name, func(b *testing.B) { benchmarkValues(b, o) })
	}
}

func benchmarkValues(b *testing.B, o option) {
	const nodes = 500
	h := open(b, o, func(_ *roomtest.Config, c *coap.Config) { c.Presence = time.Hour; c.Exchange.Duplicates = 1 << 16 })
	var pushers [nodes]*pusher
	for i := range pushers {
		pushers[i] = newPusher(b, h, i)
	}
	var seen atomic.Int64
	page := h.Feed.Tail()
	var reading sync.WaitGroup
	reading.Go(func() {
		var e [256]*roost.Event
		for {
			n, err := page.Next(context.Background(), e[:])
			if errors.Is(err, live.ErrClosed) {
				return
			}
			if err != nil {
				b.Error(err)
				return
			}
			seen.Add(int64(n))
		}
	})
	b.ReportAllocs()
	b.ResetTimer()
	var work sync.WaitGroup
	for i, p := range pushers {
		n := b.N / nodes
		if i < b.N%nodes {
			n++
		}
		work.Go(func() { p.turn(b, n, true) })
	}
	work.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "values/s")
	h.Stop()
	reading.Wait()
	if stats := h.Telemetry.Stats(); stats.Refused > 0 {
		b.Errorf("%+v", stats)
	}
}

// nowhere is a Core that does nothing, to see what the door itself costs.
type nowhere struct{ gateway.Core }

func (nowhere) Arrive(_ context.Context, a gateway.Arrival) (gateway.Standing, error) {
	return gateway.Standing{Ref: roost.Ref{Project: a.Project, Thing: roost.ThingID(a.Identity.Own)}, Enrolment: roost.Enrolled}, nil
}
func (nowhere) Report(context.Context, roost.Ref, []roost.Resource) error { return nil }
func (nowhere) Answer(context.Context, gateway.Answer) error              { return nil }
func (nowhere) Leave(context.Context, roost.Ref, gateway.Link) error      { return nil }
