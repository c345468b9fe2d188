package broker_test

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// party is a client as the standard wants it, with its line to the broker: packets wait
// in both directions, and are lost when the line breaks.
type party struct {
	id      string
	version mqtt.Version
	session *broker.Session // nil: no line
	peer    *peer
	window  int
	up      []packet // to the broker
	down    []packet // to the client

	// What the client keeps as long as its session does.
	next   uint16
	out    []*packet // PUBLISH and PUBREL not completed, in order
	unread map[uint16]bool

	// What the broker has sent on this line and the client has not acknowledged.
	flying map[uint16]byte
}

// packet is PUBLISH or one of its acknowledgements.
type packet struct {
	kind   mqtt.Type
	pub    mqtt.Publish
	id     uint16
	code   mqtt.ReasonCode
	sentAs *modelMessage
	retain bool
}

func (p *party) forget() { p.out, p.unread = nil, map[uint16]bool{} }

// attach begins a line: the client sends again what was not completed.
func (p *party) attach(s *broker.Session, w *peer, window int) {
	p.session, p.peer, p.window = s, w, window
	p.up, p.down, p.flying = nil, nil, map[uint16]byte{}
	for _, o := range p.out {
		again := *o
		again.pub.Dup = true
		p.up = append(p.up, again)
	}
}

// send makes the client publish.
func (p *party) send(m *modelMessage, pub mqtt.Publish, retain bool) {
	pk := packet{kind: mqtt.TypePublish, pub: pub, sentAs: m, retain: retain}
	if pub.QoS > 0 {
		p.next = p.next%9 + 1 // few: they come again soon
		for slices.ContainsFunc(p.out, func(o *packet) bool { return o.id == p.next }) {
			if p.next = p.next%9 + 1; len(p.out) >= 9 {
				return
			}
		}
		pk.id, pk.pub.ID = p.next, p.next
		kept := pk
		p.out = append(p.out, &kept)
	}
	p.up = append(p.up, pk)
}

// serve lets the broker read one packet.
func (p *party) serve(ctx context.Context, m *model) error {
	pk := p.up[0]
	p.up = p.up[1:]
	s := m.sessions[p.id]
	answer := packet{id: pk.id}
	switch pk.kind {
	case mqtt.TypePublish:
		pubs := []broker.Publication{{Publish: pk.pub}}
		if err := p.session.Publish(ctx, pubs); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		if pk.pub.QoS < 2 || !s.inbound[pk.id] {
			m.publish(pk.sentAs, pk.retain)
		}
		switch pk.pub.QoS {
		case 0:
			return nil
		case 1:
			answer.kind = mqtt.TypePuback
		case 2:
			s.inbound[pk.id] = true
			answer.kind = mqtt.TypePubrec
		}
	case mqtt.TypePubrel:
		answer.kind, answer.code = mqtt.TypePubcomp, p.session.Release(pk.id)
		if (answer.code == mqtt.Success) != s.inbound[pk.id] {
			return fmt.Errorf("PUBREL of %d: %v, but it is there: %v", pk.id, answer.code, s.inbound[pk.id])
		}
		delete(s.inbound, pk.id)
		if err := p.session.Settle(ctx); err != nil {
			return fmt.Errorf("settle: %w", err)
		}
	case mqtt.TypePuback:
		delete(p.flying, pk.id)
		p.session.Acked(pk.id, 0)
		return nil
	case mqtt.TypePubrec:
		p.session.Received(pk.id, 0)
		return nil
	case mqtt.TypePubcomp:
		delete(p.flying, pk.id)
		p.session.Completed(pk.id)
		return nil
	}
	p.down = append(p.down, answer)
	return nil
}

// take lets the broker write what it has.
func (p *party) take(s *modelSession, n int) error {
	row, _ := p.session.Take(make([]broker.Delivery, 0, n), 1<<20)
	for _, d := range row {
		if d.Type == mqtt.TypePubrel {
			p.flying[d.ID] = 2
			p.down = append(p.down, packet{kind: mqtt.TypePubrel, id: d.ID})
			continue
		}
		pk := packet{kind: mqtt.TypePublish, id: d.ID}
		if err := pk.pub.Parse(p.version, d.Append(nil, p.version)); err != nil {
			return fmt.Errorf("packet: %w", err)
		}
		if d.QoS > 0 {
			if p.flying[d.ID] != 0 {
				return fmt.Errorf("packet id %d of %q is in use: %v", d.ID, d.Message.Payload, p.flying)
			}
			key := fmt.Sprintf("%p %d", d.Message, d.ID)
			if again := s.sent[key]; again != d.Dup && !s.restarted {
				return fmt.Errorf("%q: DUP is %v, but it was sent before: %v", d.Message.Payload, d.Dup, again)
			}
			s.sent[key] = true
			p.flying[d.ID] = d.QoS
			if len(p.flying) > p.window {
				return fmt.Errorf("%d on their way with a receive maximum of %d: %v", len(p.flying), p.window, slices.Sorted(maps.Keys(p.flying)))
			}
		}
		p.down = append(p.down, pk)
	}
	return nil
}

// read lets the client read one packet and answer.
func (p *party) read(s *modelSession) error {
	pk := p.down[0]
	p.down = p.down[1:]
	switch pk.kind {
	case mqtt.TypePublish:
		return p.readPublish(s, pk)
	case mqtt.TypePubrel:
		delete(p.unread, pk.id)
		p.up = append(p.up, packet{kind: mqtt.TypePubcomp, id: pk.id})
	case mqtt.TypePuback, mqtt.TypePubcomp:
		p.out = slices.DeleteFunc(p.out, func(o *packet) bool { return o.id == pk.id })
	case mqtt.TypePubrec:
		for _, o := range p.out {
			if o.id == pk.id {
				*o = packet{kind: mqtt.TypePubrel, id: pk.id}
				p.up = append(p.up, *o)
			}
		}
	}
	return nil
}

func (p *party) readPublish(s *modelSession, pk packet) error {
	switch pk.pub.QoS {
	case 1:
		p.up = append(p.up, packet{kind: mqtt.TypePuback, id: pk.id})
	case 2:
		p.up = append(p.up, packet{kind: mqtt.TypePubrec, id: pk.id})
		if p.unread[pk.id] {
			return nil
		}
		p.unread[pk.id] = true
	}
	return s.arrives(&pk.pub)
}

// GoString is how a failure of the property names it.
func (p *party) GoString() string { return p.id }
