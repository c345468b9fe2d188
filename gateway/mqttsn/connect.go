package mqttsn

import (
	"bytes"
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

// opening is what is known of a client that connects.
type opening struct {
	request []byte          // the body of its CONNECT
	before  *broker.Session // of the client of the same id until now, still open
}

func (o *opening) abandon(ctx context.Context) {
	if o.before != nil {
		o.before.End(ctx, broker.End{How: broker.Lost, Will: true})
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
	if old := l.clients[m.ClientID]; old != nil && l.connectedAgain(old, m, p) {
		return
	}
	c := &client{lane: l, conn: p.conn, key: p.from, id: m.ClientID, clean: m.Clean, heard: l.now, pos: -1}
	c.keepAlive = time.Duration(m.Duration) * time.Second
	c.opening = &opening{request: bytes.Clone(p.body)}
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
	if c.key != p.from || c.opening == nil || !bytes.Equal(c.opening.request, p.body) || c.state != connecting && !c.fresh {
		return false
	}
	c.heard = l.now
	l.d.count.duplicates.Add(1)
	switch {
	case c.state == connecting:
		l.prompt(c, promptTopic)
	case m.Will:
		send(l, c.conn, c.key, mqttsn.WillTopicReq{})
	default:
		send(l, c.conn, c.key, mqttsn.Connack{})
	}
	return true
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
// broker moves it to c. One that sleeps has said that it would come back: its will is
// not due.
func (l *lane) supersede(old, c *client) {
	slept := old.state == asleep || old.state == awake
	l.drop(old)
	switch {
	case old.session != nil:
		c.opening.before = old.session
		if slept {
			old.session.SetWill(nil)
		}
	case old.opening != nil:
		c.opening.before = old.opening.before
	}
}

// open makes a client's session.
func (l *lane) open(c *client) {
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
	c.out, c.fresh, c.hungry = nil, true, true
	l.become(c, active)
	send(l, c.conn, c.key, mqttsn.Connack{})
	l.pump(c)
	l.hasten(c)
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
	if c.opening != nil {
		c.opening.abandon(l.ctx) // the broker has replaced it: only its end is told
		c.opening.before = nil
	}
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
