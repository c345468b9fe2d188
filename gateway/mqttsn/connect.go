package mqttsn

import (
	"context"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
	"github.com/roost-iot/roost/wire/mqttsn"
)

const (
	// maxID is how long a client id may be; the standard has 23.
	maxID = 256
	// madeUp begins the ids of those who never said theirs.
	madeUp = "mqtt-sn@"
)

// stale is how long after its CONNECT the same one is taken for a repetition that the
// network was slow with. A node that restarts takes longer.
const stale = 5 * time.Second

// abandon ends the session of the client of the same id before c.
func (c *client) abandon(ctx context.Context) {
	if c.before != nil {
		c.before.End(ctx, broker.End{How: broker.Lost, Will: true})
		c.before = nil
	}
}

// connect takes CONNECT.
func (l *lane) connect(p *packet) {
	m, err := mqttsn.ReadConnect(p.body)
	if err == nil && (len(m.ClientID) > maxID || strings.IndexByte(m.ClientID, 0) >= 0 || strings.HasPrefix(m.ClientID, madeUp)) {
		err = errID
	}
	if !l.sound(p, err) {
		l.refuse(p.conn, p.from, mqttsn.NotSupported)
		return
	}
	if old := l.clients[m.ClientID]; old != nil && (l.connectedAgain(old, m, p) || l.cameBack(old, m, p)) {
		return
	}
	c := &client{lane: l, conn: p.conn, key: p.from, id: m.ClientID, clean: m.Clean, heard: l.now, pos: -1}
	c.keepAlive = time.Duration(m.Duration) * time.Second
	c.request, c.opened = l.request(p), l.now
	if !l.settle(c) {
		l.refuse(p.conn, p.from, mqttsn.Congestion)
		return
	}
	if m.Will {
		l.prompt(c, promptTopic)
		return
	}
	l.open(c)
}

var errID = roost.Errorf(roost.Invalid, "the client id is too long, or not allowed")

func (l *lane) refuse(by Conn, to key, code mqttsn.ReturnCode) {
	l.d.count.refused.Add(1)
	send(l, by, to, mqttsn.Connack{Code: code})
}

// connectedAgain answers a CONNECT that came twice: its answer was lost.
func (l *lane) connectedAgain(c *client, m mqttsn.Connect, p *packet) bool {
	if c.key != p.from || c.request != l.request(p) {
		return false
	}
	if c.state != connecting && (c.state != active || !c.fresh && l.now-c.opened >= stale) {
		return false
	}
	c.heard, c.opened = l.now, l.now
	l.d.count.duplicates.Add(1)
	switch {
	case c.state == connecting:
		l.prompt(c, promptTopic)
	case m.Will:
		c.fresh = true // should it be a restart after all, the will follows
		send(l, c.conn, c.key, mqttsn.WillTopicReq{})
	default:
		send(l, c.conn, c.key, mqttsn.Connack{})
	}
	return true
}

// cameBack makes a client that slept active again: without the clean flag, all that it
// had goes on, whatever it said when it first came.
func (l *lane) cameBack(c *client, m mqttsn.Connect, p *packet) bool {
	if m.Clean || c.state != asleep && c.state != awake {
		return false
	}
	l.moveTo(c, p)
	c.keepAlive = time.Duration(m.Duration) * time.Second
	c.request, c.opened = l.request(p), l.now
	c.outbox().putBack()
	l.become(c, connecting)
	if m.Will {
		l.prompt(c, promptTopic)
		return true
	}
	l.reopen(c)
	return true
}

// reopen ends the sleep of a client.
func (l *lane) reopen(c *client) {
	c.out.clear()
	c.session.SetWill(c.will)
	c.session.Asleep(false)
	l.welcome(c)
}

// welcome tells a client that it is connected.
func (l *lane) welcome(c *client) {
	c.fresh, c.hungry = true, true
	l.become(c, active)
	send(l, c.conn, c.key, mqttsn.Connack{})
	l.pump(c)
	l.hasten(c)
}

// settle gives a new client its place, where there may be others: one at the same
// address, and one of the same id.
func (l *lane) settle(c *client) bool {
	before, ok := l.d.known.put(c)
	if !ok {
		return false
	}
	old := l.clients[c.id]
	if before != nil && before != old {
		before.mark(displaced)
	}
	if old != nil {
		l.supersede(old, c)
	}
	l.clients[c.id] = c
	return true
}

// supersede lets a client go because it connects anew. Its session stays open until the
// broker moves it to c. One that slept has said that it would come: its will is not due.
func (l *lane) supersede(old, c *client) {
	slept := old.state == asleep || old.state == awake
	l.drop(old)
	switch {
	case old.session != nil:
		c.before = old.session
		if slept {
			old.session.SetWill(nil)
		}
	default:
		c.before = old.before
	}
}

// open makes a client's session.
func (l *lane) open(c *client) {
	if c.session != nil {
		l.reopen(c)
		return
	}
	var guest any
	if l.d.cfg.Admit != nil {
		var code mqtt.ReasonCode
		if guest, code = l.d.cfg.Admit(l.ctx, c.id, c.key.String()); code.Failed() {
			l.turnAway(c, returnCode(code))
			return
		}
	}
	past := l.recall(c.id)
	if !c.clean && c.will == nil { // 6.3: the will of before is kept
		c.will = past.will
	}
	present, err := l.attach(c, guest)
	if present {
		c.topics = past.topics
	} else {
		l.forgetTopics(&past.topics)
	}
	if err != nil {
		l.d.log.Warn("MQTT-SN client not connected", "protocol", protocol, "remote", c.key, "err", err)
		l.turnAway(c, mqttsn.Congestion)
		return
	}
	c.out = nil
	l.welcome(c)
}

// attach connects a client to the broker. Until then the connection before it stands,
// so that the broker sees one client move on.
func (l *lane) attach(c *client, guest any) (present bool, err error) {
	expiry := uint32(mqtt.NoExpiry)
	if c.clean {
		expiry = 0
	}
	c.session, present, err = l.d.broker.Connect(l.ctx, broker.Connect{
		Client: &broker.Client{
			ID: c.id, Version: mqtt.V311, Protocol: roost.MQTTSN, Remote: c.key.String(), Guest: guest,
		},
		Peer: c, CleanStart: c.clean, Expiry: expiry, Will: c.will,
		ReceiveMaximum: 1, // nodes handle one message at a time
	})
	if err != nil {
		c.session = nil
		return false, err
	}
	c.abandon(l.ctx) // the broker has replaced it: only its end is told
	return present, nil
}

// turnAway refuses a client that has its place already.
func (l *lane) turnAway(c *client, code mqttsn.ReturnCode) {
	l.refuse(c.conn, c.key, code)
	l.end(c, broker.End{How: broker.Lost})
}

// returnCode says a refusal in MQTT-SN's few words.
func returnCode(r mqtt.ReasonCode) mqttsn.ReturnCode {
	switch r {
	case mqtt.TopicNameInvalid:
		return mqttsn.InvalidTopicID
	case mqtt.QuotaExceeded, mqtt.ServerBusy, mqtt.ServerUnavailable, mqtt.ServerShuttingDown, mqtt.ImplementationError,
		mqtt.UnspecifiedError, mqtt.ReceiveMaximumExceeded, mqtt.MessageRateTooHigh, mqtt.ConnectionRateExceeded:
		return mqttsn.Congestion
	}
	if r.Failed() {
		return mqttsn.NotSupported
	}
	return mqttsn.Accepted
}
