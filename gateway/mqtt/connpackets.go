package mqtt

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// publish adds a publication to those that are handed over together.
func (c *conn) publish(s *scratch, packet []byte) error {
	n := len(s.pubs)
	s.pubs = s.pubs[:n+1]
	p := &s.pubs[n]
	p.Topic = c.topic
	if err := p.Parse(c.version, packet); err != nil {
		s.pubs = s.pubs[:n]
		return err
	}
	if err := c.resolve(&p.Publish); err != nil {
		s.pubs = s.pubs[:n]
		return err
	}
	c.topic = p.Topic
	if n+1 == cap(s.pubs) {
		return c.deliver(s)
	}
	return nil
}

// resolve puts a topic for its alias.
func (c *conn) resolve(p *mqtt.Publish) error {
	if c.version != mqtt.V5 {
		return nil
	}
	if len(p.Props.SubscriptionIDs) > 0 {
		return &mqtt.Error{Code: mqtt.ProtocolError, Packet: mqtt.TypePublish, What: "a subscription identifier is not for a client to say"}
	}
	alias := p.Props.TopicAlias
	switch {
	case alias == 0:
		return nil
	case alias > c.limits.alias:
		return &mqtt.Error{Code: mqtt.TopicAliasInvalid, Packet: mqtt.TypePublish, What: "a topic alias above the maximum"}
	case c.aliases == nil:
		c.aliases = make([]string, c.limits.alias)
	}
	known := &c.aliases[alias-1]
	switch {
	case p.Topic != "":
		*known = p.Topic
	case *known == "":
		return &mqtt.Error{Code: mqtt.ProtocolError, Packet: mqtt.TypePublish, What: "a topic alias that stands for nothing yet"}
	default:
		p.Topic = *known
	}
	return nil
}

// deliver hands the publications over, and acknowledges them when that is done.
func (c *conn) deliver(s *scratch) error {
	if len(s.pubs) == 0 {
		return nil
	}
	defer s.forget()
	if err := c.session.Publish(c.d.life, s.pubs); err != nil {
		if _, ok := errors.AsType[*mqtt.Error](err); ok {
			return err
		}
		return &mqtt.Error{Code: mqtt.ServerBusy, Packet: mqtt.TypePublish, What: err.Error()}
	}
	before := len(s.acks)
	for i := range s.pubs {
		p := &s.pubs[i]
		if c.version < mqtt.V5 && notKept(p) {
			s.acks = s.acks[:before]
			return &mqtt.Error{Code: mqtt.ServerBusy, Packet: mqtt.TypePublish, What: "a message cannot be kept at present"}
		}
		switch p.QoS {
		case 1:
			s.acks = mqtt.AppendAck(s.acks, c.version, mqtt.TypePuback, p.ID, p.Reason)
		case 2:
			s.acks = mqtt.AppendAck(s.acks, c.version, mqtt.TypePubrec, p.ID, p.Reason)
		}
	}
	return nil
}

// notKept tells a message that its sender still has to answer for. The older versions
// have no acknowledgement that says so: without one they send it again.
func notKept(p *broker.Publication) bool {
	return p.QoS > 0 && p.Reason == mqtt.ImplementationError
}

// acknowledged takes the four packets that acknowledge messages. Of MQTT 5's only
// those with more than a packet id need a closer look.
func (c *conn) acknowledged(s *scratch, packet []byte) error {
	a := mqtt.Ack{Type: mqtt.TypeOf(packet[0])}
	if len(packet) == 4 && packet[1] == 2 && plainFlags(packet[0]) {
		a.ID = binary.BigEndian.Uint16(packet[2:])
	}
	if a.ID == 0 {
		if err := a.Parse(c.version, packet); err != nil {
			return err
		}
	}
	switch a.Type {
	case mqtt.TypePuback:
		c.session.Acked(a.ID, a.Code)
	case mqtt.TypePubrec:
		c.session.Received(a.ID, a.Code)
	case mqtt.TypePubcomp:
		c.session.Completed(a.ID)
	case mqtt.TypePubrel:
		s.comps = mqtt.AppendAck(s.comps, c.version, mqtt.TypePubcomp, a.ID, c.session.Release(a.ID))
	}
	return nil
}

// plainFlags says that the first byte of an acknowledgement is as it should be.
func plainFlags(first byte) bool {
	return first&15 == 0 && first>>4 != byte(mqtt.TypePubrel) || first == byte(mqtt.TypePubrel)<<4|2
}

func (c *conn) subscribe(s *scratch, packet []byte) error {
	var p mqtt.Subscribe
	if err := p.Parse(c.version, packet); err != nil {
		return err
	}
	if c.bridge { // it would hear what it says, and cannot say so itself
		for i := range p.Subscriptions {
			p.Subscriptions[i].NoLocal, p.Subscriptions[i].RetainAsPublished = true, true
		}
	}
	codes := c.session.Subscribe(c.d.life, p.Subscriptions, p.SubscriptionID)
	s.acks = (&mqtt.Suback{ID: p.ID, Codes: codes}).Append(s.acks, c.version)
	return nil
}

func (c *conn) unsubscribe(s *scratch, packet []byte) error {
	var p mqtt.Unsubscribe
	if err := p.Parse(c.version, packet); err != nil {
		return err
	}
	codes := c.session.Unsubscribe(c.d.life, p.Filters)
	s.acks = (&mqtt.Unsuback{ID: p.ID, Codes: codes}).Append(s.acks, c.version)
	return nil
}

// disconnect ends the reading in good order.
func (c *conn) disconnect(packet []byte) error {
	var p mqtt.Disconnect
	if err := p.Parse(c.version, packet); err != nil {
		return err
	}
	if p.HasSessionExpiry && p.SessionExpiry > 0 && !c.expires {
		return &mqtt.Error{Code: mqtt.ProtocolError, Packet: mqtt.TypeDisconnect, What: "a session that was to end with the connection cannot be kept now"}
	}
	c.farewell = broker.End{How: broker.Clean, Will: p.Code == mqtt.DisconnectWithWill, HasExpiry: p.HasSessionExpiry, Expiry: p.SessionExpiry}
	if p.Code.Failed() {
		c.farewell = broker.End{How: broker.Lost, Will: true, HasExpiry: p.HasSessionExpiry, Expiry: p.SessionExpiry}
		c.d.log.Debug("MQTT client gives up", "thing", c.id(), "remote", c.remote, "err", fmt.Errorf("%v: %s", p.Code, p.Reason))
	}
	return errDone
}
