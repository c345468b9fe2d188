package sim

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/mqttclient"
	"github.com/roost-iot/roost/wire/mqtt"
)

// mostKept is how many readings a thing keeps while it is not connected; older ones
// make room.
const mostKept = 500

// nativeManner speaks our own topics (docs/protocols/mqtt.md).
type nativeManner struct {
	*mqttLife
	kept [][]byte // entries of the backlog; of the goroutine that speaks
}

func (m *nativeManner) topic(what string) string { return "roost/" + m.id + "/" + what }

func (m *nativeManner) options(o *mqttclient.Options) {
	o.Subscriptions = []mqtt.Subscription{{Filter: m.topic("command"), QoS: 1}}
	o.Will = &mqtt.Will{Topic: m.topic("status"), Payload: []byte("offline"), QoS: 1}
}

// arrived says that it is online, what it kept meanwhile, and all there is to say.
func (m *nativeManner) arrived(context.Context) {
	m.publish(m.topic("status"), []byte("online"), 0)
	for len(m.kept) > 0 {
		n := min(len(m.kept), 100)
		b := []byte{'['}
		for i, entry := range m.kept[:n] {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, entry...)
		}
		m.publish(m.topic("readings"), append(b, ']'), n)
		m.kept = m.kept[n:]
	}
	m.kept = nil
	m.say(m.resources)
}

func (m *nativeManner) say(resources []string) {
	m.publish(m.topic("readings"), m.object(resources, time.Now()), len(resources))
}

// object is the values of resources at a time.
func (m *nativeManner) object(resources []string, at time.Time) []byte {
	b := []byte{'{'}
	for i, r := range resources {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, roost.Text(r)...), ':'), m.json(r, at)...)
	}
	return append(b, '}')
}

// tell hands over to the goroutine that speaks, to which the backlog belongs.
func (m *nativeManner) tell(_ context.Context, resources []string) {
	at := time.Now()
	m.do(func(context.Context) {
		if m.client.Online() {
			m.publish(m.topic("readings"), m.object(resources, at), len(resources))
			return
		}
		entry := strconv.AppendInt([]byte(`{"time":`), at.UnixMilli(), 10)
		entry = append(append(append(entry, `,"values":`...), m.object(resources, at)...), '}')
		m.kept = append(m.kept[max(0, len(m.kept)-mostKept+1):], entry)
	})
}

func (m *nativeManner) asked(_ context.Context, topic string, value []byte) {
	if topic != m.topic("command") {
		return
	}
	var c struct {
		ID       string      `json:"id"`
		Resource string      `json:"resource"`
		Value    roost.Value `json:"value"`
		Refresh  bool        `json:"refresh"`
	}
	if json.Unmarshal(value, &c) != nil {
		m.f.count.declined.Add(1)
		return
	}
	if c.Refresh {
		m.f.count.asked.Add(1)
		m.say(m.resources)
		m.reply(c.ID, nil, "")
		return
	}
	text := c.Value.AsText()
	if c.Resource == "servo" {
		text = strings.TrimSuffix(text, "%") + "%"
	}
	if err := m.set(c.Resource, text); err != nil {
		m.f.count.declined.Add(1)
		m.reply(c.ID, err, "")
		return
	}
	m.f.count.sets.Add(1)
	m.say([]string{c.Resource})
	m.reply(c.ID, nil, m.json(c.Resource, time.Now()))
}

// reply is the thing's word on a command.
func (m *nativeManner) reply(id string, err error, value roost.Value) {
	b := append([]byte(`{"id":`), roost.Text(id)...)
	switch {
	case err != nil:
		b = append(append(b, `,"ok":false,"error":`...), roost.Text(err.Error())...)
	case value != "":
		b = append(append(b, `,"ok":true,"value":`...), value...)
	default:
		b = append(b, `,"ok":true`...)
	}
	m.publish(m.topic("reply"), append(b, '}'), 0)
}

func (m *nativeManner) sign(context.Context) {}

// leave says goodbye: a DISCONNECT does not bring the will.
func (m *nativeManner) leave(ctx context.Context) {
	_ = m.client.Publish(ctx, &mqtt.Publish{Topic: m.topic("status"), QoS: 1, Payload: []byte("offline")})
}
