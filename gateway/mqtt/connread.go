package mqtt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

const (
	// burstBytes is how much is read at once, burstPackets how many publications are
	// handed over together.
	burstBytes   = 64 << 10
	burstPackets = 128
	// maxConnect bounds CONNECT, with its will, in bytes.
	maxConnect = 256 << 10
)

// scratch is what a reader works with while there is something to read.
type scratch struct {
	buf   []byte // burstBytes
	pubs  []broker.Publication
	acks  []byte
	comps []byte // PUBCOMPs, which wait for Settle
}

var scratches = sync.Pool{New: func() any {
	return &scratch{buf: make([]byte, burstBytes), pubs: make([]broker.Publication, 0, burstPackets)}
}}

// free gives the scratch back without what it borrowed.
func (s *scratch) free() {
	s.forget()
	s.acks, s.comps = s.acks[:0], s.comps[:0]
	if cap(s.acks) > burstBytes {
		s.acks = nil
	}
	scratches.Put(s)
}

func (s *scratch) forget() {
	for i := range s.pubs {
		s.pubs[i].Payload, s.pubs[i].Props = nil, mqtt.PublishProps{}
	}
	s.pubs = s.pubs[:0]
}

// feed takes in bytes that came. What is behind the last whole packet is kept in c.left.
func (c *conn) feed(s *scratch, b []byte) error {
	if len(c.left) > 0 {
		c.left = append(c.left, b...)
		b = c.left
	}
	for len(b) > 0 {
		if c.session == nil && b[0] != byte(mqtt.TypeConnect)<<4 {
			return errStranger
		}
		n, err := mqtt.Scan(b, c.longest())
		if err != nil {
			return c.fault(s, err)
		}
		if n == 0 {
			break
		}
		if err := c.take(s, b[:n]); err != nil {
			return c.fault(s, err)
		}
		b = b[n:]
	}
	if err := c.deliver(s); err != nil {
		return err
	}
	c.keep(b)
	return nil
}

// longest is how long a packet may be: not too long from whom we do not know yet.
func (c *conn) longest() int {
	if c.session == nil {
		return min(c.limits.packet, maxConnect)
	}
	return c.limits.packet
}

// fault ends reading: what came before err is done first.
func (c *conn) fault(s *scratch, err error) error {
	return errors.Join(c.deliver(s), c.done(s), err)
}

// keep remembers the beginning of a packet, with room that grows with what comes.
func (c *conn) keep(b []byte) {
	switch {
	case len(b) == 0:
		c.left = nil
	case len(c.left) == 0:
		c.left = append(c.left, b...)
	default: // b lies at its end
		c.left = c.left[:copy(c.left, b)]
	}
}

// prepend copies what is left into the scratch, unless it is the beginning of a long
// packet, and gives how much that is. Its user empties c.left once something came.
func (c *conn) prepend(s *scratch) int {
	if len(c.left) > burstBytes/2 {
		return 0
	}
	return copy(s.buf, c.left)
}

// done ends a burst: what is acknowledged is written.
func (c *conn) done(s *scratch) error {
	if len(s.comps) > 0 {
		if err := c.session.Settle(c.d.life); err != nil {
			return &mqtt.Error{Code: mqtt.ServerBusy, What: err.Error()}
		}
		s.acks = append(s.acks, s.comps...)
		s.comps = s.comps[:0]
	}
	err := c.flush(s.acks)
	s.acks = s.acks[:0]
	return err
}

// take takes one whole packet in.
func (c *conn) take(s *scratch, packet []byte) error {
	t := mqtt.TypeOf(packet[0])
	if c.session == nil {
		return c.connect(packet)
	}
	if t == mqtt.TypePublish {
		return c.publish(s, packet)
	}
	if err := c.deliver(s); err != nil { // in order
		return err
	}
	switch t {
	case mqtt.TypePuback, mqtt.TypePubrec, mqtt.TypePubrel, mqtt.TypePubcomp:
		return c.acknowledged(s, packet)
	case mqtt.TypeSubscribe:
		return c.subscribe(s, packet)
	case mqtt.TypeUnsubscribe:
		return c.unsubscribe(s, packet)
	case mqtt.TypePingreq:
		var p mqtt.Ping
		err := p.Parse(c.version, packet)
		s.acks = (&mqtt.Ping{Type: mqtt.TypePingresp}).Append(s.acks, c.version)
		return err
	case mqtt.TypeDisconnect:
		return c.disconnect(packet)
	}
	return &mqtt.Error{Code: mqtt.ProtocolError, Packet: t, What: "this is not for a client to say now"}
}

// errStranger: what came is not MQTT, or not its beginning. Nobody is answered.
var errStranger = errors.New("the first packet is not CONNECT")

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
	if c.version < mqtt.V5 && slices.ContainsFunc(s.pubs, notKept) {
		return &mqtt.Error{Code: mqtt.ServerBusy, Packet: mqtt.TypePublish, What: "a message cannot be kept at present"}
	}
	for i := range s.pubs {
		switch p := &s.pubs[i]; p.QoS {
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
func notKept(p broker.Publication) bool {
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
