package sim_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/sim"
	"github.com/roost-iot/roost/wire/coap"
)

func TestWebSocketNodeAnswersDiscovery(t *testing.T) {
	g := startWS(t)
	run(t, sim.WS(sim.Config{To: g.addr, UID: "w", Names: []string{"Window box"}, Resources: []string{"led", "temperature", "text"}, Silent: true}))
	p := g.next(t)
	if p.id != "w1" {
		t.Errorf("id %q", p.id)
	}
	p.say(t, `{"request": "discover"}`)
	got := p.hear(t, "data")
	want := `^\{"type": "update", "data": \{"board": "simulated", "name": "Window box", "os": "riot", "led": "0", "temperature": "\d\d\.\d°C", "text": "Hello"\}\}$`
	if !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("answered %s", got)
	}
	for _, bad := range []string{`nonsense`, `{}`, `{"endpoint": "led", "payload": "7"}`, `{"endpoint": "warp", "payload": "1"}`} {
		p.say(t, bad)
	}
	p.say(t, `{"endpoint": "led", "payload": 1}`)
	if got := p.hear(t, ""); got != `{"type": "update", "data": {"led": "1"}}` {
		t.Errorf("LED confirmed by %s", got)
	}
	p.say(t, `{"endpoint": "text", "payload": "caf\u00e9"}`)
	if got := p.hear(t, ""); got != `{"type": "update", "data": {"text": "café"}}` {
		t.Errorf("text confirmed by %s", got)
	}
	p.say(t, `{"request": "discover"}`)
	if got := p.hear(t, ""); !strings.Contains(got, `"led": "1"`) {
		t.Errorf("LED forgotten: %s", got)
	}
}

func TestWebSocketNodeComesBackWhenCutOff(t *testing.T) {
	g := startWS(t)
	run(t, sim.WS(sim.Config{To: "http://" + g.addr + "/node", Resources: []string{"humidity", "imu"}, Interval: 10 * time.Millisecond}))
	first := g.next(t)
	first.hear(t, "humidity")
	first.hear(t, "gyro")
	close(first.end)
	g.next(t).hear(t, "humidity")
}

func TestWebSocketNodeClosesWhenItLeaves(t *testing.T) {
	g := startWS(t)
	f := sim.WS(sim.Config{To: g.addr, LeaveAfter: 50 * time.Millisecond})
	ended := make(chan error, 1)
	go func() { ended <- f.Run(t.Context()) }()
	p := g.next(t)
	if _, _, err := p.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("ended with %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestLostMessagesAreCounted(t *testing.T) {
	g := startWS(t)
	f := sim.WS(sim.Config{To: g.addr, Resources: []string{"humidity"}, Interval: 10 * time.Millisecond, Loss: 0.5, Seed: 7})
	stop := run(t, f)
	p := g.next(t)
	for range 40 {
		p.hear(t, "humidity")
	}
	close(p.end)
	stop()
	if s := f.Stats(); s.Dropped < 10 || s.Sent < 40 {
		t.Errorf("counted %+v", s)
	}
}

func TestDemoGuestsAllCome(t *testing.T) {
	c, w, m := startCoAP(t, coap.Changed), startWS(t), startMQTT(t)
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { ended <- sim.Demo(ctx, sim.Addresses{CoAP: c.addr, WS: w.addr, MQTT: m.addr}) }()
	missing, waiting := map[string]bool{}, 0
	for _, g := range sim.DemoGuests() {
		if id := g.ID; id != "mast-1" && id != "beehive-1" { // there is no MQTT-SN gateway here
			missing[g.Door+" "+id] = true
		}
		if g.Waits {
			waiting++
		}
	}
	if len(missing) != len(sim.DemoGuests())-2 || waiting != 1 {
		t.Errorf("%d guests, %d of them to be approved", len(missing), waiting)
	}
	for range 4 {
		delete(missing, "ws "+w.next(t).id)
	}
	for range 4 {
		delete(missing, "coap "+strings.TrimPrefix(c.next(t, "/alive", "reset:").payload, "reset:"))
	}
	for greeted := 0; greeted < 4; {
		said := m.any(t)
		id, native := strings.CutSuffix(strings.TrimPrefix(said.Topic, "roost/"), "/status")
		if said.Topic == "node/check" {
			id = strings.TrimSuffix(strings.TrimPrefix(string(said.Payload), `{"id": "`), `"}`)
		} else if !native {
			continue
		}
		greeted++
		delete(missing, "mqtt "+id)
	}
	if len(missing) > 0 {
		t.Errorf("did not come: %v", missing)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestStarter(t *testing.T) {
	c, w, m := startCoAP(t, coap.Changed), startWS(t), startMQTT(t)
	s := sim.NewStarter(sim.Addresses{CoAP: c.addr, WS: w.addr, MQTT: m.addr})
	defer s.Close() //nolint:errcheck // never fails
	id, err := s.Start(t.Context(), "coap", "")
	if err != nil {
		t.Fatal(err)
	}
	if roost.CleanThingID(id) != roost.ThingID(id) {
		t.Errorf("id %q is not fit", id)
	}
	c.next(t, "/alive", "alive:"+id)
	other, err := s.Start(t.Context(), "ws", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := w.next(t).id; got != other || other == id {
		t.Errorf("connected as %q, want %q", got, other)
	}
	third, err := s.Start(t.Context(), "mqtt", "")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(m.next(t, "node/check").Payload); got != `{"id": "`+third+`"}` {
		t.Errorf("%s checks in as %s", third, got)
	}
	if _, err := s.Start(t.Context(), "fax", ""); roost.KindOf(err) != roost.Invalid {
		t.Errorf("fax: %v", err)
	}
	for range 47 {
		if _, err := s.Start(t.Context(), "coap", ""); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Start(t.Context(), "coap", ""); roost.KindOf(err) != roost.TooMany {
		t.Errorf("the 51st: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Start(t.Context(), "coap", ""); roost.KindOf(err) != roost.Unavailable {
		t.Errorf("after Close: %v", err)
	}
	off := sim.NewStarter(sim.Addresses{WS: w.addr})
	defer off.Close() //nolint:errcheck // never fails
	if _, err := off.Start(t.Context(), "coap", ""); roost.KindOf(err) != roost.Unavailable {
		t.Errorf("door off: %v", err)
	}
}
