package pyaiot

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
)

// doorName is the Door of the identities that come through here.
const doorName = "pyaiot"

// nodeKey is a uid within the project of the gateways that announce it.
type nodeKey struct {
	project roost.ProjectID
	uid     string
}

// node is one uid, whichever gateways announced it: it is gone when the last of
// them has let it go.
type node struct {
	nodeKey
	link      *link
	ref       atomic.Pointer[roost.Ref]
	forgotten atomic.Bool // a person deleted the thing; it arrives again with its next value

	mu    sync.Mutex
	facts map[string]roost.Value // ip, id and protocol, as last reported

	owners []*far // guarded by Door.mu, as is losses
	losses int    // how often the last owner has gone
}

// own makes g an owner of uid's node.
func (d *Door) own(uid string, g *far) *node {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := nodeKey{g.project, uid}
	n := d.nodes[key]
	if n == nil {
		n = &node{nodeKey: key, facts: map[string]roost.Value{}}
		n.link = &link{d: d, n: n}
		n.ref.Store(&roost.Ref{Project: g.project, Thing: roost.CleanThingID(uid)})
		d.nodes[key] = n
	}
	n.owners = append(n.owners, g)
	return n
}

// disown tells whether g was the last owner; the node is then out of the table.
func (d *Door) disown(n *node, g *far) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	n.owners = slices.DeleteFunc(n.owners, func(o *far) bool { return o == g })
	if len(n.owners) > 0 {
		return false
	}
	delete(d.nodes, n.nodeKey)
	return true
}

// abandon lets the nodes of a lost connection go, unless a gateway announces them
// again within the grace.
func (d *Door) abandon(g *far) {
	marks := make([]int, len(g.order))
	d.mu.Lock()
	for i, a := range g.order {
		a.owners = slices.DeleteFunc(a.owners, func(o *far) bool { return o == g })
		if len(a.owners) == 0 {
			a.losses++
		}
		marks[i] = a.losses
	}
	d.mu.Unlock()
	if len(marks) > 0 && d.cfg.Grace > 0 {
		grace := time.NewTimer(d.cfg.Grace)
		defer grace.Stop()
		select {
		case <-grace.C:
		case <-d.closing:
		}
	}
	for i, a := range g.order {
		d.mu.Lock()
		gone := len(a.owners) == 0 && a.losses == marks[i] && d.nodes[a.nodeKey] == a.node
		if gone {
			delete(d.nodes, a.nodeKey)
		}
		d.mu.Unlock()
		if gone {
			d.leave(a.node)
		}
	}
}

// leave tells the rooms, also while the door closes.
func (d *Door) leave(n *node) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(d.life), 5*time.Second)
	defer stop()
	if err := d.cfg.Core.Leave(ctx, n.thing(), n.link); err != nil && roost.KindOf(err) != roost.NotFound {
		d.cfg.Log.Warn("thing not signed off", "thing", n.uid, "err", err)
	}
}

func (n *node) thing() roost.Ref { return *n.ref.Load() }

// learn keeps what a node is. It tells whether that is news that belongs to the thing itself.
func (n *node) learn(name string, v roost.Value) bool {
	if name != "protocol" && name != "ip" && name != "id" || len(v) > maxWord {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.facts[name] == v {
		return false
	}
	n.facts[name] = v
	return name != "id"
}

// lasting are the facts as resources, in Pyaiot's order.
func (n *node) lasting() (rs []roost.Resource) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range []string{"ip", "id", "protocol"} {
		if v, ok := n.facts[name]; ok {
			rs = append(rs, roost.Resource{Name: name, Value: v})
		}
	}
	return rs
}

func (n *node) fact(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.facts[name].AsText()
}

func (n *node) arrival(g *far, restarted bool) gateway.Arrival {
	address := n.fact("ip")
	if address == "" {
		address = g.remote
	}
	return gateway.Arrival{
		Project: g.project, Identity: roost.Identity{Door: doorName, Own: n.uid},
		Protocol: roost.Protocol(n.fact("protocol")), Address: address, Gateway: g.name,
		Restarted: restarted, Bound: true, Link: n.link,
	}
}
