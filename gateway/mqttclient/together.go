package mqttclient

import "github.com/roost-iot/roost/wire/mqtt"

// mostTogether bounds what HandleAll is given at once.
const mostTogether = 256

// together hands over a message and those that have come whole behind it. What was
// before a malformed one is handed over all the same.
func (l *link) together(packet []byte) error {
	var all []*mqtt.Publish
	var err error
	for packet != nil {
		p := new(mqtt.Publish)
		if err = p.Parse(l.version, packet); err != nil {
			break
		}
		all = append(all, p)
		packet = nil
		if have := l.in[l.from:]; len(all) < mostTogether && len(have) > 0 && mqtt.TypeOf(have[0]) == mqtt.TypePublish {
			if n, scanErr := mqtt.Scan(have, l.c.o.MaxPacket); scanErr == nil && n > 0 { // else next tells
				packet = have[:n]
				l.from += n
			}
		}
	}
	l.c.arrivedTogether(l, all)
	return err
}

// arrivedTogether hands messages over and acknowledges them.
func (c *Client) arrivedTogether(l *link, all []*mqtt.Publish) {
	fresh := make([]*mqtt.Publish, 0, len(all))
	for _, p := range all {
		if p.QoS < 2 || c.first(p.ID) {
			fresh = append(fresh, p)
		}
	}
	if len(fresh) > 0 {
		c.o.HandleAll(fresh)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != l {
		return
	}
	for _, p := range all {
		c.acknowledge(l, p)
	}
}

// first notes the id of a message of QoS 2, and tells whether it has not come before.
func (c *Client) first(id uint16) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, again := c.seen[id]; again {
		return false
	}
	if c.seen == nil {
		c.seen = map[uint16]struct{}{}
	}
	c.seen[id] = struct{}{}
	return true
}

// acknowledge writes PUBACK or PUBREC. The caller holds c.mu.
func (c *Client) acknowledge(l *link, p *mqtt.Publish) {
	switch p.QoS {
	case 1:
		l.append(&mqtt.Ack{Type: mqtt.TypePuback, ID: p.ID})
	case 2:
		l.append(&mqtt.Ack{Type: mqtt.TypePubrec, ID: p.ID})
	}
}
