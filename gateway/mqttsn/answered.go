package mqttsn

import (
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
	"github.com/roost-iot/roost/wire/mqttsn"
)

// answered takes a client's answer to what the door sent, and goes on.
func (l *lane) answered(c *client, p *packet) {
	c.outbox()
	switch p.kind {
	case mqttsn.TypeRegack:
		if m, err := mqttsn.ReadRegack(p.body); l.sound(p, err) {
			l.regack(c, p, m)
		}
	case mqttsn.TypePuback:
		if m, err := mqttsn.ReadPuback(p.body); l.sound(p, err) {
			l.puback(c, p, m)
		}
	case mqttsn.TypePubrec:
		if m, err := mqttsn.ReadPubrec(p.body); l.sound(p, err) {
			l.pubrec(c, p, m.MsgID)
		}
	case mqttsn.TypePubcomp:
		if m, err := mqttsn.ReadPubcomp(p.body); l.sound(p, err) {
			l.pubcomp(c, p, m.MsgID)
		}
	}
	if c.state == asleep && c.out.empty() {
		c.out = nil
	}
	l.pump(c)
}

func (l *lane) regack(c *client, p *packet, m mqttsn.Regack) {
	o := c.out
	if o.stage != registering || m.MsgID != o.msgID {
		l.misplaced(p)
		return
	}
	o.named, o.deafUntil = true, 0
	switch m.Code {
	case mqttsn.Accepted:
		if _, known := c.topics.id(o.head.Message.Topic); !known {
			l.addTopic(&c.topics, o.topicID, o.head.Message.Topic)
		}
		l.transmit(c, mqttsn.Normal, o.topicID)
	case mqttsn.Congestion: // it is asked again when its time has come
	default:
		l.d.count.unnameable.Add(1)
		l.giveUp(c, mqtt.TopicNameInvalid)
	}
}

// puback: the client has the message, or it does not understand it.
func (l *lane) puback(c *client, p *packet, m mqttsn.Puback) {
	o := c.out
	if m.MsgID == 0 && m.Code == mqttsn.InvalidTopicID { // of QoS 0: next time it is told the name
		if name, known := c.topics.name(m.Topic); known {
			l.unname(c, name)
		}
		return
	}
	if o.stage != publishing || m.MsgID != o.head.ID {
		l.misplaced(p)
		return
	}
	switch {
	case m.Code == mqttsn.Accepted:
		if o.head.QoS == 1 {
			l.done(c, func(id uint16) { c.session.Acked(id, mqtt.Success) })
		}
	case m.Code == mqttsn.Congestion: // it is sent again when its time has come
	case m.Code == mqttsn.InvalidTopicID:
		l.invalidTopic(c)
	case m.Code == mqttsn.NotSupported && o.dup && !c.noDup:
		// emcute refuses a flag that the standard asks for.
		c.noDup = true
		l.publishAgain(c)
	default:
		l.giveUp(c, mqtt.ImplementationError)
	}
}

// invalidTopic: the client does not know the topic's id. It may be about to: emcute
// does so only a moment after it got the SUBACK. If that does not help, it is told.
func (l *lane) invalidTopic(c *client) {
	o := c.out
	switch o.invalid++; o.invalid {
	case 1:
		o.again = l.now + min(l.d.cfg.Retry/10, time.Second)
		l.hasten(c)
	case 2:
		l.unname(c, o.head.Message.Topic)
		if _, _, known := l.called(&c.topics, o.head.Message.Topic); !known {
			l.introduceTopic(c)
			return
		}
		fallthrough
	default:
		l.d.count.unnameable.Add(1)
		l.giveUp(c, mqtt.TopicNameInvalid)
	}
}

func (l *lane) unname(c *client, name string) {
	before := len(c.topics.ids)
	c.topics.unname(name)
	l.d.topics.Add(int64(len(c.topics.ids) - before))
}

func (l *lane) pubrec(c *client, p *packet, id uint16) {
	o := c.out
	switch {
	case o.stage == publishing && o.head.QoS == 2 && o.head.ID == id:
		l.done(c, func(id uint16) { c.session.Received(id, mqtt.Success) })
	case o.stage == releasing && o.head.ID == id: // the PUBREL is under way
	default: // of a message that is done: only PUBREL ends it
		l.misplaced(p)
		reply(l, p, mqttsn.Pubrel{MsgID: id})
	}
}

func (l *lane) pubcomp(c *client, p *packet, id uint16) {
	o := c.out
	if o.stage != releasing || o.head.ID != id {
		l.misplaced(p)
		return
	}
	l.done(c, c.session.Completed)
}

// done ends what is under way.
func (l *lane) done(c *client, tell func(id uint16)) {
	id := c.out.head.ID
	c.out.clear()
	tell(id)
	c.hungry = true
}

// again sends what was not answered once more, or gives up.
func (l *lane) again(c *client) {
	o := c.out
	if int(o.tries) >= l.d.cfg.Retries {
		l.exhausted(c)
		return
	}
	o.tries++
	o.again = l.now + l.d.cfg.Retry
	l.d.count.repeated.Add(1)
	switch o.stage {
	case promptTopic, promptMsg:
		l.promptAgain(c)
	case registering:
		if o.tries > 1 { // emcute does not know REGISTER, but it answers this
			send(l, c.conn, c.key, mqttsn.Pingreq{})
		}
		l.registerAgain(c)
	case publishing:
		l.publishAgain(c)
	case releasing:
		send(l, c.conn, c.key, mqttsn.Pubrel{MsgID: o.head.ID})
	}
}

// publishAgain sends the message at the head once more.
func (l *lane) publishAgain(c *client) {
	kind, id, known := l.called(&c.topics, c.out.head.Message.Topic)
	if !known {
		l.introduceTopic(c)
		return
	}
	l.publishTo(c, kind, id, true)
}

// exhausted: nothing helped. Who was heard meanwhile is there, so it gets more time,
// or does without the message; who sleeps gets it at the next waking.
func (l *lane) exhausted(c *client) {
	o, there := c.out, c.heard > c.out.begun
	switch {
	case c.state == awake:
		l.rest(c)
	case c.state == connecting || !there || o.rounds >= maxRounds:
		l.lose(c)
	case o.stage == registering:
		if !o.named {
			o.deafUntil = l.now + 10*time.Minute
		}
		l.d.count.unnameable.Add(1)
		l.giveUp(c, mqtt.TopicNameInvalid)
		l.pump(c)
	default:
		o.rounds++
		o.tries, o.begun = -1, l.now
		l.again(c)
	}
}
