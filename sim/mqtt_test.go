package sim_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/sim"
	"github.com/roost-iot/roost/wire/mqtt"
)

func TestMQTTTestNode(t *testing.T) {
	b := startMQTT(t)
	f := sim.MQTT(sim.Config{To: b.addr, Interval: time.Hour})
	run(t, f)
	if ids := f.IDs(); !slices.Equal(ids, []string{"mqtt_test_node"}) {
		t.Fatalf("ids %v", ids)
	}
	if m := b.next(t, "node/check"); string(m.Payload) != `{"id": "mqtt_test_node"}` || m.QoS != 1 || m.Retain {
		t.Errorf("check %+v", m)
	}
	c, filters := b.hello(t)
	if c.Version != mqtt.V311 || !c.CleanStart || c.Will != nil {
		t.Errorf("connected as %+v", c)
	}
	if !slices.Equal(filters, []string{"gateway/mqtt_test_node/discover", "gateway/mqtt_test_node/led/set"}) {
		t.Errorf("subscribed to %q", filters)
	}
	b.tell(t, "gateway/mqtt_test_node/discover", "resources")
	var names []string
	if err := json.Unmarshal(b.next(t, "node/mqtt_test_node/resources").Payload, &names); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"board", "ip", "led", "name", "os", "pressure", "temperature"}) {
		t.Errorf("resources %q", names)
	}
	b.tell(t, "gateway/mqtt_test_node/discover", "values")
	values := map[string]string{}
	for range names {
		m := b.any(t)
		r, ok := strings.CutPrefix(m.Topic, "node/mqtt_test_node/")
		var v struct{ Value string }
		if err := json.Unmarshal(m.Payload, &v); err != nil || !ok {
			t.Fatalf("%s %s", m.Topic, m.Payload)
		}
		values[r] = v.Value
	}
	for r, want := range map[string]string{"name": "MQTT test node", "os": "riot", "board": "HP", "led": "0", "ip": "127.0.0.1"} {
		if values[r] != want {
			t.Errorf("%s is %q, want %q", r, values[r], want)
		}
	}
	b.tell(t, "gateway/mqtt_test_node/led/set", "1")
	if m := b.next(t, "node/mqtt_test_node/led"); string(m.Payload) != `{"value": "1"}` {
		t.Errorf("led %s", m.Payload)
	}
	if s := f.Stats(); s.Sets != 1 || s.Asked != 2 || s.Joined != 1 {
		t.Errorf("counted %+v", s)
	}
}

// T58: the script gives a sign of life at its start, and then when it is asked for one.
func TestPycomScriptAnswersOnly(t *testing.T) {
	b := startMQTT(t)
	run(t, sim.MQTT(sim.Config{
		To: b.addr, UID: "wipy-", Style: sim.StylePycom, Resources: []string{"led"}, Beacon: 10 * time.Millisecond, Interval: 10 * time.Millisecond,
	}))
	if m := b.next(t, "node/check"); string(m.Payload) != `{"id": "wipy-1"}` || m.QoS != 0 {
		t.Errorf("check %+v", m)
	}
	if c, _ := b.hello(t); c.KeepAlive != 0 {
		t.Errorf("keep alive %d", c.KeepAlive)
	}
	for range 10 {
		b.tell(t, "gateway/wipy-1/discover", "resources")
		for {
			m := b.any(t)
			if m.Topic == "node/check" {
				t.Fatal("a sign of life that nobody asked for")
			}
			if m.Topic == "node/wipy-1/resources" {
				break
			}
		}
	}
	b.tell(t, "gateway/check", "")
	b.next(t, "node/check")
	b.tell(t, "gateway/wipy-1/led/set", "1")
	if m := b.next(t, "node/wipy-1/led"); string(m.Payload) != `{"value": "1"}` {
		t.Errorf("led %s", m.Payload)
	}
}

func TestNativeThing(t *testing.T) {
	b := startMQTT(t)
	stop := run(t, sim.MQTT(sim.Config{
		To: b.addr, UID: "n", Style: sim.StyleNative, Resources: []string{"led", "servo", "position"}, Names: []string{"Attic"}, Interval: time.Hour,
	}))
	if m := b.next(t, "roost/n1/status"); string(m.Payload) != "online" || m.Retain {
		t.Errorf("status %+v", m)
	}
	c, _ := b.hello(t)
	if c.Version != mqtt.V5 || c.Will == nil || c.Will.Topic != "roost/n1/status" || string(c.Will.Payload) != "offline" {
		t.Errorf("connected as %+v", c)
	}
	readings := func() (all map[string]any) {
		t.Helper()
		if err := json.Unmarshal(b.next(t, "roost/n1/readings").Payload, &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	if all := readings(); all["name"] != "Attic" || all["led"] != "0" || all["servo"] != "50%" {
		t.Errorf("readings %v", all)
	}
	for _, row := range []struct{ command, readings, reply string }{
		{`{"id":"c1","resource":"led","value":"1"}`, "led", `{"id":"c1","ok":true,"value":"1"}`},
		{`{"id":"c2","resource":"servo","value":30}`, "servo", `{"id":"c2","ok":true,"value":"30%"}`},
		{`{"id":"c3","refresh":true}`, "board", `{"id":"c3","ok":true}`},
		{`{"id":"c4","resource":"led","value":"7"}`, "", `{"id":"c4","ok":false,"error":"value not understood"}`},
	} {
		b.tell(t, "roost/n1/command", row.command)
		if row.readings != "" && readings()[row.readings] == nil {
			t.Errorf("%s: no %s told", row.command, row.readings)
		}
		if m := b.next(t, "roost/n1/reply"); string(m.Payload) != row.reply {
			t.Errorf("%s: %s", row.command, m.Payload)
		}
	}
	stop()
	if m := b.next(t, "roost/n1/status"); string(m.Payload) != "offline" {
		t.Errorf("status %s", m.Payload)
	}
}

func TestNativeThingKeepsReadingsWhileTheBrokerIsGone(t *testing.T) {
	b := startMQTT(t)
	run(t, sim.MQTT(sim.Config{To: b.addr, UID: "n", Style: sim.StyleNative, Resources: []string{"temperature"}, Interval: 10 * time.Millisecond}))
	b.next(t, "roost/n1/readings")
	b.close(true)
	gone := time.Now()
	// A reading of after the loss is told once the broker is back, with its time.
	eventually(t, "some time has passed", func() bool { return time.Since(gone) > 50*time.Millisecond })
	b.open()
	for {
		m := b.next(t, "roost/n1/readings")
		if m.Payload[0] != '[' {
			continue
		}
		var backlog []struct {
			Time   int64
			Values map[string]string
		}
		if err := json.Unmarshal(m.Payload, &backlog); err != nil {
			t.Fatalf("%s: %v", m.Payload, err)
		}
		last := backlog[len(backlog)-1]
		if at := time.UnixMilli(last.Time); at.Before(gone.Add(-time.Second)) || at.After(time.Now()) || last.Values["temperature"] == "" {
			t.Errorf("%+v", last)
		}
		return
	}
}
