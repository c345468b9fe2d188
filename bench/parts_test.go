package bench

import (
	"bytes"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHistogramIsNearTheTruth(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h, other histogram
	var all []time.Duration
	for i := range 20_000 {
		d := time.Duration(rng.ExpFloat64() * 1e6)
		all = append(all, d)
		if i%2 == 0 {
			h.add(d)
		} else {
			other.add(d)
		}
	}
	h.merge(&other)
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999} {
		want, got := float64(all[int(q*20_000)]), float64(h.at(q))
		if got < 0.93*want-1 || got > 1.07*want+1 {
			t.Errorf("at %v: %v, want %v", q, got, want)
		}
	}
	if h.at(1) != all[len(all)-1] || new(histogram).at(0.5) != 0 {
		t.Error("wrong at its ends")
	}
	for d := time.Duration(1); d > 0 && d < 1<<60; d *= 3 {
		if m := middleOf(slotOf(d)); float64(m) < 0.93*float64(d) || float64(m) > 1.07*float64(d) {
			t.Errorf("%d is counted as %d", d, m)
		}
	}
}

func TestNumbersOfUpdatesAreFound(t *testing.T) {
	for text, want := range map[string]int64{
		`{"data": "1234`: 1234, `{"value":7`: 7, `"0`: 0, `": "000000012`: 12,
		`{"data": "45.07`: -1, `"`: -1, ``: -1, `12`: -1, `"12a`: -1, `"9999999999999999999999999`: -1,
	} {
		n, ok := number([]byte(text))
		if ok != (want >= 0) || ok && n != uint64(want) {
			t.Errorf("%s: %d %v, want %d", text, n, ok, want)
		}
	}
}

func TestOnlyOurUpdatesLand(t *testing.T) {
	f := newFlight(2, 1)
	f.from.Store(0)
	if f.acquire(t.Context(), 8) != 1 {
		t.Fatal("the window is not 1")
	}
	n := f.depart(f.now())
	a, b := &receiver{f: f}, &receiver{f: f}
	a.take([]byte(`{"data": "0%"} {"humidity": "45.07%"} {"data": "99%"} 100%`), f.now())
	if f.gone(n) || len(f.tokens) != 0 || a.count != 1 {
		t.Errorf("after one of two readers: gone %v, counted %d", f.gone(n), a.count)
	}
	b.take([]byte(`{"value":"0%","unit":"%"}`), f.now())
	if !f.gone(n) || len(f.tokens) != 1 || b.count != 1 || f.landed.Load() != 2 {
		t.Errorf("after both readers: gone %v, counted %d", f.gone(n), b.count)
	}
}

// Frames come out whole however the bytes are cut, and pings are answered.
func TestFramesAreFoundHoweverTheyAreCut(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	want := []string{"a", strings.Repeat("b", 126), "", long, "end"}
	var wire []byte
	for i, m := range want {
		wire = append(wire, 0x81)
		switch n := len(m); {
		case n < 126:
			wire = append(wire, byte(n))
		case n < 1<<16:
			wire = append(wire, 126, byte(n>>8), byte(n))
		default:
			wire = append(wire, 127, 0, 0, 0, 0, 0, byte(n>>16), byte(n>>8), byte(n))
		}
		wire = append(wire, m...)
		if i == 0 {
			wire = append(wire, 0x89, 2, 'h', 'i')
		}
	}
	wire = append(wire, 0x88, 6, 3, 0xe9, 'b', 'y', 'e', '!')
	for _, size := range []int{1, 3, 100, 4096, len(wire)} {
		own, peer := net.Pipe()
		pong := make(chan []byte, 1)
		go func() {
			b := make([]byte, 8)
			n, _ := peer.Read(b)
			pong <- b[:n]
		}()
		go func() {
			for b := range slices.Chunk(wire, size) {
				if _, err := peer.Write(b); err != nil {
					return
				}
			}
		}()
		c := &wsConn{Conn: own, buf: make([]byte, 16)}
		var got []string
		var err error
		for err == nil {
			err = c.receive(func(m []byte) { got = append(got, string(m)) })
		}
		if !slices.Equal(got, want) || !strings.Contains(err.Error(), "1001 bye!") {
			t.Errorf("cut to %d: %d messages, %v", size, len(got), err)
		}
		if p := <-pong; !bytes.Equal(p, frame(nil, 10, []byte("hi"))) {
			t.Errorf("cut to %d: pong %x", size, p)
		}
		_ = own.Close()
		_ = peer.Close()
	}
}

// Whatever a server sends, reading ends or goes on.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{0x81, 1, 'a'})
	f.Add([]byte{0x88, 2, 3, 0xe8})
	f.Add([]byte{0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x82, 126, 0, 3, '"', '1', '%'})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &receiver{f: newFlight(1, 1)}
		c := &wsConn{Conn: discard{}, buf: b, end: len(b)}
		total := 0
		_ = c.frames(func(m []byte) { total += len(m); r.take(m, 0) })
		if total > len(b) || c.start > c.end || c.end > len(b) {
			t.Errorf("%d bytes of %d, %d to %d", total, len(b), c.start, c.end)
		}
	})
}

type discard struct{ net.Conn }

func (discard) Write(b []byte) (int, error) { return len(b), nil }

func TestBars(t *testing.T) {
	for _, x := range []struct {
		got, want float64
		most, met bool
	}{{2, 1, false, true}, {1, 1, false, true}, {0.9, 1, false, false}, {2, 1, true, false}, {1, 1, true, true}, {0.9, 1, true, true}} {
		if b := (Bar{Got: x.got, Want: x.want, Most: x.most}); b.Met() != x.met {
			t.Errorf("%v met: %v", b, b.Met())
		}
	}
	if s := (Bar{What: "p99", Got: 51.04, Want: 50, Most: true, Unit: "ms"}).String(); s != "p99: 51.0 ms (bar ≤ 50.0): not met" {
		t.Error(s)
	}
	if figure(1234567.4) != "1,234,567" || figure(0) != "-" || figure(0.0421) != "0.042" {
		t.Error("figures look odd")
	}
}

func TestUsageOfAProcess(t *testing.T) {
	if _, ok := memoryBytes(os.Getpid()); !ok {
		t.Skip("not available on this system")
	}
	if n, _ := memoryBytes(os.Getpid()); n < 1<<20 {
		t.Errorf("this process has %d bytes", n)
	}
	before := usageNow(os.Getpid())
	var r Result
	for end := time.Now().Add(time.Minute); time.Now().Before(end); { // uses CPU until it shows
		if r.used(os.Getpid(), before, usageNow(os.Getpid())); r.ServerCPU != nil && *r.ServerCPU > 0 {
			break
		}
	}
	if r.ServerCPU == nil || *r.ServerCPU <= 0 || r.OwnCPU == nil || r.ServerMemory == nil {
		t.Errorf("used %+v", r)
	}
	if _, ok := cpuSeconds(1 << 30); ok {
		t.Error("a process that is not there has used CPU time")
	}
}

func TestMedianRunStandsForAll(t *testing.T) {
	runs := []Result{{PerSecond: 30}, {PerSecond: 10}, {PerSecond: 20, Load: map[string]int{}}}
	r := middle(runs)
	if r.PerSecond != 20 || r.Load["runs"] != 3 || r.More["slowest run /s"] != 10 || r.More["quickest run /s"] != 30 {
		t.Errorf("%+v", r)
	}
	if r := middle([]Result{{PerSecond: 1}, {Error: "broken"}}); r.Error != "broken" {
		t.Errorf("%+v", r)
	}
	if middle(nil) != nil {
		t.Error("something out of nothing")
	}
}

func TestRatiosToMosquitto(t *testing.T) {
	ours, theirs := 1.0, 4.0
	for scenario, want := range map[string]string{
		"mqtt-qos0": "met", "mqtt-qos1": "met", "mqtt-fanout": "not met", "mqtt-single": "met",
	} {
		r := &Result{Scenario: scenario, Unit: "delivered", PerSecond: 600, Count: 600, ServerCPU: &ours}
		r.ratios(&Result{PerSecond: 100, Count: 100, ServerCPU: &theirs})
		if len(r.Bars) != 1 || !strings.HasSuffix(r.Bars[0].String(), ": "+want) {
			t.Errorf("%s: %v", scenario, r.Bars)
		}
	}
	alone := &Result{Scenario: "mqtt-qos0", PerSecond: 1}
	alone.ratios(nil)
	if len(alone.Bars) != 0 {
		t.Errorf("%v", alone.Bars)
	}
}
