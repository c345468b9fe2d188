package mqtt

import (
	"strings"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/wire/mqtt"
)

// Who may do what. Things touch the topics of their own id. Programs see everything
// as viewers, set things and use topics that are nobody's as operators, and speak for
// things as owners: a bridge is one. What only Roost says, nobody else says.

// mayPublish tells whether v may publish there.
func (d *Door) mayPublish(v *visitor, p place) bool {
	role := v.role()
	switch p.kind {
	case ours:
		return false
	case set, toNode, plain:
		return role.AtLeast(roost.Operator)
	case odd:
		return role.AtLeast(roost.Owner)
	case check: // the id stands in the payload
		return role == "" || role.AtLeast(roost.Owner)
	}
	return d.speaksFor(v, p.own)
}

// speaksFor tells whether v may say what the thing of this id says.
func (d *Door) speaksFor(v *visitor, own string) bool {
	switch {
	case !goodOwn(own):
		return false
	case v.role() != "":
		return v.role().AtLeast(roost.Owner)
	case v.guest.Load() != nil:
		return v.own() == own
	case d.guests.holds(v, own):
		return true
	case d.cfg.Bound != nil && d.cfg.Bound(own):
		return false
	}
	return d.guests.claim(v, own, d.cfg.MaxClaims)
}

func (g *guests) holds(v *visitor, own string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.claims[own] == v
}

// maySubscribe tells whether v may hear what a filter selects. A thing hears what is
// said to its own id, and what is said to all.
func (d *Door) maySubscribe(v *visitor, filter string) bool {
	if v.role() != "" {
		return true // a viewer sees everything
	}
	if _, rest, shared := mqtt.Shared(filter); shared {
		filter = rest
	}
	own := ownOf(filter)
	return filter == beaconTopic || own != "" && d.speaksFor(v, own)
}

// ownOf gives the id that a filter of a thing is about, "" for all other filters.
func ownOf(filter string) string {
	tree, rest, _ := strings.Cut(filter, "/")
	own, what, _ := strings.Cut(rest, "/")
	switch {
	case tree == "gateway" && what != "", tree == "node" && what != "", tree == "roost" && what == "command":
		return own
	}
	return ""
}

// heardBy gives whose commands a filter asks for: of one thing, by our own topics or
// by Pyaiot's. ok is false when it is no thing's filter.
func heardBy(filter string) (own string, native, ok bool) {
	tree, rest, _ := strings.Cut(filter, "/")
	own, what, deeper := strings.Cut(rest, "/")
	if !deeper || !goodOwn(own) {
		return "", false, false
	}
	switch {
	case tree == "roost" && what == "command":
		return own, true, true
	case tree == "gateway" && (what == "discover" || what == "#" || what == "+"):
		return own, false, true
	}
	return "", false, false
}
