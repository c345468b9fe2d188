package coap

import (
	"net/netip"
	"sync"
	"time"

	"github.com/roost-iot/roost"
)

// nodes is where each node was last heard from.
type nodes struct {
	most int

	mu       sync.RWMutex
	byUID    map[string]*node
	byRemote map[netip.AddrPort]*node // by the port of the last alive
	byAddr   map[netip.Addr]*place
	waiting  map[*node]struct{} // for approval: they make room first
}

// place is one address and the nodes there, of which there is mostly one.
type place struct {
	sole *node // nil when there are several
	more map[*node]struct{}
}

func (n *nodes) init(most int) {
	n.most = most
	n.byUID = map[string]*node{}
	n.byRemote = map[netip.AddrPort]*node{}
	n.byAddr = map[netip.Addr]*place{}
	n.waiting = map[*node]struct{}{}
}

// at finds the node that a value comes from: the one whose alive came from the
// same address and port, else the only one at the address. several: there are
// more, and none with that port.
func (n *nodes) at(remote netip.AddrPort) (found *node, several bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.locate(remote)
}

// knows tells whether a node of that id has greeted.
func (n *nodes) knows(uid string) bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.byUID[uid] != nil
}

func (n *nodes) locate(remote netip.AddrPort) (found *node, several bool) {
	p := n.byAddr[remote.Addr()]
	switch {
	case p == nil:
		return nil, false
	case p.sole != nil:
		return p.sole, false
	}
	found = n.byRemote[remote]
	return found, found == nil
}

// visit is what a greeting changed.
type visit struct {
	*node
	made  bool    // the node was not known
	moved bool    // it was at another address
	left  []*node // those whose place it took
}

var errFull = roost.Errorf(roost.Unavailable, "Too many nodes are connected already.")

// visit finds the node of a greeting, or makes one, and notes where it is.
func (n *nodes) visit(d *Door, remote netip.AddrPort, g greeting, now time.Duration) (v visit, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	v.node = n.known(remote, g)
	if v.node == nil {
		if err := n.makeRoom(&v); err != nil {
			return v, err
		}
		v.made = true
		v.node = newNode(d, g.uid)
		if g.uid == "" {
			v.node.uid = uidOf(remote.Addr())
		}
		n.byUID[v.node.uid] = v.node
	}
	v.node.heard.Store(int64(now))
	if v.node.remote == remote {
		return v, nil
	}
	if other := n.byRemote[remote]; other != nil {
		n.remove(other)
		v.left = append(v.left, other)
	}
	if !v.made {
		v.moved = v.node.remote.Addr() != remote.Addr()
		n.unplace(v.node)
	}
	n.place(v.node, remote)
	return v, nil
}

// known finds the node of a greeting. Without a uid it is the one that was named
// by its address, else whoever is known to be there.
func (n *nodes) known(remote netip.AddrPort, g greeting) *node {
	if g.uid != "" {
		return n.byUID[g.uid]
	}
	if old := n.byUID[uidOf(remote.Addr())]; old != nil {
		return old
	}
	found, _ := n.locate(remote)
	return found
}

// makeRoom drops a node that waits for approval when the directory is full.
func (n *nodes) makeRoom(v *visit) error {
	if len(n.byUID) < n.most {
		return nil
	}
	for w := range n.waiting {
		n.remove(w)
		v.left = append(v.left, w)
		return nil
	}
	return errFull
}

func (n *nodes) place(x *node, remote netip.AddrPort) {
	x.remote = remote
	n.byRemote[remote] = x
	p := n.byAddr[remote.Addr()]
	switch {
	case p == nil:
		n.byAddr[remote.Addr()] = &place{sole: x}
	case p.sole != nil:
		p.more = map[*node]struct{}{p.sole: {}, x: {}}
		p.sole = nil
	default:
		p.more[x] = struct{}{}
	}
}

func (n *nodes) unplace(x *node) {
	if n.byRemote[x.remote] == x {
		delete(n.byRemote, x.remote)
	}
	p := n.byAddr[x.remote.Addr()]
	switch {
	case p == nil:
	case p.sole == x:
		delete(n.byAddr, x.remote.Addr())
	case p.sole == nil:
		delete(p.more, x)
		if len(p.more) == 1 {
			for last := range p.more {
				p.sole, p.more = last, nil
			}
		}
	}
}

// remove takes x out if it is in; the caller holds n.mu.
func (n *nodes) remove(x *node) bool {
	if n.byUID[x.uid] != x {
		return false
	}
	delete(n.byUID, x.uid)
	delete(n.waiting, x)
	n.unplace(x)
	return true
}

func (n *nodes) drop(x *node) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.remove(x)
}

// setWaiting notes whether x waits for approval.
func (n *nodes) setWaiting(x *node, waits bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if waits && n.byUID[x.uid] == x {
		n.waiting[x] = struct{}{}
	} else {
		delete(n.waiting, x)
	}
}

// where gives the address that x was last greeted from, and whether it is the
// only node there.
func (n *nodes) where(x *node) (remote netip.AddrPort, alone bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	p := n.byAddr[x.remote.Addr()]
	return x.remote, p == nil || p.sole != nil
}

// silentSince takes out and gives those not heard since then.
func (n *nodes) silentSince(then time.Duration) (gone []*node) {
	n.mu.RLock()
	for _, x := range n.byUID {
		if time.Duration(x.heard.Load()) < then {
			gone = append(gone, x)
		}
	}
	n.mu.RUnlock()
	kept := gone[:0]
	for _, x := range gone {
		n.mu.Lock()
		if time.Duration(x.heard.Load()) < then && n.remove(x) {
			kept = append(kept, x)
		}
		n.mu.Unlock()
	}
	return kept
}

func (n *nodes) len() int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return len(n.byUID)
}
