package sim

import (
	"context"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/mqttclient"
	"github.com/roost-iot/roost/wire/mqtt"
)

// betweenValues is what a board of Pyaiot's MicroPython script leaves between them.
const betweenValues = time.Second

// nodeManner speaks Pyaiot's topics (docs/protocols/pyaiot.md), as its test node or
// as its MicroPython script.
type nodeManner struct {
	*mqttLife
	pycom bool
}

func (m *nodeManner) options(o *mqttclient.Options) {
	o.Version = mqtt.V311
	topics := []string{"gateway/" + m.id + "/discover"}
	if m.pycom {
		m.qos, o.KeepAlive = 0, -1
		topics = append(topics, "gateway/check")
	}
	for _, r := range m.resources {
		if roost.Settable(r) {
			topics = append(topics, "gateway/"+m.id+"/"+r+"/set")
		}
	}
	for _, t := range topics {
		o.Subscriptions = append(o.Subscriptions, mqtt.Subscription{Filter: t, QoS: m.qos})
	}
}

func (m *nodeManner) arrived(context.Context) { m.check() }

// sign: the script has no clock.
func (m *nodeManner) sign(context.Context) {
	if !m.pycom {
		m.check()
	}
}

func (m *nodeManner) check() {
	m.publish("node/check", append(append([]byte(`{"id": `), roost.Text(m.id)...), '}'), 0)
}

func (m *nodeManner) asked(ctx context.Context, topic string, value []byte) {
	rest, ours := strings.CutPrefix(topic, "gateway/"+m.id+"/")
	resource, set := strings.CutSuffix(rest, "/set")
	switch {
	case topic == "gateway/check":
		m.check()
	case !ours:
	case rest == "discover" && string(value) == "resources":
		m.f.count.asked.Add(1)
		m.list()
	case rest == "discover":
		m.f.count.asked.Add(1)
		m.all(ctx)
	case set:
		m.take(ctx, resource, string(value))
	}
}

// list says which resources there are.
func (m *nodeManner) list() {
	b := []byte{'['}
	for i, r := range m.resources {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, roost.Text(r)...)
	}
	m.publish("node/"+m.id+"/resources", append(b, ']'), 0)
}

// all tells every value; a script takes its time.
func (m *nodeManner) all(ctx context.Context) {
	if !m.pycom {
		m.tell(ctx, m.resources)
		return
	}
	for _, r := range m.resources {
		m.tell(ctx, []string{r})
		if !pause(ctx, min(betweenValues, m.f.c.Interval)) {
			return
		}
	}
}

func (m *nodeManner) tell(_ context.Context, resources []string) {
	if !m.client.Online() {
		return // a node has no clock: later it would not be true
	}
	now := time.Now()
	for _, r := range resources {
		v, _ := m.value(r, now)
		m.publish("node/"+m.id+"/"+r, append(append([]byte(`{"value": `), roost.Text(v)...), '}'), 1)
	}
}

// take sets a resource and confirms it by the new value.
func (m *nodeManner) take(ctx context.Context, resource, value string) {
	if err := m.set(resource, value); err != nil {
		m.f.count.declined.Add(1)
		m.log.Debug("set refused", "err", err)
		return
	}
	m.f.count.sets.Add(1)
	m.tell(ctx, []string{resource})
}

func (m *nodeManner) leave(context.Context) {}
