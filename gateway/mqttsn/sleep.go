package mqttsn

import (
	"time"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqttsn"
)

// disconnected takes DISCONNECT: the client goes, or sleeps for some time.
func (l *lane) disconnected(c *client, p *packet) {
	m, err := mqttsn.ReadDisconnect(p.body)
	if !l.sound(p, err) {
		return
	}
	reply(l, p, mqttsn.Disconnect{})
	if m.Duration == 0 {
		l.end(c, broker.End{How: broker.Clean})
		return
	}
	c.sleep = time.Duration(m.Duration) * time.Second
	if c.state == active {
		c.session.Asleep(true)
	}
	l.rest(c)
}

// rest lets a client sleep. What was under way waits for its next waking.
func (l *lane) rest(c *client) {
	l.become(c, asleep)
	if c.out != nil {
		c.out.putBack()
		if c.out.empty() {
			c.out = nil
		}
	}
	c.answers = answers{}
	l.due.set(c, c.deadline())
}

// pingreq takes PINGREQ: a sign of life, or a sleeping client that asks for what waits
// for it. One that says its id may have another address by now.
func (l *lane) pingreq(p *packet) {
	m, err := mqttsn.ReadPingreq(p.body)
	if !l.sound(p, err) {
		return
	}
	c := l.d.known.find(p.from)
	if m.ClientID != "" {
		c = l.clients[m.ClientID]
	}
	if c == nil || c.lane != l || c.state == connecting || c.state == casual {
		l.stranger(p, c)
		return
	}
	l.moveTo(c, p)
	c.fresh = false
	switch c.state {
	case asleep:
		l.become(c, awake)
		c.outbox().sent = 0
		c.hungry = true
		l.pump(c)
	case awake: // asked again: the end of the waking is the answer
		l.pump(c)
	default:
		reply(l, p, mqttsn.Pingresp{})
	}
}

// moveTo notes where a client was heard.
func (l *lane) moveTo(c *client, p *packet) {
	c.heard, c.conn = l.now, p.conn
	if c.key == p.from {
		return
	}
	if before := l.d.known.move(c, p.from); before != nil && before != c {
		before.mark(displaced)
	}
}

// drained ends a waking when nothing is left to send.
func (l *lane) drained(c *client) {
	o := c.out
	if c.state != awake || o.stage != idle || o.sent < l.d.cfg.MaxAwake && (c.hungry || !o.empty()) {
		return
	}
	send(l, c.conn, c.key, mqttsn.Pingresp{})
	l.rest(c)
}
