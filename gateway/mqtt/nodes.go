package mqtt

import (
	"context"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
)

// nodes are the things that are here, or asleep.
type nodes struct {
	most int

	mu        sync.RWMutex
	byOwn     map[string]*node
	bySession map[string]map[*node]struct{}
}

func (ns *nodes) init(most int) {
	ns.most = most
	ns.byOwn, ns.bySession = map[string]*node{}, map[string]map[*node]struct{}{}
}

func (ns *nodes) find(own string) *node {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	return ns.byOwn[own]
}

// from finds the node of a message. known: it is here, by the same connection as before.
func (ns *nodes) from(own string, s source) (n *node, known bool) {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	n = ns.byOwn[own]
	return n, n != nil && n.speaker == s.visitor && n.carrier == s.carrier && !n.asleep
}

// hold makes the node of an id, or makes a known one hang on another connection.
// shared is another node that is no longer alone on its connection.
func (ns *nodes) hold(d *Door, own string, s source) (n, shared *node, err error) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	n = ns.byOwn[own]
	if n == nil {
		if len(ns.byOwn) >= ns.most {
			return nil, nil, roost.Errorf(roost.Unavailable, "Too many things are connected already.")
		}
		n = &node{d: d, own: own}
		ns.byOwn[own] = n
	}
	ns.unhook(n)
	n.carrier, n.speaker, n.session, n.asleep, n.bound = s.carrier, s.visitor, s.session, false, false
	if s.visitor == nil {
		return n, nil, nil
	}
	all := ns.bySession[s.session]
	if all == nil {
		all = map[*node]struct{}{}
		ns.bySession[s.session] = all
	}
	n.bound = len(all) == 0 && !s.visitor.left.Load()
	if len(all) == 1 {
		for other := range all {
			if other.bound {
				other.bound, shared = false, other
			}
		}
	}
	all[n] = struct{}{}
	return n, shared, nil
}

// unhook takes n from its session; the caller holds ns.mu.
func (ns *nodes) unhook(n *node) {
	all := ns.bySession[n.session]
	delete(all, n)
	if len(all) == 0 {
		delete(ns.bySession, n.session)
	}
}

// drop takes n out if it is in.
func (ns *nodes) drop(n *node) bool {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	return ns.remove(n)
}

func (ns *nodes) remove(n *node) bool {
	if ns.byOwn[n.own] != n {
		return false
	}
	delete(ns.byOwn, n.own)
	ns.unhook(n)
	n.gone.Store(true)
	return true
}

// resume gives the nodes of a session to the connection that goes on with it.
func (ns *nodes) resume(v *visitor, session string) (all []*node) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	for n := range ns.bySession[session] {
		n.speaker, n.asleep, n.bound = v, false, len(ns.bySession[session]) == 1
		all = append(all, n)
	}
	return all
}

// end lets the nodes of a connection go that has ended. Those whose session waits
// sleep; those that only came to say something and said goodbye stay until they have
// been silent for too long, as if they had no connection at all.
func (ns *nodes) end(v *visitor, session string, how broker.Gone, remains bool) (left, stay []*node) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	for n := range ns.bySession[session] {
		switch {
		case n.speaker != v:
		case remains:
			n.asleep = true
			stay = append(stay, n)
		case how == broker.Clean && !v.subscribed.Load():
			n.bound = false
			stay = append(stay, n)
		case ns.remove(n):
			left = append(left, n)
		}
	}
	return left, stay
}

// owedBy gives the nodes of a carrier that commands wait for.
func (ns *nodes) owedBy(c carrier) (owed []*node) {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	for _, n := range ns.byOwn {
		if n.carrier == c && n.owed.Load() {
			owed = append(owed, n)
		}
	}
	return owed
}

// silentSince gives the nodes that nothing was heard of since then and that no
// connection vouches for.
func (ns *nodes) silentSince(then time.Duration) (silent []*node) {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	for _, n := range ns.byOwn {
		if time.Duration(n.heard.Load()) < then && (!n.bound || n.asleep) {
			silent = append(silent, n)
		}
	}
	return silent
}

func (ns *nodes) len() int {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	return len(ns.byOwn)
}

// now is the time since the door was made.
func (d *Door) now() time.Duration { return time.Since(d.started) }

// sweep forgets the nodes that were silent for longer than the registry waits;
// whether they are offline is the registry's word. One that sleeps stays for as long
// as the broker keeps a session that would get its commands.
func (d *Door) sweep(ctx context.Context) {
	tick := time.NewTicker(min(max(d.cfg.Presence/8, time.Second), 10*time.Second))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for _, n := range d.nodes.silentSince(d.now() - d.cfg.Presence - 2*time.Second) {
			way, asleep := n.way()
			if asleep && (way.hears(commandTopic(n.own)) || way.hears(discoverTopic(n.own))) {
				continue
			}
			if d.nodes.drop(n) {
				d.signOffLogged(n)
			}
		}
	}
}

// signOff tells the rooms that a node is gone, also while the door closes.
func (d *Door) signOff(n *node) error {
	ref, arrived := n.thing()
	if !arrived {
		return nil
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(d.life), drain)
	defer stop()
	if err := d.cfg.Core.Leave(ctx, ref, n); err != nil && roost.KindOf(err) != roost.NotFound {
		return err
	}
	return nil
}

func (d *Door) signOffLogged(n *node) {
	if err := d.signOff(n); err != nil {
		d.log.Warn("thing not signed off", "thing", n.own, "protocol", "mqtt", "err", err)
	}
}
