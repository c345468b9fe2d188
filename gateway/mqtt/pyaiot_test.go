package mqtt

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
)

func TestT55CheckMakesANodeAndAsksForItsResources(t *testing.T) {
	everywhere(t, registry.EnrolOpen, func(t *testing.T, h *house, join func(string) party) {
		feed := h.Feed.Tail()
		defer feed.Close()
		n := join("n1")
		n.hear("gateway/n1/discover")
		n.say("node/check", `{"id": "n1"}`)
		if m := want(t, n, "gateway/n1/discover", "resources"); m.qos != 1 || m.retain {
			t.Errorf("it came as %+v", m)
		}
		if e := roomtest.Next(t, feed, roost.ThingChanged); e.Ref != home("n1") || !e.Thing.Online || e.Thing.Protocol != roost.MQTT {
			t.Errorf("the thing is %+v", e.Thing)
		}
		for _, said := range []string{`id="n1"`, `protocol="MQTT"`} {
			if e := roomtest.Next(t, feed, roost.Read); e.Resource+"="+string(e.Value) != said {
				t.Errorf("%s=%s, want %s", e.Resource, e.Value, said)
			}
		}
	})
}

func TestT56ResourcesAreAnsweredByARequestForValues(t *testing.T) {
	everywhere(t, registry.EnrolOpen, func(t *testing.T, h *house, join func(string) party) {
		n := join("n1")
		n.hear("gateway/n1/discover")
		n.say("node/check", `{"id": "n1"}`)
		want(t, n, "gateway/n1/discover", "resources")
		for range 2 { // each time
			n.say("node/n1/resources", `["name","led"]`)
			want(t, n, "gateway/n1/discover", "values")
		}
		n.say("node/n1/name", `{"value": "Node"}`)
		n.say("node/n1/led", `{"value":"0"}`)
		h.has("n1", "name", `"Node"`)
		h.has("n1", "led", `"0"`)
		n.say("node/n1/position", `{"value": {"lat": 48.7, "lng": 2.20550}}`)
		h.has("n1", "position", `{"lat": 48.7, "lng": 2.20550}`)
	})
}

// riot is what RIOT's weather node publishes; it subscribes to nothing.
var riot = []string{
	`node/check {"id": "mqtt-2"}`,
	`node/mqtt-2/resources ["board","mcu","os","name","temperature","pressure","humidity"]`,
	`node/mqtt-2/board {"value":"samr21-xpro"}`, `node/mqtt-2/humidity {"value":"45.07%"}`,
	`node/mqtt-2/mcu {"value":"samd21"}`, `node/mqtt-2/os {"value":"riot"}`,
	`node/mqtt-2/name {"value":"Node BME280 MQTT-SN"}`, `node/mqtt-2/pressure {"value":"1013.25hPa"}`,
	`node/mqtt-2/temperature {"value":"23.4°C"}`,
}

func TestT57NodeThatSubscribesToNothing(t *testing.T) {
	everywhere(t, registry.EnrolOpen, func(t *testing.T, h *house, join func(string) party) {
		n := join("riot")
		for _, said := range riot {
			topic, payload, _ := strings.Cut(said, " ")
			n.say(topic, payload)
		}
		h.has("mqtt-2", "temperature", `"23.4°C"`)
		for _, name := range []string{"board", "mcu", "os", "name", "pressure", "humidity", "id", "protocol"} {
			if h.value("mqtt-2", name) == "" {
				t.Errorf("%s did not appear", name)
			}
		}
	})
}

func TestT57GatewayThatStartsAfterTheNode(t *testing.T) {
	everywhere(t, registry.EnrolOpen, func(t *testing.T, h *house, join func(string) party) {
		join("riot").say("node/mqtt-2/temperature", `{"value":"23.4°C"}`)
		h.has("mqtt-2", "temperature", `"23.4°C"`)
		h.has("mqtt-2", "id", `"mqtt-2"`)
	})
}

// TestT58NodeThatBeaconsOnlyOnRequest plays a MicroPython node with a keep-alive of 0
// for ten minutes. The time is the test's own.
func TestT58NodeThatBeaconsOnlyOnRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core := new(countingCore)
		h := furnishCore(t, core)
		n := h.join("joe", 4, nil)
		n.hear("gateway/check")
		n.say("node/check", `{"id": "wipy-1"}`)
		beacons := 0
		for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); beacons++ {
			if m := <-n.in; m.topic != "gateway/check" || m.payload != "" {
				t.Fatalf("it got %+v", m)
			}
			n.say("node/check", `{"id": "wipy-1"}`)
		}
		if beacons < 20 || core.gaps() > 60*time.Second {
			t.Errorf("%d beacons in ten minutes, and %v between two signs of life", beacons, core.gaps())
		}
		n.end(broker.Lost)
		h.stop()
	})
}

func TestT59NonsenseDisturbsNobody(t *testing.T) {
	everywhere(t, registry.EnrolOpen, func(t *testing.T, h *house, join func(string) party) {
		bad, n := join("bad"), join("n1")
		n.hear("gateway/n1/discover")
		n.say("node/check", `{"id": "n1"}`)
		want(t, n, "gateway/n1/discover", "resources")
		for _, payload := range []string{"notjson", `{"val":1}`, "", "\x00\xff", "[1,2", "null", `{"value"`, `{"id": null}`, `{"id": {"a": 1}}`, `{"id": "a/b+#"}`, `{"value": 1}`, strings.Repeat("[", 5000)} {
			for _, topic := range []string{"node/check", "node/x1/resources", "node/x1/temperature", "node/unknown/led", "node/a/b/c", "node/a/b/check", "node//", "node//x", "roost/x1/readings", "roost/x1/status", "roost/x1/reply", "roost//readings"} {
				bad.say(topic, payload)
			}
		}
		bad.say("node/unknown/led", `{"value": 1}`)
		n.say("node/n1/resources", `["led"]`)
		want(t, n, "gateway/n1/discover", "values")
		n.say("node/n1/led", `{"value": 7}`)
		h.has("n1", "led", "7")
		h.has("unknown", "led", "1")
		h.Registry.Each(roost.Home, func(th roost.Thing, _ []roost.Resource) bool {
			if own := th.Identity.Own; own != "n1" && own != "unknown" && own != "x1" {
				t.Errorf("a thing %q was made of nonsense", own)
			}
			return true
		})
	})
}

func TestT60CommandIsPublishedAsItIs(t *testing.T) {
	everywhere(t, registry.EnrolOpen, func(t *testing.T, h *house, join func(string) party) {
		n := join("n1")
		n.hear("gateway/n1/led/set")
		n.say("node/n1/led", `{"value": "0"}`)
		h.has("n1", "led", `"0"`)
		c := h.command("n1", "led", `"é1"`)
		if m := want(t, n, "gateway/n1/led/set", "é1"); m.qos != 1 || m.retain {
			t.Errorf("it came as %+v", m)
		}
		h.state(c, roost.Sent)
		n.say("node/n1/led", `{"value": "é1"}`) // the node's own word
		if c = h.state(c, roost.Done); c.Result != `"é1"` {
			t.Errorf("done with %s", c.Result)
		}
	})
}

func TestT61NumericIDs(t *testing.T) {
	everywhere(t, registry.EnrolOpen, func(t *testing.T, h *house, join func(string) party) {
		n := join("seven")
		n.hear("gateway/7/discover")
		n.say("node/check", `{"id": 7}`)
		want(t, n, "gateway/7/discover", "resources")
		n.say("node/7/resources", `["led"]`)
		want(t, n, "gateway/7/discover", "values")
		n.say("node/7/led", `{"value": 1}`)
		h.has("7", "led", "1")
	})
}

func TestT62TwoGatewaysOnOneBroker(t *testing.T) {
	m := startMosquitto(t)
	start := func() *house {
		return build(t, registry.EnrolOpen, func(c *Config) { c.Outside = m.address() })
	}
	a, b := m.serve(start), m.serve(start)
	n := m.join("n1")
	for i := range 5 {
		n.say("node/n1/count", fmt.Sprintf(`{"value": %d}`, i))
		a.has("n1", "count", fmt.Sprint(i))
		b.has("n1", "count", fmt.Sprint(i))
	}
}

func TestNodeThatSubscribesAfterItsCheckIsAskedAgain(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	n := h.join("n1", 4, nil)
	n.say("node/check", `{"id": "n1"}`)
	h.has("n1", "protocol", `"MQTT"`)
	n.hear("gateway/n1/discover")
	want(t, n, "gateway/n1/discover", "resources")
}
