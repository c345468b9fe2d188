package mqttsn

import (
	"hash/maphash"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
	"github.com/roost-iot/roost/wire/mqttsn"
)

// stranger takes a frame of somebody who is not connected; c is nil or casual.
func (l *lane) stranger(p *packet, c *client) {
	switch p.kind {
	case mqttsn.TypePublish:
		m, err := mqttsn.ReadPublish(p.body)
		if !l.sound(p, err) {
			return
		}
		if m.QoS == mqttsn.QoSMinus1 {
			l.unconnected(p, m, c)
			return
		}
		l.unknown(p)
	case mqttsn.TypeRegister, mqttsn.TypeSubscribe:
		if c == nil && l.insists(p) {
			l.adopt(p)
			return
		}
		l.unknown(p)
	case mqttsn.TypePubrel, mqttsn.TypeUnsubscribe, mqttsn.TypePingreq, mqttsn.TypeDisconnect,
		mqttsn.TypeWillTopicUpd, mqttsn.TypeWillMsgUpd:
		l.unknown(p)
	default: // an answer to nothing
		l.misplaced(p)
	}
}

// unknown tells a node that it is not connected (any more).
func (l *lane) unknown(p *packet) {
	if p.kind != mqttsn.TypeDisconnect {
		l.misplaced(p)
	}
	reply(l, p, mqttsn.Disconnect{})
}

// unconnected takes a message of QoS −1: on a predefined or a short topic, from a node
// that needs no connection. It becomes a client without subscriptions, which ends in
// silence.
func (l *lane) unconnected(p *packet, m mqttsn.Publish, c *client) {
	var t topics
	topic, ok := l.topicOf(&t, m.Kind, m.Topic)
	if !ok {
		l.misplaced(p)
		return
	}
	if c == nil {
		if c = l.makeUp(p, casual); c == nil {
			l.d.count.overrun.Add(1)
			return
		}
	}
	c.heard, c.conn = l.now, p.conn
	l.hand(c, m, topic)
}

// makeUp makes a client of somebody who never said CONNECT; nil: that is not possible
// now.
func (l *lane) makeUp(p *packet, s state) *client {
	if s == casual && l.d.casual.Load() >= int64(l.d.cfg.MaxCasual) {
		return nil
	}
	c := &client{lane: l, conn: p.conn, key: p.from, id: madeUp + p.from.String(), clean: true, heard: l.now, pos: -1, state: gone}
	var guest any
	if l.d.cfg.Admit != nil {
		var code mqtt.ReasonCode
		if guest, code = l.d.cfg.Admit(l.ctx, c.id, c.key.String()); code.Failed() {
			return nil
		}
	}
	if before, ok := l.d.known.put(c); !ok || before != nil {
		l.d.known.remove(c)
		return nil
	}
	if _, err := l.attach(c, guest); err != nil {
		l.d.known.remove(c)
		return nil
	}
	l.clients[c.id] = c
	l.become(c, s)
	l.hasten(c)
	return c
}

// strangers are those who were told DISCONNECT a short while ago, and what they had
// said.
type strangers struct {
	seen map[key]told
}

type told struct {
	what uint64
	at   time.Duration
}

// maxStrangers are remembered in one lane.
const maxStrangers = 256

// insists tells whether somebody who was told that it is not connected says the same
// again. emcute does: it does not look at DISCONNECT, and no node that waits for a
// restart of its gateway ever connects anew.
func (l *lane) insists(p *packet) bool {
	if l.d.cfg.Strict {
		return false
	}
	what := maphash.Bytes(l.d.seed, p.body)
	if before, ok := l.strangers.seen[p.from]; ok && before.what == what {
		delete(l.strangers.seen, p.from)
		return l.now-before.at <= 2*l.patience()
	}
	if l.strangers.seen == nil || len(l.strangers.seen) >= maxStrangers {
		l.strangers.seen = map[key]told{}
	}
	l.strangers.seen[p.from] = told{what, l.now}
	return false
}

// adopt takes in a node that believes to be connected.
func (l *lane) adopt(p *packet) {
	c := l.makeUp(p, active)
	if c == nil {
		l.unknown(p)
		return
	}
	l.d.count.adopted.Add(1)
	l.d.log.Info("MQTT-SN node taken in that did not connect", "protocol", protocol, "remote", c.key)
	// It would not notice that it is lost, so it is asked early and often.
	c.keepAlive = 6 * time.Minute
	l.serve(c, p)
}
