package mqtt

import (
	"errors"
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
