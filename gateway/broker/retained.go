package broker

import (
	"strings"
	"sync"
	"time"
)

// retained has the retained messages, in a tree by topic.
type retained struct {
	mu              sync.RWMutex
	root            branch
	count, bytes    int
	most, mostBytes int
}

// branch is one level of the topics.
type branch struct {
	level  string
	parent *branch
	kids   kids[branch]
	m      *Message // nil: none
	gen    uint64   // of the journal: the batch of its last record
	idx    uint32   // and where it is there
}

// branchWeight is what a level is counted for, about.
const branchWeight = 128

func (r *retained) limits(count, bytes int) { r.most, r.mostBytes = count, bytes }

func (r *retained) size() (count, bytes int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.count, r.bytes
}

// weigh is what a retained message is counted for.
func weigh(m *Message) int {
	return m.weight() + branchWeight*(1+strings.Count(m.Topic, "/"))
}

// retain keeps m, or with an empty payload forgets what was kept of its topic. It gives
// false if there is no room.
func (b *Broker) retain(m *Message, fx *effects) bool {
	r := &b.kept
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.find(m.Topic)
	if len(m.Payload) == 0 {
		if at != nil {
			b.unretain(at)
			fx.kept = fx.kept || b.journal != nil
		}
		return true
	}
	count, bytes := r.count+1, r.bytes+weigh(m)
	if at != nil {
		count, bytes = count-1, bytes-weigh(at.m)
	}
	if count > r.most || bytes > r.mostBytes {
		b.count.refused.Add(1)
		return false
	}
	if at == nil {
		at = r.grow(m.Topic)
	}
	at.m, r.count, r.bytes = m, count, bytes
	if b.journal != nil {
		b.journal.putRetained(at, false)
		fx.kept = true
	}
	return true
}

// unretain forgets the message of a branch.
func (b *Broker) unretain(at *branch) {
	r := &b.kept
	if b.journal != nil {
		b.journal.dropRetained(at)
	}
	r.count--
	r.bytes -= weigh(at.m)
	at.m = nil
	for at.parent != nil && at.m == nil && at.kids.len() == 0 {
		at.parent.kids.remove(at.level)
		at = at.parent
	}
}

// find gives the branch of a topic if it has a message.
func (r *retained) find(topic string) *branch {
	at := &r.root
	for level, rest, more := strings.Cut(topic, "/"); ; level, rest, more = strings.Cut(rest, "/") {
		if at = at.kids.get(level); at == nil {
			return nil
		}
		if !more {
			break
		}
	}
	if at.m == nil {
		return nil
	}
	return at
}

func (r *retained) grow(topic string) *branch {
	at := &r.root
	for level, rest, more := strings.Cut(topic, "/"); ; level, rest, more = strings.Cut(rest, "/") {
		k := at.kids.get(level)
		if k == nil {
			k = &branch{level: level, parent: at}
			at.kids.add(level, k)
		}
		if at = k; !more {
			return at
		}
	}
}

// match calls visit for each message whose topic filter matches, until it gives false.
func (r *retained) match(filter string, visit func(*Message) bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	r.root.match(filter, true, visit)
}

func (at *branch) match(filter string, more bool, visit func(*Message) bool) bool {
	if !more {
		return at.m == nil || visit(at.m)
	}
	level, rest, more := strings.Cut(filter, "/")
	switch {
	case level == "#":
		return (at.m == nil || visit(at.m)) && at.kids.each(func(k *branch) bool {
			return k.hidden() || k.all(visit)
		})
	case level == "+":
		return at.kids.each(func(k *branch) bool { return k.hidden() || k.match(rest, more, visit) })
	}
	k := at.kids.get(level)
	return k == nil || k.match(rest, more, visit)
}

// hidden says that wildcards do not match: the first level begins with $.
func (at *branch) hidden() bool {
	return at.parent.parent == nil && strings.HasPrefix(at.level, "$")
}

// all visits everything from here on.
func (at *branch) all(visit func(*Message) bool) bool {
	return (at.m == nil || visit(at.m)) && at.kids.each(func(k *branch) bool { return k.all(visit) })
}

// sweepRetained forgets what has expired.
func (b *Broker) sweepRetained(now time.Time) {
	var over []*Message
	b.kept.mu.RLock()
	b.kept.root.all(func(m *Message) bool {
		if _, alive := m.left(now); !alive {
			over = append(over, m)
		}
		return true
	})
	b.kept.mu.RUnlock()
	b.kept.mu.Lock()
	defer b.kept.mu.Unlock()
	for _, m := range over {
		if at := b.kept.find(m.Topic); at != nil && at.m == m {
			b.unretain(at)
			b.count.expired.Add(1)
		}
	}
}

// topics gives all topics with a message.
func (r *retained) topics() (all []string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	r.root.all(func(m *Message) bool {
		all = append(all, m.Topic)
		return true
	})
	return all
}
