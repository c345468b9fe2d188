package broker

import (
	"context"
	"strconv"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// countersEvery is how often those who subscribed to counters below $SYS get them.
const countersEvery = 10 * time.Second

func (b *Broker) runCounters(ctx context.Context) {
	tick := time.NewTicker(countersEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			b.publishCounters()
		}
	}
}

// publishCounters publishes those that somebody listens to.
func (b *Broker) publishCounters() {
	var m *Message
	for _, c := range counterNames {
		if n, _ := b.Reach(c.topic); n > 0 {
			m = c.message(b)
			b.Publish(m)
		}
	}
}

type counter struct {
	topic string
	value func(*Broker) int64
}

// message is the counter's value now.
func (c *counter) message(b *Broker) *Message {
	return &Message{Topic: c.topic, Payload: strconv.AppendInt(nil, c.value(b), 10)}
}

var counterNames = []counter{
	{"$SYS/broker/uptime", func(b *Broker) int64 { return int64(time.Since(b.started) / time.Second) }},
	{"$SYS/broker/clients/connected", func(b *Broker) int64 { return b.count.connected.Load() }},
	{"$SYS/broker/clients/total", func(b *Broker) int64 { return b.count.sessions.Load() }},
	{"$SYS/broker/subscriptions/count", func(b *Broker) int64 { return b.tree.count.Load() }},
	{"$SYS/broker/retained messages/count", func(b *Broker) int64 { n, _ := b.kept.size(); return int64(n) }},
	{"$SYS/broker/publish/messages/received", func(b *Broker) int64 { return b.count.received.Load() }},
	{"$SYS/broker/publish/messages/sent", func(b *Broker) int64 { return b.count.sent.Load() }},
	{"$SYS/broker/publish/messages/dropped", func(b *Broker) int64 { return b.count.dropped.Load() }},
}

// counters gives those that a new subscription matches.
func (b *Broker) counters(filter string, take func(*Message) bool) {
	if filter[0] != '$' {
		return
	}
	for i := range counterNames {
		if c := &counterNames[i]; mqtt.Match(filter, c.topic) && !take(c.message(b)) {
			return
		}
	}
}
