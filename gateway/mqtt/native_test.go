package mqtt

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

// versions runs a test with both versions of MQTT.
func versions(t *testing.T, test func(t *testing.T, v wire.Version)) {
	t.Run("3.1.1", func(t *testing.T) { test(t, wire.V311) })
	t.Run("5", func(t *testing.T) { test(t, wire.V5) })
}

func TestReadings(t *testing.T) {
	everywhere(t, registry.EnrolOpen, func(t *testing.T, h *house, join func(string) party) {
		n := join("n1")
		n.say("roost/n1/readings", `{"temperature": 21.50, "name": "Küche", "door": true, "imu": {"x": 1}}`)
		n.say("roost/n1/readings/humidity", "45%")
		n.say("roost/n1/readings/floor/2/light", "17")
		h.has("n1", "temperature", "21.50")
		h.has("n1", "name", `"Küche"`)
		h.has("n1", "door", "true")
		h.has("n1", "imu", `{"x": 1}`)
		h.has("n1", "humidity", `"45%"`)
		h.has("n1", "floor/2/light", "17")
		if th, _, _ := h.Registry.Get(home("n1")); th.Protocol != roost.MQTT || !th.Online || th.Identity.Door != "mqtt" {
			t.Errorf("the thing is %+v", th)
		}
	})
}

func TestBacklogKeepsItsTimes(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	n := h.join("n1", wire.V5, nil)
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	backlog := fmt.Sprintf(`[{"time": %d, "values": {"t": 2}}, {"time": %q, "values": {"t": 1}}]`,
		at.UnixMilli(), at.Add(-time.Minute).UTC().Format(time.RFC3339))
	if code := n.say("roost/n1/readings", backlog); code.Failed() {
		t.Fatal(code)
	}
	withTime := func(p *wire.Publish) {
		p.Props.User = []wire.UserProperty{{Name: "time", Value: fmt.Sprint(at.Add(time.Minute).UnixMilli())}}
	}
	if code := n.say("roost/n1/readings", `{"t": 3}`, withTime); code.Failed() {
		t.Fatal(code)
	}
	var times []time.Time
	var values []float64
	roomtest.Eventually(t, "three readings are kept", func() bool {
		hist, err := h.Telemetry.History(t.Context(), home("n1"), "t", at.Add(-time.Hour), time.Now(), 10_000)
		if err != nil {
			t.Fatal(err)
		}
		times, values = nil, nil
		for _, b := range hist.Numbers {
			times, values = append(times, time.UnixMilli(b.LastTime)), append(values, b.Last)
		}
		return len(values) == 3
	})
	for i, v := range values {
		if when := at.Add(time.Duration(i-1) * time.Minute); v != float64(i+1) || !times[i].Equal(when) {
			t.Errorf("reading %d is %v at %v, want %v", i, v, times[i], when)
		}
	}
}

func TestBadReadingsAreRefused(t *testing.T) {
	h := build(t, registry.EnrolOpen, func(c *Config) { c.MaxValue = 1000 })
	n := h.join("n1", wire.V5, nil)
	for topic, payloads := range map[string][]string{
		"roost/n1/readings": {
			"", "21", "{", `{"a": NaN}`, `{"": 1}`, `[{"values": 1}]`, `[1]`, `[{"time": "yesterday", "values": {"a": 1}}]`,
			`[{"time": 12, "values": {"a": 1}}]`,
		},
		"roost/n1/status": {"", "maybe", strings.Repeat("online", 1000)},
		"roost/n1/reply":  {"", "yes", `{"id": "x"}`, `{"ok": true}`, `{"id": 1, "ok": 1}`},
	} {
		for _, payload := range payloads {
			if code := n.say(topic, payload); code != wire.PayloadFormatInvalid {
				t.Errorf("%s %.40s: %v", topic, payload, code)
			}
		}
	}
	large := strings.Repeat("x", 1001)
	for topic, payload := range map[string]string{
		"roost/n1/readings/a": large, "roost/n1/readings": `{"a": "` + large + `"}`, "roost/n1/readings/" + large[:300]: "1",
	} {
		if code := n.say(topic, payload); code != wire.QuotaExceeded {
			t.Errorf("%.30s, too large: %v", topic, code)
		}
	}
	if _, _, ok := h.Registry.Get(home("n1")); ok {
		t.Error("a thing was made of nonsense")
	}
}

func TestStatusAndLastWillArePresence(t *testing.T) {
	versions(t, func(t *testing.T, v wire.Version) {
		h := build(t, registry.EnrolOpen, nil)
		n := h.join("n1", v, func(c *broker.Connect, _ *Login) {
			c.Will = &wire.Will{Topic: "roost/n1/status", Payload: []byte("offline"), QoS: 1}
		})
		n.say("roost/n1/status", "online")
		if !h.online("n1") {
			t.Error("it is not here after online")
		}
		n.say("roost/n1/status", "offline")
		if h.online("n1") {
			t.Error("it is here after offline")
		}
		n.say("roost/n1/readings", `{"t": 1}`)
		if !h.online("n1") {
			t.Error("it is not here after a reading")
		}
		n.end(broker.Lost)
		if h.online("n1") {
			t.Error("it is here after its connection was lost")
		}
		if Stats := h.door.Stats(); Stats.Things != 0 || len(h.door.guests.claims) != 0 {
			t.Errorf("the door still has %d things and %d claims", Stats.Things, len(h.door.guests.claims))
		}
	})
}

func TestLastWillOutside(t *testing.T) {
	m := startMosquitto(t)
	h := m.serve(func() *house { return build(t, registry.EnrolOpen, func(c *Config) { c.Outside = m.address() }) })
	n := m.join("n1")
	n.say("roost/n1/status", "online", func(p *wire.Publish) { p.Retain = true })
	roomtest.Eventually(t, "it is here", func() bool { return h.online("n1") })
	n.say("roost/n1/status", "offline", func(p *wire.Publish) { p.Retain = true })
	roomtest.Eventually(t, "it is gone", func() bool { return !h.online("n1") })
}

// asked is a command as a thing gets it.
type asked struct {
	ID, Resource string
	Value        json.RawMessage
	Refresh      bool
}

func order(t *testing.T, m got) (a asked) {
	t.Helper()
	if err := json.Unmarshal([]byte(m.payload), &a); err != nil || a.ID == "" {
		t.Fatalf("no command: %s", m.payload)
	}
	return a
}

func TestCommandAndReply(t *testing.T) {
	everywhere(t, registry.EnrolOpen, func(t *testing.T, h *house, join func(string) party) {
		n := join("n1")
		n.hear("roost/n1/command")
		n.say("roost/n1/readings", `{"led": false}`)
		h.has("n1", "led", "false")

		c := h.command("n1", "led", "true")
		m := n.next()
		a := order(t, m)
		if m.topic != "roost/n1/command" || m.qos != 1 || m.retain || a.ID != c.ID || a.Resource != "led" || string(a.Value) != "true" {
			t.Errorf("it got %+v", m)
		}
		h.state(c, roost.Sent)
		n.say("roost/n1/reply", fmt.Sprintf(`{"id": %q, "ok": true, "value": {"took": 3}}`, a.ID))
		if c = h.state(c, roost.Done); c.Result != `{"took": 3}` {
			t.Errorf("done with %s", c.Result)
		}

		c = h.command("n1", "led", `"x y"`)
		a = order(t, n.next())
		n.say("roost/n1/reply", fmt.Sprintf(`{"id": %q, "ok": false, "error": "no such colour"}`, a.ID))
		if c = h.state(c, roost.Failed); c.Error != "no such colour" {
			t.Errorf("failed with %q", c.Error)
		}

		c = h.command("n1", "led", "true") // confirmed by the value alone
		n.next()
		h.state(c, roost.Sent)
		n.say("roost/n1/readings/led", "true")
		h.state(c, roost.Done)

		c = h.command("n1", "", "")
		if a = order(t, n.next()); !a.Refresh {
			t.Errorf("a refresh came as %+v", a)
		}
		h.state(c, roost.Sent)
		n.say("roost/n1/readings", `{"led": true}`)
		h.state(c, roost.Done)
	})
}

func TestCommandInMQTT5(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	n := h.join("n1", wire.V5, nil)
	n.hear("roost/n1/command")
	roomtest.Eventually(t, "who listens is here", func() bool { return h.online("n1") })
	c := h.command("n1", "led", "1")
	m := n.next()
	if m.props.ResponseTopic != "roost/n1/reply" || string(m.props.CorrelationData) != c.ID || !m.props.HasExpiry || m.props.Expiry > 30 {
		t.Errorf("properties %+v", m.props)
	}
	user := map[string]string{}
	for _, u := range m.props.User {
		user[u.Name] = u.Value
	}
	if user["resource"] != "led" || user["by"] != "ada" || user["expires"] == "" {
		t.Errorf("user properties %v", user)
	}
	h.state(c, roost.Sent)
	n.say(m.props.ResponseTopic, `{"ok": true}`, func(p *wire.Publish) { p.Props.CorrelationData = m.props.CorrelationData })
	h.state(c, roost.Done)
}

func TestThingThatDoesNotListen(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	n := h.join("n1", wire.V311, nil)
	n.say("node/n1/led", `{"value": 0}`)
	c := h.state(h.command("n1", "led", "1"), roost.Failed)
	if !strings.Contains(c.Error, "gateway/n1/led/set") {
		t.Errorf("failed with %q", c.Error)
	}
	m := h.join("n2", wire.V311, nil)
	m.say("roost/n2/readings", `{"led": 0}`)
	if c = h.state(h.command("n2", "led", "1"), roost.Failed); !strings.Contains(c.Error, "roost/n2/command") {
		t.Errorf("failed with %q", c.Error)
	}
	n.hear("gateway/n1/#")
	h.state(h.command("n1", "a/b", "1"), roost.Failed) // it has no topic there
	m.hear("gateway/n2/led/set")                       // it speaks in one way and listens in the other
	h.command("n2", "led", `"on"`)
	want(t, m, "gateway/n2/led/set", "on")
}

func TestWaitingThing(t *testing.T) {
	everywhere(t, registry.EnrolApprove, func(t *testing.T, h *house, join func(string) party) {
		n := join("n1")
		n.hear("gateway/n1/discover")
		refused := func(code wire.ReasonCode) {
			t.Helper()
			if _, inside := n.(*inner); inside && code != wire.NotAuthorized {
				t.Errorf("a waiting thing is told %v", code)
			}
		}
		refused(n.say("node/check", `{"id": "n1"}`))
		refused(n.say("node/n1/led", `{"value": 1}`))
		refused(n.say("roost/n1/readings", `{"led": 1}`))
		roomtest.Eventually(t, "it waits", func() bool {
			th, rs, ok := h.Registry.Get(home("n1"))
			return ok && th.Enrolment == roost.Waiting && len(rs) == 0
		})
		n.say("node/check", `{"id": "n1"}`)
		if !n.idle() {
			t.Errorf("it was told %+v", n.next())
		}
		if _, err := h.Switchboard.Approve(t.Context(), home("n1"), "ada"); err != nil {
			t.Fatal(err)
		}
		n.say("node/check", `{"id": "n1"}`) // it may have been approved before its link stood
		want(t, n, "gateway/n1/discover", "resources")
		n.say("node/n1/led", `{"value": 1}`)
		h.has("n1", "led", "1")
		h.has("n1", "id", `"n1"`)
	})
}

func TestDeletedThingThatIsAliveComesBackAsUnknown(t *testing.T) {
	h := build(t, registry.EnrolApprove, nil)
	n := h.join("n1", wire.V5, nil)
	n.say("node/check", `{"id": "n1"}`)
	if _, err := h.Switchboard.Approve(t.Context(), home("n1"), "ada"); err != nil {
		t.Fatal(err)
	}
	if code := n.say("node/n1/led", `{"value": 1}`); code.Failed() {
		t.Fatal(code)
	}
	if err := h.Switchboard.Forget(t.Context(), home("n1")); err != nil {
		t.Fatal(err)
	}
	if code := n.say("node/n1/led", `{"value": 1}`); code != wire.NotAuthorized {
		t.Errorf("it is told %v", code)
	}
	if th, _, _ := h.Registry.Get(home("n1")); th.Enrolment != roost.Waiting {
		t.Errorf("it is %q", th.Enrolment)
	}
}
