package mqttsn

import (
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
	"github.com/roost-iot/roost/wire/mqttsn"
)

// publish takes PUBLISH.
func (l *lane) publish(c *client, p *packet) {
	m, err := mqttsn.ReadPublish(p.body)
	if !l.sound(p, err) {
		return
	}
	topic, ok := l.topicOf(&c.topics, m.Kind, m.Topic)
	if !ok {
		l.misplaced(p)
		if m.QoS >= mqttsn.QoS0 {
			reply(l, p, mqttsn.Puback{Topic: m.Topic, MsgID: m.MsgID, Code: mqttsn.InvalidTopicID})
		}
		return
	}
	numbered := m.QoS >= mqttsn.QoS1
	switch {
	case numbered && m.MsgID == 0:
		l.misplaced(p)
		reply(l, p, mqttsn.Puback{Topic: m.Topic, Code: mqttsn.NotSupported})
		return
	case numbered && l.publishedBefore(c, p, m):
		return
	}
	code, ok := l.hand(c, m, topic)
	switch {
	case !ok:
	case numbered && code != mqttsn.Accepted:
		reply(l, p, mqttsn.Puback{Topic: m.Topic, MsgID: m.MsgID, Code: code})
	case numbered:
		c.answers.keep(answer{request: l.request(p), until: l.now + l.patience()})
		l.acknowledge(p, m)
	}
}

func (l *lane) acknowledge(p *packet, m mqttsn.Publish) {
	if m.QoS == mqttsn.QoS2 {
		reply(l, p, mqttsn.Pubrec{MsgID: m.MsgID})
		return
	}
	reply(l, p, mqttsn.Puback{Topic: m.Topic, MsgID: m.MsgID})
}

// publishedBefore answers a PUBLISH of QoS 1 or 2 that came before. The broker would
// know one of QoS 2 only until its PUBREL, which it may come after.
func (l *lane) publishedBefore(c *client, p *packet, m mqttsn.Publish) bool {
	before := c.answers.find(l.request(p), l.now)
	if before == nil {
		return false
	}
	l.d.count.duplicates.Add(1)
	l.acknowledge(p, m)
	return true
}

// hand gives a message to the broker. Not ok: it could not be kept, so the connection
// ended.
func (l *lane) hand(c *client, m mqttsn.Publish, topic string) (code mqttsn.ReturnCode, ok bool) {
	l.pubs[0] = broker.Publication{Publish: mqtt.Publish{
		Dup: m.Dup, QoS: byte(max(m.QoS, 0)), Retain: m.Retain, Topic: topic, Payload: m.Data,
	}}
	if m.QoS >= mqttsn.QoS1 {
		l.pubs[0].ID = m.MsgID
	}
	err := c.session.Publish(l.ctx, l.pubs[:])
	reason := l.pubs[0].Reason
	l.pubs[0] = broker.Publication{}
	if err != nil {
		l.d.log.Warn("MQTT-SN message not taken", "protocol", protocol, "remote", c.key, "err", err)
		l.dismiss(c)
		return 0, false
	}
	if !reason.Failed() {
		l.d.count.published.Add(1)
	}
	return returnCode(reason), true
}

// pubrel takes PUBREL, the third step of a message of QoS 2.
func (l *lane) pubrel(c *client, p *packet) {
	m, err := mqttsn.ReadPubrel(p.body)
	if !l.sound(p, err) {
		return
	}
	c.session.Release(m.MsgID) // one that is not known was released before
	if err := c.session.Settle(l.ctx); err != nil {
		l.dismiss(c)
		return
	}
	reply(l, p, mqttsn.Pubcomp(m))
}
