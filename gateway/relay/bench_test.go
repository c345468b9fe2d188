package relay

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

// BenchmarkReport is what a far door waits for one value to be in the spool.
func BenchmarkReport(b *testing.B) {
	h := newHub(b)
	s := newSite(b, h, "127.0.0.1:1", func(c *ClientConfig) { c.lastWait = time.Hour })
	p := s.thing("n1")
	values := []roost.Resource{{Name: "temperature", Value: `"21.5°C"`}}
	b.ReportAllocs()
	for b.Loop() {
		values[0].At = time.Time{}
		for s.client.Report(context.Background(), p.ref, values) != nil {
			time.Sleep(time.Millisecond) // the disk is behind
		}
	}
}

// BenchmarkReplay sends a spool of values of 100 things to a hub with real rooms, until
// all is acknowledged.
func BenchmarkReplay(b *testing.B) {
	h := newHub(b).start()
	line := newCable(b)
	s := newSite(b, h, line.addr(), nil)
	var all []*probe
	for i := range 100 {
		all = append(all, s.thing(name(i)))
	}
	start := time.Now().Add(-time.Hour)
	for n := range b.N {
		all[n%100].say("n", roost.Value(strconv.Itoa(n)), start.Add(time.Duration(n)*time.Millisecond))
	}
	b.ResetTimer()
	line.plug(h.addr())
	s.settled()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}
