package mqttclient

import (
	"cmp"
	"slices"

	"github.com/roost-iot/roost/wire/mqtt"
)

// enter makes l the connection and sends again what the one before left open.
func (c *Client) enter(l *link, ack *mqtt.Connack) {
	defer c.tellLarge()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link, c.version, c.sent = l, l.version, 0
	if !ack.SessionPresent {
		c.seen = nil
	}
	c.resume(ack.SessionPresent)
	if !c.made || !ack.SessionPresent {
		c.resubscribe(l)
	}
	for _, a := range c.asks {
		if a.id == 0 {
			c.send(l, a)
		}
	}
	if c.online != nil {
		close(c.online)
		c.online = nil
	}
	c.pump(l)
	c.flushLocked(l)
}

// resume puts what was on its way in front of what waits, in its old order.
func (c *Client) resume(present bool) {
	var back []*outgoing
	for _, o := range c.flight {
		if !o.onWay {
			continue // it stands in the queue still
		}
		o.onWay = false
		o.p.Dup = present
		back = append(back, o)
	}
	slices.SortFunc(back, func(a, b *outgoing) int { return cmp.Compare(a.order, b.order) })
	c.queue = append(back, c.queue...)
	for _, a := range c.asks {
		a.id = 0
	}
}

// leave takes l back after its end, for which err is the reason.
func (c *Client) leave(l *link, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == l {
		c.link = nil
		l.tellRoom()
	}
	return l.reason(err)
}

// id gives a packet id that is free; 0: none is. The caller holds c.mu.
func (c *Client) id() uint16 {
	for range 65535 {
		c.lastID++
		if c.lastID == 0 {
			c.lastID = 1
		}
		if c.flight[c.lastID] == nil && !slices.ContainsFunc(c.asks, func(a *ask) bool { return a.id == c.lastID }) {
			return c.lastID
		}
	}
	return 0
}
