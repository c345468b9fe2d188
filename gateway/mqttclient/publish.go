package mqttclient

import (
	"bytes"
	"context"
	"slices"

	"github.com/roost-iot/roost/wire/mqtt"
)

// outgoing is a message of QoS 1 or 2 until it is acknowledged.
type outgoing struct {
	p        mqtt.Publish
	order    uint64
	onWay    bool // it was sent on this connection; else it stands in the queue
	released bool // QoS 2: PUBREC came
	done     func(error)
}

func (o *outgoing) finish(err error) {
	if o.done != nil {
		o.done(err)
	}
}

// Publish sends a message. With QoS 1 and 2 it waits until the broker has it, over as
// many connections as that takes; once ctx ends it may still arrive. With QoS 0 it
// fails with ErrOffline while there is no connection. What the broker refuses is an
// *mqtt.Error.
func (c *Client) Publish(ctx context.Context, p *mqtt.Publish) error {
	if p.QoS == 0 {
		return c.publishNow(ctx, p, true)
	}
	answer := make(chan error, 1)
	o, err := c.enqueue(p, func(err error) { answer <- err })
	if err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		c.abandon(o)
		return ctx.Err()
	}
}

// Enqueue is Publish that does not wait for the broker: done, which may be nil, is
// told, in the reading goroutine and maybe before Enqueue returns. With QoS 0 done is
// not called.
func (c *Client) Enqueue(p *mqtt.Publish, done func(error)) error {
	if p.QoS == 0 {
		return c.publishNow(context.Background(), p, false)
	}
	_, err := c.enqueue(p, done)
	return err
}

func check(p *mqtt.Publish) error {
	if p.QoS > 2 {
		return &mqtt.Error{Code: mqtt.QoSNotSupported, Packet: mqtt.TypePublish, What: "there is no QoS above 2"}
	}
	return mqtt.ValidTopic(p.Topic)
}

// publishNow writes a message of QoS 0. While too much waits to be written, it waits
// or, if it may not, fails with ErrFull.
func (c *Client) publishNow(ctx context.Context, p *mqtt.Publish, mayWait bool) error {
	if err := check(p); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.link
	for ; l != nil && len(l.out) > mostOut; l = c.link {
		if !mayWait {
			return ErrFull
		}
		if err := c.awaitRoom(ctx, l); err != nil {
			return err
		}
	}
	if l == nil {
		return ErrOffline
	}
	if l.maxPacket > 0 && p.Size(l.version) > l.maxPacket {
		return tooLarge()
	}
	l.append(p)
	c.flushLocked(l)
	return nil
}

func tooLarge() error {
	return &mqtt.Error{Code: mqtt.PacketTooLarge, Packet: mqtt.TypePublish, What: "the broker does not take messages of this size"}
}

// awaitRoom waits with c.mu released.
func (c *Client) awaitRoom(ctx context.Context, l *link) error {
	if l.room == nil {
		l.room = make(chan struct{})
	}
	room := l.room
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) enqueue(p *mqtt.Publish, done func(error)) (*outgoing, error) {
	if err := check(p); err != nil {
		return nil, err
	}
	o := &outgoing{p: *p, done: done}
	o.p.Payload = bytes.Clone(p.Payload)
	o.p.Props.CorrelationData = bytes.Clone(p.Props.CorrelationData)
	o.p.ID, o.p.Dup = 0, false
	defer c.tellLarge()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended:
		return nil, ErrClosed
	case len(c.queue) >= c.o.Queue:
		return nil, ErrFull
	}
	c.order++
	o.order = c.order
	c.queue = append(c.queue, o)
	if l := c.link; l != nil {
		c.pump(l)
		c.flushLocked(l)
	}
	return o, nil
}

// abandon takes back a message that nobody waits for any more, unless it was sent.
func (c *Client) abandon(o *outgoing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.queue, o); i >= 0 && o.p.ID == 0 {
		c.queue = slices.Delete(c.queue, i, i+1)
	}
}

// pump sends what waits, as much as may be on its way. The caller holds c.mu.
func (c *Client) pump(l *link) {
	n := 0
	for n < len(c.queue) && c.sent < l.inflight {
		o := c.queue[n]
		if l.maxPacket > 0 && o.p.Size(l.version) > l.maxPacket {
			delete(c.flight, o.p.ID)
			c.large = append(c.large, o)
			n++
			continue
		}
		if o.p.ID == 0 {
			if o.p.ID = c.id(); o.p.ID == 0 {
				break
			}
		}
		if c.flight == nil {
			c.flight = map[uint16]*outgoing{}
		}
		c.flight[o.p.ID] = o
		o.onWay = true
		c.sent++
		if o.released {
			l.append(&mqtt.Ack{Type: mqtt.TypePubrel, ID: o.p.ID})
		} else {
			l.append(&o.p)
		}
		n++
	}
	clear(c.queue[:n])
	if c.queue = c.queue[n:]; len(c.queue) == 0 {
		c.queue = nil
	}
}

// tellLarge fails messages that are too large for the broker of now.
func (c *Client) tellLarge() {
	c.mu.Lock()
	large := c.large
	c.large = nil
	c.mu.Unlock()
	for _, o := range large {
		o.finish(tooLarge())
	}
}

// acked takes PUBACK, PUBREC, PUBREL and PUBCOMP. What they cause is written when the
// reader has nothing more to read.
func (c *Client) acked(l *link, a *mqtt.Ack) {
	c.mu.Lock()
	if a.Type == mqtt.TypePubrel {
		delete(c.seen, a.ID)
		l.append(&mqtt.Ack{Type: mqtt.TypePubcomp, ID: a.ID})
		c.mu.Unlock()
		return
	}
	o := c.flight[a.ID]
	switch {
	case o == nil || !o.onWay:
		if a.Type == mqtt.TypePubrec {
			l.append(&mqtt.Ack{Type: mqtt.TypePubrel, ID: a.ID, Code: mqtt.PacketIDNotFound})
		}
		o = nil
	case a.Type == mqtt.TypePubrec && !a.Code.Failed():
		o.released = true
		l.append(&mqtt.Ack{Type: mqtt.TypePubrel, ID: a.ID})
		o = nil
	default:
		delete(c.flight, a.ID)
		c.sent--
		c.pump(l)
	}
	c.mu.Unlock()
	c.tellLarge()
	if o == nil {
		return
	}
	var err error
	if a.Code.Failed() && !o.released {
		err = &mqtt.Error{Code: a.Code, Packet: a.Type, What: "the broker does not take the message" + because(a.Reason)}
	}
	o.finish(err)
}

// arrived hands a message over and acknowledges it.
func (c *Client) arrived(l *link, p *mqtt.Publish) {
	if (p.QoS < 2 || c.first(p.ID)) && c.o.Handle != nil {
		c.o.Handle(p)
	}
	if p.QoS == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == l {
		c.acknowledge(l, p)
	}
}
