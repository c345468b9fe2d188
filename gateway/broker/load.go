package broker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// Load reads the journal. All sessions in it are away; those that were connected when
// the process ended have been so since now.
func (b *Broker) Load(ctx context.Context) error {
	if b.journal == nil {
		return nil
	}
	l := loader{sessions: map[uint64]*loaded{}, retained: map[string]*Message{}, messages: map[uint64]*Message{}}
	err := b.journal.store.BrokerEntries(ctx, func(number int64, entry []byte) error {
		b.journal.logged += int64(len(entry))
		if err := readEntry(entry, l.messages, l.apply); err != nil {
			return fmt.Errorf("entry %d: %w", number, err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the journal of the broker: %w", err)
	}
	now := time.Now()
	for number := range l.messages {
		b.journal.messages = max(b.journal.messages, number)
	}
	for _, m := range l.retained {
		b.keep(m, now)
	}
	for number, s := range l.newest() {
		b.numbers.Store(max(number, b.numbers.Load()))
		if s.expiry > 0 {
			b.revive(number, s, now)
		}
	}
	return nil
}

// newest gives one session per client: that another had ended may not be on disk.
func (l *loader) newest() map[uint64]*loaded {
	numbers := map[string]uint64{}
	for number, s := range l.sessions {
		numbers[s.client] = max(numbers[s.client], number)
	}
	for number, s := range l.sessions {
		if numbers[s.client] != number {
			delete(l.sessions, number)
		}
	}
	return l.sessions
}

// loader plays the log.
type loader struct {
	sessions map[uint64]*loaded
	retained map[string]*Message
	messages map[uint64]*Message
}

// loaded is a session in the log.
type loaded struct {
	client  string
	expiry  uint32
	left    int64 // Unix ms; 0: it was connected
	subs    map[string]*subscription
	items   map[uint64]*item
	inbound map[uint16]struct{}
}

func (l *loader) apply(r *record) {
	switch r.kind {
	case recordRetain:
		l.retained[r.m.Topic] = r.m
		return
	case recordForget:
		delete(l.retained, r.text)
		return
	case recordEnd:
		delete(l.sessions, r.session)
		return
	}
	s := l.sessions[r.session]
	if r.kind == recordSession {
		if s == nil {
			s = &loaded{subs: map[string]*subscription{}, items: map[uint64]*item{}, inbound: map[uint16]struct{}{}}
			l.sessions[r.session] = s
		}
		s.client, s.expiry, s.left = r.text, r.number, r.at
		return
	}
	if s != nil { // else of one that ended
		s.apply(r)
	}
}

func (s *loaded) apply(r *record) {
	switch r.kind {
	case recordSubscribe:
		if mqtt.ValidFilter(r.text) == nil && r.qos <= 2 {
			s.subs[r.text] = &subscription{filter: r.text, id: r.number, qos: r.qos, flags: subFlags(r.marks)}
		}
	case recordUnsubscribe:
		delete(s.subs, r.text)
	case recordItem:
		it := &item{m: r.m, seq: r.seq, qos: r.qos, id: r.id, mark: mark(r.marks)&keptMarks | kept}
		if len(r.ids) > 0 {
			it.via = &target{ids: r.ids}
		}
		s.items[r.seq] = it
	case recordState:
		if it := s.items[r.seq]; it != nil {
			it.id, it.mark = r.id, mark(r.marks)&keptMarks|kept
		}
	case recordDrop:
		delete(s.items, r.seq)
	case recordInbound:
		s.inbound[r.id] = struct{}{}
	case recordRelease:
		delete(s.inbound, r.id)
	}
}

// keep makes a loaded message a retained one.
func (b *Broker) keep(m *Message, now time.Time) {
	if _, alive := m.left(now); !alive || b.kept.count >= b.kept.most || b.kept.bytes+weigh(m) > b.kept.mostBytes {
		return
	}
	b.kept.mu.Lock()
	defer b.kept.mu.Unlock()
	b.kept.grow(m.Topic).m = m
	b.kept.count++
	b.kept.bytes += weigh(m)
}

// revive makes a loaded session one that is away.
func (b *Broker) revive(number uint64, s *loaded, now time.Time) {
	st := &session{b: b, id: s.client, number: number, expiry: s.expiry, left: now.UnixNano()}
	if s.left != 0 {
		st.left = s.left * 1e6
	} else {
		b.journal.putHead(st) // it is away since now, whatever happens next
	}
	if len(s.inbound) > 0 {
		st.inbound = s.inbound
	}
	st.requeue(s.items, now)
	sh := b.shard(st.id)
	sh.mu.Lock()
	sh.sessions[st.id] = st
	sh.mu.Unlock()
	b.count.sessions.Add(1)
	for _, sub := range s.subs {
		group, filter := splitShare(sub.filter)
		sub.s = st
		st.subs.add(sub)
		b.tree.set(sub, nil, group, filter)
	}
	b.wait(st)
}

// requeue puts the loaded items where they were: with a packet id, the client may have
// them already.
func (st *session) requeue(items map[uint64]*item, now time.Time) {
	row := make([]*item, 0, len(items))
	for _, it := range items {
		row = append(row, it)
	}
	slices.SortFunc(row, func(a, b *item) int { return cmp.Compare(a.seq, b.seq) })
	for _, it := range row {
		st.seq = it.seq
		if it.id != 0 {
			it.mark |= sent
			st.flight.push(*it)
			st.live++
			st.lastID = it.id
			continue
		}
		if it.m == nil {
			continue
		}
		if _, alive := it.m.left(now); !alive {
			continue
		}
		st.wait.push(*it)
		st.bytes += it.m.weight()
	}
}
