package sim

import (
	"bytes"
	"encoding/json"
	"math"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

// A chart of a simulated value looks like one of a real one: within the range of
// its kind, and without jumps.
func TestValuesAreBelievable(t *testing.T) {
	ranges := map[string]struct{ low, high, jump float64 }{
		"temperature": {18, 26, 0.4}, "humidity": {5, 98, 1.5}, "pressure": {990, 1030, 0.3}, "illuminance": {0, 1000, 60},
	}
	units := map[string]string{"temperature": "°C", "humidity": "%", "pressure": "hPa", "illuminance": "lx"}
	start := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for i := range 6 {
		d := newDevice("n", "n", offered, 3, i)
		for name, r := range ranges {
			last, lowest, highest := math.NaN(), math.Inf(1), math.Inf(-1)
			for at := start; at.Before(start.Add(24 * time.Hour)); at = at.Add(15 * time.Second) {
				text, _ := d.value(name, at)
				v, unit, kind := roost.Text(text).Measure()
				if kind != roost.KindNumber || unit != units[name] {
					t.Fatalf("%s of thing %d: %q is %s with unit %q", name, i, text, kind, unit)
				}
				if v < r.low || v > r.high || math.Abs(v-last) > r.jump {
					t.Fatalf("%s of thing %d: %v after %v at %v", name, i, v, last, at)
				}
				last, lowest, highest = v, min(lowest, v), max(highest, v)
			}
			if highest-lowest < r.jump {
				t.Errorf("%s of thing %d is flat: %v to %v", name, i, lowest, highest)
			}
		}
	}
}

func TestLampLightsTheRoom(t *testing.T) {
	d := newDevice("n", "n", []string{"led", "illuminance"}, 0, 0)
	midnight := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	light := func() float64 {
		text, _ := d.value("illuminance", midnight)
		v, _, _ := roost.Text(text).Measure()
		return v
	}
	dark := light()
	if err := d.set("led", "1"); err != nil {
		t.Fatal(err)
	}
	if lit := light(); lit < dark+100 {
		t.Errorf("%v lx in the dark, %v with the lamp on", dark, lit)
	}
}

func TestIMUMeasuresGravity(t *testing.T) {
	d := newDevice("n", "n", []string{"imu"}, 0, 5)
	for at := time.Unix(1e9, 0); at.Before(time.Unix(1e9+60, 0)); at = at.Add(500 * time.Millisecond) {
		text, _ := d.value("imu", at)
		var parts []struct {
			Type   string
			Values [3]float64
		}
		if err := json.Unmarshal([]byte(text), &parts); err != nil || len(parts) != 3 {
			t.Fatalf("%s: %v", text, err)
		}
		a, g := parts[0].Values, parts[1].Values
		if norm := math.Sqrt(a[0]*a[0] + a[1]*a[1] + a[2]*a[2]); norm < 950 || norm > 1050 {
			t.Fatalf("acceleration %v is %v", a, norm)
		}
		if math.Abs(g[0]) > 60 || math.Abs(g[1]) > 60 || g[2] != 9 {
			t.Fatalf("turns by %v", g)
		}
	}
}

// The same seed loses the same datagrams.
func TestLossFollowsItsSeed(t *testing.T) {
	lose := func(seed uint64) (pattern [400]bool, dropped uint64) {
		f := CoAP(Config{To: "127.0.0.1:1", Loss: 0.25, Seed: seed})
		d := newDice(f, 0)
		for i := range pattern {
			pattern[i] = d.lost()
		}
		return pattern, f.Stats().Dropped
	}
	first, n := lose(1)
	again, _ := lose(1)
	other, _ := lose(2)
	if first != again || first == other {
		t.Error("losses do not follow the seed")
	}
	if n < 60 || n > 140 {
		t.Errorf("%d of 400 lost, want about 100", n)
	}
}

// Both directions of a bad line lose.
func TestLeakyConnLosesBothWays(t *testing.T) {
	open := func() *net.UDPConn {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	peer, own := open(), open()
	f := CoAP(Config{To: "127.0.0.1:1", Loss: 0.5, Seed: 9})
	leaky := &leakyConn{UDPConn: own, dice: newDice(f, 0)}
	to := peer.LocalAddr().(*net.UDPAddr).AddrPort()
	for i := range 100 {
		if n, err := leaky.WriteToUDPAddrPort([]byte{byte(i)}, to); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	arrived := 100 - int(f.Stats().Dropped)
	b := make([]byte, 9)
	for range arrived {
		if err := peer.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := peer.ReadFromUDPAddrPort(b); err != nil {
			t.Fatal(err)
		}
	}
	back := own.LocalAddr().(*net.UDPAddr).AddrPort()
	for i := range 200 {
		if _, err := peer.WriteToUDPAddrPort([]byte{byte(i)}, back); err != nil {
			t.Fatal(err)
		}
	}
	if err := leaky.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	before := f.Stats().Dropped
	for range 50 {
		if _, _, err := leaky.ReadFromUDPAddrPort(b); err != nil {
			t.Fatal(err)
		}
	}
	if lost := f.Stats().Dropped - before; lost < 20 || lost > 120 {
		t.Errorf("%d lost on the way in while 50 came through", lost)
	}
}

// Both directions of a line that reorders let all through, pairs in the wrong order.
func TestLeakyConnReordersBothWays(t *testing.T) {
	open := func() *net.UDPConn {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	peer, own := open(), open()
	f := CoAP(Config{To: "127.0.0.1:1", Reorder: 1})
	leaky := &leakyConn{UDPConn: own, dice: newDice(f, 0)}
	type reads interface {
		ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	}
	want := []byte{1, 0, 3, 2, 5, 4}
	for _, way := range []struct {
		to   *net.UDPConn
		from interface {
			WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
		}
		at reads
	}{{peer, leaky, peer}, {own, peer, leaky}} {
		for i := range want {
			if _, err := way.from.WriteToUDPAddrPort([]byte{byte(i)}, way.to.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
				t.Fatal(err)
			}
		}
		var got []byte
		for range want {
			b := make([]byte, 9)
			n, _, err := way.at.ReadFromUDPAddrPort(b)
			if err != nil || n != 1 {
				t.Fatal(n, err)
			}
			got = append(got, b[0])
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}
