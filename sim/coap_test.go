package sim_test

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/sim"
	"github.com/roost-iot/roost/wire/coap"
)

func TestCoAPNodeIsDiscovered(t *testing.T) {
	g := startCoAP(t, coap.Changed)
	run(t, sim.CoAP(sim.Config{To: g.addr, UID: "n", Resources: sim.Resources(), Webcam: "http://camera.example/", Names: []string{"Attic"}}))
	if p := g.next(t, "/alive", ""); p.payload != "reset:n1" {
		t.Fatalf("first word is %q", p.payload)
	}
	node := g.next(t, "/alive", "alive:n1").from
	core := g.do(t, node, exchange.Get("/.well-known/core"))
	if f, _ := core.Options.Format(); f != coap.LinkFormat {
		t.Errorf("links come as %v", f)
	}
	links, err := coap.ParseLinks(string(core.Payload))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	var order []string
	for _, l := range links {
		a := g.do(t, node, exchange.Get(l.Target))
		if a.Code != coap.Content {
			t.Errorf("GET %s: %v", l.Target, a.Code)
		}
		values[l.Target[1:]] = string(a.Payload)
		order = append(order, l.Target[1:])
		changing := []string{"temperature", "pressure", "humidity", "illuminance", "imu", "led", "eco2", "tvoc", "battery", "status", "suit_state", "dwnld"}
		if _, ok := l.Attr("obs"); ok != slices.Contains(changing, l.Target[1:]) {
			t.Errorf("%s: observable %v", l.Target, ok)
		}
	}
	if want := append([]string{"board", "name", "os"}, sim.Resources()...); !slices.Equal(order, want) {
		t.Errorf("links are %v, want %v", order, want)
	}
	for name, pattern := range map[string]string{
		"name": "Attic", "led": "0", "robot": "s", "version": `1\.0\.0`,
		"temperature": `\d\d\.\d°C`, "pressure": `\d{3,4}\.\d\dhPa`, "humidity": `\d\d\.\d\d%`, "illuminance": `\d+lx`,
		"suit_state": "0", "dwnld": "0", "webcam": "http://camera.example/", "rgb": "#[0-9a-f]{6}", "lcd": "Roost", "ribot": "0:0:0", "servo": "50%", "eco2": `\d+ppm`, "tvoc": `\d+ppb`, "battery": `\d+%`,
		"status": `\{"uptime":\d+,"heap":\d+,"rssi":-\d+\}`, "position": `\{"lat":48\.\d{6},"lng":2\.\d{6}\}`, "imu": `\[\{"type":"acc","values":\[-?\d+,-?\d+,-?\d+\]\},.*"gyro".*"mag".*\]`,
	} {
		if !regexp.MustCompile("^(" + pattern + ")$").MatchString(values[name]) {
			t.Errorf("%s is %q, want %s", name, values[name], pattern)
		}
	}
}

func TestLEDStaysAsItWasSet(t *testing.T) {
	g := startCoAP(t, coap.Changed)
	f := sim.CoAP(sim.Config{To: g.addr, Resources: []string{"led", "temperature", "js"}})
	run(t, f)
	node := g.next(t, "/alive", "alive:").from
	script := strings.Repeat("led.write(true);\n", 200)
	for _, c := range []struct {
		path, payload string
		code          coap.Code
		answer        string
	}{
		{"/led", "1", coap.Changed, "led:1"},
		{"/led", "2", coap.BadRequest, ""},
		{"/led", "", coap.BadRequest, ""},
		{"/temperature", "9", coap.MethodNotAllowed, ""},
		{"/nope", "1", coap.NotFound, ""},
		{"/js", script, coap.Changed, ""},
	} {
		a := g.do(t, node, exchange.Put(c.path, []byte(c.payload)))
		if a.Code != c.code || string(a.Payload) != c.answer {
			t.Errorf("PUT %s %.9q: %v %q, want %v %q", c.path, c.payload, a.Code, a.Payload, c.code, c.answer)
		}
	}
	for path, want := range map[string]string{"/led": "1", "/js": script} {
		if a := g.do(t, node, exchange.Get(path)); string(a.Payload) != want {
			t.Errorf("GET %s: %.20q, want %.20q", path, a.Payload, want)
		}
	}
	if s := f.Stats(); s.Sets != 2 || s.Declined != 3 || s.Present != 1 || s.Joined != 2 {
		t.Errorf("counted %+v", s)
	}
}

func TestValuesArePostedUntilObserved(t *testing.T) {
	g := startCoAP(t, coap.Changed)
	run(t, sim.CoAP(sim.Config{To: g.addr, Resources: []string{"temperature", "humidity"}, Interval: 10 * time.Millisecond}))
	node := g.next(t, "/alive", "alive:").from
	p := g.next(t, "/server", "temperature:")
	if p.from != node || p.typ != coap.NonConfirmable {
		t.Errorf("value came as %v from %v, want NON from %v", p.typ, p.from, node)
	}
	states := make(chan string, 64)
	watch, err := g.Observe(t.Context(), node, exchange.Get("/temperature"), func(r exchange.Response) {
		select {
		case states <- string(r.Payload):
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	for range 3 {
		select {
		case s := <-states:
			if !strings.HasSuffix(s, "°C") {
				t.Errorf("told %q", s)
			}
		case <-time.After(patience):
			t.Fatal("not told")
		}
	}
	for len(g.posts) > 0 {
		<-g.posts
	}
	g.next(t, "/server", "humidity:") // a whole round later:
	for range 5 {
		p := <-g.posts
		if strings.HasPrefix(p.payload, "temperature:") {
			t.Errorf("observed and posted: %q", p.payload)
		}
	}
}

func TestLegacyNodeSaysNoID(t *testing.T) {
	g := startCoAP(t, coap.Changed)
	run(t, sim.CoAP(sim.Config{To: g.addr, Legacy: true, Resources: []string{"robot"}}))
	if p := g.next(t, "/alive", ""); p.payload != "reset" {
		t.Errorf("first word is %q", p.payload)
	}
	p := g.next(t, "/alive", "")
	if p.payload != "Alive" {
		t.Errorf("second word is %q", p.payload)
	}
	if a := g.do(t, p.from, exchange.Put("/robot", []byte("u"))); a.Code != coap.Content {
		t.Errorf("old robot answers %v", a.Code)
	}
}

func TestPaddedValues(t *testing.T) {
	g := startCoAP(t, coap.Changed)
	run(t, sim.CoAP(sim.Config{To: g.addr, Padding: true, Resources: []string{"led"}}))
	a := g.do(t, g.next(t, "/alive", "alive:").from, exchange.Get("/led"))
	if string(a.Payload) != "0"+strings.Repeat("\x00", 63) {
		t.Errorf("read %q", a.Payload)
	}
}

func TestSilentNodeSpeaksOnce(t *testing.T) {
	g := startCoAP(t, coap.Changed)
	f := sim.CoAP(sim.Config{
		To: g.addr, Silent: true, Resources: []string{"led", "imu"},
		Beacon: time.Millisecond, Interval: 10 * time.Millisecond, LeaveAfter: 150 * time.Millisecond,
	})
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var said []string
	for len(g.posts) > 0 {
		said = append(said, (<-g.posts).payload)
	}
	if !slices.Equal(said, []string{"reset:sim-coap-1", "alive:sim-coap-1"}) {
		t.Errorf("said %q", said)
	}
}

func TestThingLeavesAndComesBack(t *testing.T) {
	g := startCoAP(t, coap.Changed)
	run(t, sim.CoAP(sim.Config{To: g.addr, LeaveAfter: 50 * time.Millisecond, BackAfter: time.Millisecond}))
	for range 3 {
		g.next(t, "/alive", "reset:")
	}
}

func TestRefusedNodeGoesOn(t *testing.T) {
	g := startCoAP(t, coap.Unauthorized)
	f := sim.CoAP(sim.Config{To: g.addr, Beacon: 2 * time.Millisecond, Count: 2, JoinSpread: 10 * time.Millisecond})
	stop := run(t, f)
	for range 4 {
		g.next(t, "/alive", "alive:sim-coap-2")
	}
	stop()
	if s := f.Stats(); s.Refused < 4 || s.Joined != 0 || s.Present != 0 {
		t.Errorf("counted %+v", s)
	}
}

func TestConfigFaultsAreAllTold(t *testing.T) {
	for _, f := range []*sim.Fleet{
		sim.CoAP(sim.Config{Count: -1, Loss: 2, Resources: []string{"warp"}, Interval: -1}),
		sim.WS(sim.Config{Count: -1, Loss: 2, Resources: []string{"warp"}, Interval: -1}),
	} {
		err := f.Run(context.Background())
		if err == nil {
			t.Fatal("played")
		}
		for _, part := range []string{"address", "-1", "loss 2", "warp", "negative"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v does not tell of %q", err, part)
			}
		}
	}
}

func TestIntervalsThatNothingCanKeepAreRefused(t *testing.T) {
	for _, every := range []time.Duration{1, 9, 9 * time.Millisecond} {
		c := sim.Config{To: "127.0.0.1:9", Resources: []string{"imu"}, Interval: every}
		for _, f := range []*sim.Fleet{sim.CoAP(c), sim.WS(c)} {
			if err := f.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "at least 10ms") {
				t.Errorf("every %v: %v", every, err)
			}
		}
	}
}

func TestEachHasAnAddressOfItsOwn(t *testing.T) {
	for _, at := range []string{"127.0.1.1:5683", "127.0.1.2:5683"} {
		free, err := net.ListenPacket("udp4", at)
		if err != nil {
			t.Skipf("no such address here: %v", err)
		}
		_ = free.Close()
	}
	g := startCoAP(t, coap.Changed)
	run(t, sim.CoAP(sim.Config{To: g.addr, Count: 2, HostEach: true, JoinSpread: 20 * time.Millisecond}))
	for i, id := range []string{"1", "2"} {
		if p := g.next(t, "/alive", "alive:sim-coap-"+id); p.from.String() != fmt.Sprintf("127.0.1.%d:5683", i+1) {
			t.Errorf("thing %s is at %v", id, p.from)
		}
	}
}
