package broker

import (
	"strings"
	"sync"
	"sync/atomic"
)

// subscription is one filter of one session. It does not change: a new one takes its place.
type subscription struct {
	s      *session
	node   *node
	group  *group // of a shared one
	filter string // as subscribed, $share/… included
	id     uint32 // 0: none
	place  int32  // in node.subs or group.members
	qos    byte
	flags  subFlags
}

type subFlags byte

const (
	noLocal subFlags = 1 << iota
	asPublished
)

// node is one level of the filters.
type node struct {
	level  string
	parent *node
	kids   kids[node]
	subs   []*subscription
	*rare
}

// rare is what few nodes have.
type rare struct {
	plus   *node // the kid "+"
	hash   *node // the kid "#"
	groups []*group
}

// nothing is what the others have of it.
var nothing = new(rare)

// own makes room for something rare.
func (n *node) own() *rare {
	if n.rare == nothing {
		n.rare = new(rare)
	}
	return n.rare
}

// group is a shared subscription: one of its members gets a message.
type group struct {
	name    string
	node    *node
	members []*subscription
	next    *atomic.Uint32 // whose turn it is
}

// tree holds all subscriptions. What it found for a topic is kept (see routes): a
// publication takes its lock, for reading, only when something that matches changed.
type tree struct {
	mu     sync.RWMutex
	root   node
	routes routes
	count  atomic.Int64
}

// maxLevels bounds filters: each level is a node.
const maxLevels = 128

// set puts sub in; before, one of the same session and filter, is replaced if not nil.
func (t *tree) set(sub, before *subscription, group, filter string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if before != nil {
		sub.node, sub.group, sub.place = before.node, before.group, before.place
		*sub.slot() = sub
	} else {
		t.insert(sub, group, filter)
		t.count.Add(1)
	}
	t.routes.changed(filter)
}

// slot is where the node or group holds sub.
func (sub *subscription) slot() **subscription {
	if sub.group != nil {
		return &sub.group.members[sub.place]
	}
	return &sub.node.subs[sub.place]
}

func (t *tree) insert(sub *subscription, name, filter string) {
	n := &t.root
	for level, rest, more := strings.Cut(filter, "/"); ; level, rest, more = strings.Cut(rest, "/") {
		n = n.below(level)
		if !more {
			break
		}
	}
	sub.node = n
	row := &n.subs
	if name != "" {
		sub.group = n.groupNamed(name)
		row = &sub.group.members
	}
	sub.place = int32(len(*row))
	*row = append(*row, sub)
}

// below gives the kid, made if it is not there.
func (n *node) below(level string) *node {
	slot := n.wild(level)
	if slot != nil && *slot != nil {
		return *slot
	}
	if slot == nil {
		if k := n.kids.get(level); k != nil {
			return k
		}
	}
	k := &node{level: level, parent: n, rare: nothing}
	if slot != nil {
		*slot = k
	} else {
		n.kids.add(level, k)
	}
	return k
}

// wild is where a wildcard's kid stands, nil for any other level.
func (n *node) wild(level string) **node {
	switch level {
	case "+":
		return &n.own().plus
	case "#":
		return &n.own().hash
	}
	return nil
}

func (n *node) groupNamed(name string) *group {
	for _, g := range n.groups {
		if g.name == name {
			return g
		}
	}
	g := &group{name: name, node: n, next: new(atomic.Uint32)}
	r := n.own()
	r.groups = append(r.groups, g)
	return g
}

// remove takes sub out, and the nodes that nobody needs any more.
func (t *tree) remove(sub *subscription, filter string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	row := &sub.node.subs
	if sub.group != nil {
		row = &sub.group.members
	}
	last := len(*row) - 1
	moved := (*row)[last]
	(*row)[sub.place] = moved
	moved.place = sub.place
	(*row)[last] = nil
	if *row = (*row)[:last]; last == 0 {
		*row = nil
		if sub.group != nil {
			sub.node.dropGroup(sub.group)
		}
	}
	sub.node.prune()
	t.count.Add(-1)
	t.routes.changed(filter)
}

func (n *node) dropGroup(g *group) {
	for i, other := range n.groups {
		if other == g {
			last := len(n.groups) - 1
			n.groups[i], n.groups[last] = n.groups[last], nil
			n.groups = n.groups[:last]
			return
		}
	}
}

func (n *node) prune() {
	for n.parent != nil && len(n.subs) == 0 && len(n.groups) == 0 && n.plus == nil && n.hash == nil && n.kids.len() == 0 {
		if slot := n.parent.wild(n.level); slot != nil {
			*slot = nil
		} else {
			n.parent.kids.remove(n.level)
		}
		n = n.parent
	}
}

// find appends the nodes whose filters match topic. Wildcards of the first level do
// not match topics that begin with $ (MQTT 5, 4.7.2).
func (n *node) find(found []*node, rest string, more bool) []*node {
	hidden := n.parent == nil && rest != "" && rest[0] == '$'
	if n.hash != nil && !hidden {
		found = append(found, n.hash)
	}
	if !more {
		if len(n.subs)+len(n.groups) > 0 {
			found = append(found, n)
		}
		return found
	}
	level, rest, more := strings.Cut(rest, "/")
	if k := n.kids.get(level); k != nil {
		found = k.find(found, rest, more)
	}
	if n.plus != nil && !hidden {
		found = n.plus.find(found, rest, more)
	}
	return found
}
