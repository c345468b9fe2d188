package mqttsn

import (
	"time"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
	"github.com/roost-iot/roost/wire/mqttsn"
)

// stage is what the door waits for.
type stage byte

const (
	idle        stage = iota
	promptTopic       // WILLTOPICREQ was sent
	promptMsg         // WILLMSGREQ
	registering       // REGISTER, for the message at the head
	publishing        // PUBLISH of QoS 1 or 2
	releasing         // PUBREL
)

// outgoing is what is under way to a client: one thing at a time.
type outgoing struct {
	stage   stage
	tries   int8 // sent again, in this round
	rounds  int8 // of tries in which it was heard and did not answer
	invalid int8 // times that it did not know the topic id
	dup     bool // head was sent with that flag
	head    broker.Delivery
	pending []broker.Delivery // taken from the session, after head

	topicID, msgID uint16 // of the REGISTER
	sent           int    // messages, in this waking
	again          time.Duration
	begun          time.Duration // this round
	named          bool          // it has once answered REGISTER
	deafUntil      time.Duration // it does not answer REGISTER
}

// maxRounds are made with a client that is there and does not answer.
const maxRounds = 3

func (c *client) outbox() *outgoing {
	if c.out == nil {
		c.out = new(outgoing)
	}
	return c.out
}

// empty: nothing was taken from the session that is not done.
func (o *outgoing) empty() bool { return o.stage == idle && len(o.pending) == 0 }

// putBack leaves what is under way for later.
func (o *outgoing) putBack() {
	if o.stage == idle {
		return
	}
	o.pending = append([]broker.Delivery{o.head}, o.pending...)
	o.clear()
}

// clear: nothing is under way.
func (o *outgoing) clear() {
	o.head, o.stage, o.tries, o.rounds, o.invalid = broker.Delivery{}, idle, 0, 0, 0
}

// next takes the next delivery, from the session if need be.
func (l *lane) next(c *client) (d broker.Delivery, ok bool) {
	o := c.outbox()
	if len(o.pending) == 0 {
		if !c.hungry {
			return d, false
		}
		var list []broker.Delivery
		list, c.hungry = c.session.Take(l.deliveries[:0], 64<<10)
		o.pending = append(o.pending, list...)
		clear(list)
		if len(o.pending) == 0 {
			return d, false
		}
	}
	d = o.pending[0]
	o.pending[0] = broker.Delivery{}
	if o.pending = o.pending[1:]; len(o.pending) == 0 {
		o.pending = nil
	}
	return d, true
}

// turnLength is how many messages a client gets before others have their turn.
const turnLength = 64

// pump sends what may be sent now.
func (l *lane) pump(c *client) {
	if c.state != active && c.state != awake {
		return
	}
	o := c.outbox()
	for n := 0; o.stage == idle && (c.state == active || o.sent < l.d.cfg.MaxAwake); n++ {
		if n == turnLength {
			c.mark(woken)
			return
		}
		d, ok := l.next(c)
		if !ok {
			break
		}
		l.deliver(c, d)
	}
	l.drained(c)
}

// deliver begins with a delivery.
func (l *lane) deliver(c *client, d broker.Delivery) {
	o := c.out
	o.head = d
	if d.Type == mqtt.TypePubrel {
		o.stage = releasing
		l.arm(c)
		send(l, c.conn, c.key, mqttsn.Pubrel{MsgID: d.ID})
		return
	}
	if len(d.Message.Payload)+len(c.key.node)+16 > l.d.cfg.MaxDatagram {
		l.d.count.tooLarge.Add(1)
		l.giveUp(c, mqtt.PacketTooLarge)
		return
	}
	kind, id, known := l.called(&c.topics, d.Message.Topic)
	if !known {
		l.introduceTopic(c)
		return
	}
	l.transmit(c, kind, id)
}

// introduceTopic sends REGISTER for the topic of the message at the head.
func (l *lane) introduceTopic(c *client) {
	o := c.out
	o.topicID = l.room(c)
	if o.topicID == 0 || l.now < o.deafUntil || len(o.head.Message.Topic)+len(c.key.node)+16 > l.d.cfg.MaxDatagram {
		l.d.count.unnameable.Add(1)
		l.giveUp(c, mqtt.TopicNameInvalid)
		return
	}
	if o.msgID++; o.msgID == 0 {
		o.msgID = 1
	}
	o.stage = registering
	l.arm(c)
	l.registerAgain(c)
}

func (l *lane) registerAgain(c *client) {
	o := c.out
	send(l, c.conn, c.key, mqttsn.Register{TopicID: o.topicID, MsgID: o.msgID, Name: o.head.Message.Topic})
}

// transmit sends the message at the head.
func (l *lane) transmit(c *client, kind mqttsn.TopicKind, id uint16) {
	o, d := c.out, &c.out.head
	l.d.count.delivered.Add(1)
	o.sent++
	l.publishTo(c, kind, id, d.Dup)
	if d.QoS == 0 {
		o.clear()
		return
	}
	d.Dup = true // from now on
	o.stage = publishing
	l.arm(c)
}

func (l *lane) publishTo(c *client, kind mqttsn.TopicKind, id uint16, dup bool) {
	d := &c.out.head
	c.out.dup = dup && !c.noDup
	send(l, c.conn, c.key, mqttsn.Publish{
		Dup: c.out.dup, QoS: mqttsn.QoS(d.QoS), Retain: d.Retain, Kind: kind, Topic: id, MsgID: d.ID,
		Data: d.Message.Payload,
	})
}

// arm starts to wait for an answer.
func (l *lane) arm(c *client) {
	o := c.out
	o.tries, o.rounds, o.begun, o.again = 0, 0, l.now, l.now+l.d.cfg.Retry
	l.hasten(c)
}

// giveUp lets the message at the head go: this client can not have it.
func (l *lane) giveUp(c *client, why mqtt.ReasonCode) {
	d := c.out.head
	c.out.clear()
	switch {
	case d.Type == mqtt.TypePubrel:
		c.session.Completed(d.ID)
	case d.QoS == 1:
		c.session.Acked(d.ID, why)
	case d.QoS == 2:
		c.session.Received(d.ID, why)
	}
	c.hungry = true
}
