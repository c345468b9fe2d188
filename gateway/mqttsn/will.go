package mqttsn

import (
	"bytes"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
	"github.com/roost-iot/roost/wire/mqttsn"
)

// prompt asks a client that connects for a part of its will.
func (l *lane) prompt(c *client, s stage) {
	c.outbox().stage = s
	l.arm(c)
	l.promptAgain(c)
}

func (l *lane) promptAgain(c *client) {
	if c.out.stage == promptTopic {
		send(l, c.conn, c.key, mqttsn.WillTopicReq{})
		return
	}
	send(l, c.conn, c.key, mqttsn.WillMsgReq{})
}

// introduce takes what a client says that is connecting.
func (l *lane) introduce(c *client, p *packet) {
	switch p.kind {
	case mqttsn.TypeWillTopic:
		l.willTopic(c, p)
	case mqttsn.TypeWillMsg:
		m, err := mqttsn.ReadWillMsg(p.body)
		if !l.sound(p, err) {
			return
		}
		if c.out.stage != promptMsg {
			l.misplaced(p)
			return
		}
		c.will.Payload = bytes.Clone(m.Message)
		l.open(c)
	case mqttsn.TypeDisconnect:
		reply(l, p, mqttsn.Disconnect{})
		l.end(c, broker.End{How: broker.Lost})
	default:
		l.misplaced(p)
	}
}

// willTopic takes WILLTOPIC. An empty one means that there is no will after all.
func (l *lane) willTopic(c *client, p *packet) {
	m, err := mqttsn.ReadWillTopic(p.body)
	if err == nil && m.Topic != "" {
		err = mqtt.ValidTopic(m.Topic)
	}
	switch {
	case !l.sound(p, err):
		l.turnAway(c, mqttsn.NotSupported)
	case m.Topic == "":
		c.will = nil
		l.open(c)
	default:
		c.will = &mqtt.Will{Topic: m.Topic, QoS: byte(m.QoS), Retain: m.Retain}
		l.prompt(c, promptMsg)
	}
}

// introducedAgain answers WILLTOPIC and WILLMSG that come again just after the client
// was connected: the answer was lost.
func (l *lane) introducedAgain(c *client, p *packet) bool {
	switch p.kind {
	case mqttsn.TypeWillTopic:
		reply(l, p, mqttsn.WillMsgReq{})
	case mqttsn.TypeWillMsg:
		reply(l, p, mqttsn.Connack{})
	default:
		return false
	}
	l.d.count.duplicates.Add(1)
	return true
}

// willTopicUpd takes WILLTOPICUPD: another topic, or none and so no will.
func (l *lane) willTopicUpd(c *client, p *packet) {
	m, err := mqttsn.ReadWillTopicUpd(p.body)
	if err == nil && m.Topic != "" {
		err = mqtt.ValidTopic(m.Topic)
	}
	if !l.sound(p, err) {
		reply(l, p, mqttsn.WillTopicResp{Code: mqttsn.NotSupported})
		return
	}
	var w *mqtt.Will
	if m.Topic != "" {
		w = &mqtt.Will{Topic: m.Topic, QoS: byte(m.QoS), Retain: m.Retain}
		if c.will != nil {
			w.Payload = c.will.Payload
		}
	}
	l.changeWill(c, w)
	reply(l, p, mqttsn.WillTopicResp{})
}

// willMsgUpd takes WILLMSGUPD. A client without a will has nothing to change.
func (l *lane) willMsgUpd(c *client, p *packet) {
	m, err := mqttsn.ReadWillMsgUpd(p.body)
	if !l.sound(p, err) || c.will == nil {
		reply(l, p, mqttsn.WillMsgResp{Code: mqttsn.NotSupported})
		return
	}
	w := *c.will
	w.Payload = bytes.Clone(m.Message)
	l.changeWill(c, &w)
	reply(l, p, mqttsn.WillMsgResp{})
}

func (l *lane) changeWill(c *client, w *mqtt.Will) {
	c.will = w
	c.session.SetWill(w)
}
