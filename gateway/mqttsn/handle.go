package mqttsn

import (
	"github.com/roost-iot/roost/wire/mqttsn"
)

// handle does what a frame asks for.
func (l *lane) handle(p *packet) {
	switch p.kind {
	case mqttsn.TypeConnect:
		l.connect(p)
		return
	case mqttsn.TypePingreq:
		l.pingreq(p)
		return
	case mqttsn.TypeSearchGW:
		if _, err := mqttsn.ReadSearchGW(p.body); err == nil {
			reply(l, p, mqttsn.GWInfo{Gateway: l.d.cfg.GatewayID})
		}
		return
	}
	c := l.d.known.find(p.from)
	switch {
	case c == nil:
		l.stranger(p, nil)
		return
	case c.lane != l: // it came to that address since
		l.misplaced(p)
		return
	case c.state == casual:
		l.stranger(p, c)
		return
	}
	c.heard, c.conn = l.now, p.conn
	if c.state == connecting {
		l.introduce(c, p)
		return
	}
	l.serve(c, p)
}

// serve does what a connected client says.
func (l *lane) serve(c *client, p *packet) {
	if c.fresh && !l.introducedAgain(c, p) {
		c.fresh = false
	}
	switch p.kind {
	case mqttsn.TypeRegister:
		l.register(c, p)
	case mqttsn.TypePublish:
		l.publish(c, p)
	case mqttsn.TypePubrel:
		l.pubrel(c, p)
	case mqttsn.TypeSubscribe:
		l.subscribe(c, p)
	case mqttsn.TypeUnsubscribe:
		l.unsubscribe(c, p)
	case mqttsn.TypeDisconnect:
		l.disconnected(c, p)
	case mqttsn.TypeWillTopicUpd:
		l.willTopicUpd(c, p)
	case mqttsn.TypeWillMsgUpd:
		l.willMsgUpd(c, p)
	case mqttsn.TypePingresp: // that it was heard is all it says
	case mqttsn.TypeRegack, mqttsn.TypePuback, mqttsn.TypePubrec, mqttsn.TypePubcomp:
		l.answered(c, p)
	default:
		if !c.fresh {
			l.misplaced(p)
		}
	}
}

// misplaced counts a frame that makes no sense where it came.
func (l *lane) misplaced(p *packet) {
	l.d.count.misplaced.Add(1)
	l.d.log.Debug("MQTT-SN frame in the wrong state", "protocol", protocol, "remote", p.from, "frame", p.kind)
}

// sound counts a frame that is none, and says whether it was one.
func (l *lane) sound(p *packet, err error) bool {
	if err != nil {
		l.d.malformed(p.from, err)
	}
	return err == nil
}
