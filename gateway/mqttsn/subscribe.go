package mqttsn

import (
	"strings"

	"github.com/roost-iot/roost/wire/mqtt"
	"github.com/roost-iot/roost/wire/mqttsn"
)

// subscribe takes SUBSCRIBE. What the subscription brings goes out after the SUBACK,
// which tells the client the topic's id.
func (l *lane) subscribe(c *client, p *packet) {
	m, err := mqttsn.ReadSubscribe(p.body)
	if !l.sound(p, err) {
		if len(p.body) >= 3 {
			reply(l, p, mqttsn.Suback{MsgID: m.MsgID, Code: mqttsn.NotSupported})
		}
		return
	}
	request := l.request(p)
	if before := c.answers.find(request, l.now); before != nil {
		l.d.count.duplicates.Add(1)
		reply(l, p, mqttsn.Suback{QoS: before.qos, TopicID: before.topic, MsgID: m.MsgID, Code: before.code})
		return
	}
	a := l.subscribed(c, m)
	a.request, a.until = request, l.now+l.patience()
	if a.code == mqttsn.Accepted {
		c.answers.keep(a)
	}
	reply(l, p, mqttsn.Suback{QoS: a.qos, TopicID: a.topic, MsgID: m.MsgID, Code: a.code})
}

// subscribed makes a subscription and gives what to say about it.
func (l *lane) subscribed(c *client, m mqttsn.Subscribe) answer {
	filter, ok := l.filterOf(&c.topics, m.Topic)
	switch {
	case !ok:
		return answer{code: mqttsn.InvalidTopicID}
	case m.QoS == mqttsn.QoSMinus1 || mqtt.ValidFilter(filter) != nil:
		return answer{code: mqttsn.NotSupported}
	}
	id, code := l.answerID(c, m.Topic)
	if code != mqttsn.Accepted {
		return answer{code: code}
	}
	granted := c.session.Subscribe(l.ctx, []mqtt.Subscription{{Filter: filter, QoS: byte(m.QoS)}}, 0)[0]
	if granted.Failed() {
		return answer{code: returnCode(granted)}
	}
	return answer{topic: id, qos: mqttsn.QoS(granted & 3)}
}

// filterOf is the topic filter of a SUBSCRIBE or UNSUBSCRIBE.
func (l *lane) filterOf(t *topics, topic mqttsn.Topic) (filter string, ok bool) {
	if topic.Kind == mqttsn.Normal {
		return topic.Name, true
	}
	return l.topicOf(t, topic.Kind, topic.ID)
}

// answerID is the id under which the client will get the messages: none for a filter
// with wildcards; of a short name its bytes, which the standard does not ask for but
// emcute does.
func (l *lane) answerID(c *client, topic mqttsn.Topic) (uint16, mqttsn.ReturnCode) {
	if topic.Kind != mqttsn.Normal {
		return topic.ID, mqttsn.Accepted
	}
	if strings.ContainsAny(topic.Name, "+#") || strings.HasPrefix(topic.Name, "$share/") {
		return 0, mqttsn.Accepted
	}
	id := l.nameTopic(c, topic.Name)
	if id == 0 {
		return 0, mqttsn.Congestion
	}
	return id, mqttsn.Accepted
}

// unsubscribe takes UNSUBSCRIBE, whose answer has no room for a refusal.
func (l *lane) unsubscribe(c *client, p *packet) {
	m, err := mqttsn.ReadUnsubscribe(p.body)
	if !l.sound(p, err) {
		return
	}
	if filter, ok := l.filterOf(&c.topics, m.Topic); ok && mqtt.ValidFilter(filter) == nil {
		c.session.Unsubscribe(l.ctx, []string{filter})
	}
	c.answers = answers{} // a SUBSCRIBE of the same may come again
	reply(l, p, mqttsn.Unsuback{MsgID: m.MsgID})
}
