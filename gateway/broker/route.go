package broker

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
)

// route is who gets what is published to a topic. It does not change.
type route struct {
	topic   string
	marks   marks
	sum     uint64 // of the marks when it was made
	targets []target
	shares  []*share
}

// target is one session that gets a message, once, however many of its filters match.
type target struct {
	s     *session
	ids   []uint32
	own   *target // with noLocal: what the publisher itself gets; its s is nil for nothing
	of    *share  // of a member
	qos   byte
	flags subFlags
}

// share is a shared subscription in a route.
type share struct {
	next    *atomic.Uint32
	members []target
}

// routes keeps what was found for topics. Each filter that comes or goes counts up one
// of the marks of the topics that it may match: none of its levels known, the first,
// the first two, or, without wildcards, the very topic.
type routes struct {
	seed   maphash.Seed
	all    atomic.Uint64
	first  [256]atomic.Uint64
	second [1024]atomic.Uint64
	exact  [4096]atomic.Uint64
	shards [64]routeShard
}

type routeShard struct {
	mu   sync.RWMutex
	kept map[string]*route
}

const (
	maxRoutes = 1024 // in a shard; the shard is emptied then
	maxTopic  = 512  // bytes; routes of longer ones are not kept
)

// marks are the counters that concern a topic.
type marks [4]*atomic.Uint64

func (m *marks) sum() (n uint64) {
	for _, c := range m {
		if c != nil {
			n += c.Load()
		}
	}
	return n
}

func (r *route) valid() bool { return r.sum == r.marks.sum() }

func (rs *routes) marksOf(topic string, hash uint64) (m marks) {
	m[0] = &rs.all
	m[3] = &rs.exact[hash%uint64(len(rs.exact))]
	first, rest, more := strings.Cut(topic, "/")
	m[1] = &rs.first[maphash.String(rs.seed, first)%uint64(len(rs.first))]
	if more {
		second, _, _ := strings.Cut(rest, "/")
		m[2] = &rs.second[maphash.String(rs.seed, topic[:len(first)+1+len(second)])%uint64(len(rs.second))]
	}
	return m
}

// changed tells that a filter came, went or is another now.
func (rs *routes) changed(filter string) {
	wild := strings.IndexAny(filter, "+#")
	if wild < 0 {
		rs.exact[maphash.String(rs.seed, filter)%uint64(len(rs.exact))].Add(1)
		return
	}
	known := strings.TrimSuffix(filter[:wild], "/")
	switch first, rest, more := strings.Cut(known, "/"); {
	case wild == 0:
		rs.all.Add(1)
	case !more:
		rs.first[maphash.String(rs.seed, first)%uint64(len(rs.first))].Add(1)
	default:
		second, _, _ := strings.Cut(rest, "/")
		rs.second[maphash.String(rs.seed, known[:len(first)+1+len(second)])%uint64(len(rs.second))].Add(1)
	}
}

// route gives who gets what is published to topic. last is the one that the publisher
// used before, or nil.
func (t *tree) route(topic string, last *route) *route {
	if last != nil && last.topic == topic && last.valid() {
		return last
	}
	hash := maphash.String(t.routes.seed, topic)
	shard := &t.routes.shards[hash>>32%uint64(len(t.routes.shards))]
	shard.mu.RLock()
	r := shard.kept[topic]
	shard.mu.RUnlock()
	if r != nil && r.valid() {
		return r
	}
	if r != nil {
		topic = r.topic
	}
	r = t.make(topic, t.routes.marksOf(topic, hash))
	if len(topic) <= maxTopic {
		shard.keep(r)
	}
	return r
}

func (s *routeShard) keep(r *route) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string]*route{}
	}
	if len(s.kept) >= maxRoutes {
		clear(s.kept)
	}
	s.kept[r.topic] = r
}

// purge drops the routes that no longer hold: they keep sessions that have ended.
func (rs *routes) purge() {
	for i := range rs.shards {
		s := &rs.shards[i]
		s.mu.Lock()
		for topic, r := range s.kept {
			if !r.valid() {
				delete(s.kept, topic)
			}
		}
		s.mu.Unlock()
	}
}

// make looks through the tree. The sum is taken before: a change meanwhile makes the
// route invalid rather than wrong.
func (t *tree) make(topic string, m marks) *route {
	r := &route{topic: topic, marks: m, sum: m.sum()}
	var space [16]*node
	t.mu.RLock()
	defer t.mu.RUnlock()
	nodes := t.root.find(space[:0], topic, true)
	n, filters := 0, 0
	for _, f := range nodes {
		n += len(f.subs)
		filters += min(1, len(f.subs))
	}
	if n > 0 {
		r.targets = make([]target, 0, n)
	}
	var places map[*session]int // only where a session may come twice
	if filters > 1 {
		places = make(map[*session]int, n)
	}
	for _, f := range nodes {
		for _, sub := range f.subs {
			r.add(sub, places)
		}
		for _, g := range f.groups {
			r.shares = append(r.shares, g.share())
		}
	}
	return r
}

func (r *route) add(sub *subscription, places map[*session]int) {
	if i, ok := places[sub.s]; ok {
		r.targets[i].merge(sub)
		return
	}
	if places != nil {
		places[sub.s] = len(r.targets)
	}
	r.targets = append(r.targets, sub.target())
}

func (sub *subscription) target() target {
	t := target{s: sub.s, qos: sub.qos, flags: sub.flags}
	if sub.id != 0 {
		t.ids = []uint32{sub.id}
	}
	if sub.flags&noLocal != 0 {
		t.own = &target{}
	}
	return t
}

// merge adds another subscription of the same session: the highest QoS, all ids
// (MQTT 5, 3.3.4).
func (t *target) merge(sub *subscription) {
	local := sub.flags&noLocal == 0
	if t.own == nil && !local { // what there was does go to the publisher itself
		own := *t
		t.own = &own
	} else if t.own != nil && local {
		t.own.join(sub)
	}
	t.join(sub)
}

func (t *target) join(sub *subscription) {
	t.s = sub.s
	t.qos = max(t.qos, sub.qos)
	t.flags |= sub.flags
	if sub.id != 0 {
		t.ids = append(t.ids[:len(t.ids):len(t.ids)], sub.id)
	}
}

func (g *group) share() *share {
	s := &share{next: g.next, members: make([]target, len(g.members))}
	for i, sub := range g.members {
		s.members[i] = sub.target()
		s.members[i].of = s
	}
	return s
}
