package mqtt

import (
	"net"
	"sync"

	"github.com/roost-iot/roost/gateway/broker"
)

// guests are the connections, and which of the anonymous ones speaks for which id.
type guests struct {
	mu     sync.Mutex
	here   map[*visitor]struct{}
	names  map[string]*visitor // by session
	claims map[string]*visitor // by what things call themselves
}

func (g *guests) init() {
	g.here, g.names, g.claims = map[*visitor]struct{}{}, map[string]*visitor{}, map[string]*visitor{}
}

func (g *guests) come(v *visitor, c *broker.Client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v != stranger {
		v.client = c
		g.here[v] = struct{}{}
		g.names[c.ID] = v
	}
}

// has tells whether somebody is connected with a session.
func (g *guests) has(session string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.names[session] != nil
}

func (g *guests) leave(v *visitor) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v == stranger {
		return
	}
	delete(g.here, v)
	if v.client != nil && g.names[v.client.ID] == v {
		delete(g.names, v.client.ID)
	}
	v.left.Store(true)
	for own := range v.claims {
		if g.claims[own] == v {
			delete(g.claims, own)
		}
	}
	v.claims = nil
}

// claim makes v the one that speaks for an id, unless another living connection does:
// only one from the same machine gives way, whose end may not have been noticed yet.
func (g *guests) claim(v *visitor, own string, most int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	holder := g.claims[own]
	switch {
	case holder == v:
		return true
	case v.left.Load(): // its last will
		return holder == nil || host(holder.remote) == host(v.remote)
	case holder != nil && host(holder.remote) != host(v.remote), len(v.claims) >= most:
		return false
	case holder != nil:
		delete(holder.claims, own)
	}
	if v.claims == nil {
		v.claims = map[string]struct{}{}
	}
	v.claims[own] = struct{}{}
	g.claims[own] = v
	return true
}

// unclaim takes back the claims on ids that are bound to a credential by now, and
// gives who had them: what they have subscribed to is no longer theirs.
func (g *guests) unclaim(bound func(own string) bool) (had []*visitor) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for own, v := range g.claims {
		if bound(own) {
			delete(g.claims, own)
			delete(v.claims, own)
			had = append(had, v)
		}
	}
	return had
}

// overhearing gives the anonymous connections that hear what is said to an id that is
// bound by now: they have subscribed to it when it was theirs.
func (d *Door) overhearing(bound func(own string) bool) (all []*visitor) {
	some := map[*visitor]string{}
	d.guests.mu.Lock()
	for v := range d.guests.here {
		if v.guest.Load() == nil && !v.all && v.subscribed.Load() {
			some[v] = v.client.ID
		}
	}
	d.guests.mu.Unlock()
	for v, session := range some {
		for _, filter := range d.broker.Filters(session) {
			if own := ownOf(bare(filter)); own != "" && bound(own) {
				all = append(all, v)
				break
			}
		}
	}
	return all
}

// Rebound cuts who is here by an id that was just given a password, or freed of it:
// they may come back by the new rule.
func (d *Door) Rebound(own string) {
	it := func(o string) bool { return o == own }
	had := append(d.guests.unclaim(it), d.overhearing(it)...)
	d.guests.mu.Lock()
	for v := range d.guests.here {
		if v.own() == own {
			had = append(had, v)
		}
	}
	d.guests.mu.Unlock()
	for _, v := range had {
		d.expel(v)
	}
}

func host(remote string) string {
	if h, _, err := net.SplitHostPort(remote); err == nil {
		return h
	}
	return remote
}
