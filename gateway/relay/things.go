package relay

import (
	"context"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
)

// thing is one that came in by a far door.
type thing struct {
	key      Key
	own      string // its id, as its door knows it
	ref      roost.Ref
	link     gateway.Link
	protocol roost.Protocol
	address  string
	bound    bool
	here     bool
	heard    time.Time
	told     time.Time // when the hub was last told that it is here
	sleepy   bool      // a command waits at the hub until it is heard again
	orders   []*handed // that wait for its word
}

// hear is a sign of life; the caller holds c.mu.
func (c *Client) hear(t *thing, now time.Time) {
	t.heard = now
	if !t.here {
		t.here = true
		c.present++
	}
}

// find gives the thing of an arrival, a new one if need be; the caller holds c.mu.
func (c *Client) find(a gateway.Arrival) (*thing, error) {
	key := c.keyOf(a)
	if t := c.things[key]; t != nil {
		return t, nil
	}
	if len(c.things) >= c.cfg.MaxThings && !c.forgetOne() {
		return nil, roost.Errorf(roost.Unavailable, "There are %d things at this gateway, as many as it knows.", len(c.things))
	}
	project := a.Project
	if project == "" {
		project = roost.Home
	}
	id := roost.CleanThingID(key.Own)
	ref := roost.Ref{Project: project, Thing: id}
	for c.refs[ref] != nil {
		ref.Thing += roost.ThingID("-" + key.Door)
	}
	t := &thing{key: key, own: a.Identity.Own, ref: ref}
	c.things[key], c.refs[ref] = t, t
	return t, nil
}

// forgetOne makes room by a thing that is not here; the caller holds c.mu.
func (c *Client) forgetOne() bool {
	for _, t := range c.things {
		if !t.here {
			c.forget(t)
			return true
		}
	}
	return false
}

func (c *Client) forget(t *thing) {
	delete(c.things, t.key)
	delete(c.refs, t.ref)
	if t.here {
		t.here = false
		c.present--
	}
}

// keyOf is what the hub knows a thing by. An id that a door made of an address means
// something at this site only, so the gateway's name goes before it.
func (c *Client) keyOf(a gateway.Arrival) Key {
	own := a.Identity.Own
	made := a.Identity.Door + "-" + string(roost.CleanThingID(host(a.Address)))
	if c.cfg.Name != "" && host(a.Address) != "" && (own == made || strings.HasPrefix(own, made+"-")) {
		own = c.cfg.Name + "-" + own
	}
	return Key{Door: cut(strings.ToValidUTF8(a.Identity.Door, "-"), maxWord), Own: cut(strings.ToValidUTF8(own, "-"), maxWord)}
}

// sweep lets go, once a second until ctx ends, what was silent for too long.
func (c *Client) sweep(ctx context.Context) {
	tick := time.NewTicker(min(time.Second, c.cfg.Presence/4+time.Millisecond))
	defer tick.Stop()
	noted := time.Now()
	for {
		select {
		case now := <-tick.C:
			if now.Sub(noted) > rememberEvery {
				noted = now
				c.saveMemory()
			}
			c.mu.Lock()
			for _, t := range c.things {
				if t.here && !t.bound && now.Sub(t.heard) > c.cfg.Presence {
					if _, err := c.lose(t, now); err != nil {
						c.log.Warn("thing not signed off", "thing", t.key.Own, "err", err)
					}
				}
			}
			c.forgetOrders(now)
			c.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}
