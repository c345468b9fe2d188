package broker

import (
	"context"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// Subscribe gives a code per subscription, for SUBACK. id is the subscription id, 0:
// none. Retained messages come with Take.
func (s *Session) Subscribe(ctx context.Context, subs []mqtt.Subscription, id uint32) []mqtt.ReasonCode {
	codes := make([]mqtt.ReasonCode, len(subs))
	for i := range subs {
		codes[i] = s.subscribe(&subs[i], id)
	}
	if err := s.Settle(ctx); err != nil {
		for i := range codes {
			codes[i] = mqtt.UnspecifiedError
		}
	}
	return codes
}

func (s *Session) subscribe(want *mqtt.Subscription, id uint32) mqtt.ReasonCode {
	st, b := s.st, s.st.b
	if err := mqtt.ValidFilter(want.Filter); err != nil {
		return mqtt.TopicFilterInvalid
	}
	group, filter := splitShare(want.Filter)
	if levels(filter) > maxLevels {
		return mqtt.QuotaExceeded
	}
	if code := b.hooks.MaySubscribe(s.client, filter); code.Failed() {
		return code
	}
	past := group == "" && want.RetainHandling < 2
	if past {
		st.hold()
	}
	sub, isNew, ok := s.enter(want, id, group, filter)
	if past {
		if ok && (isNew || want.RetainHandling == 0) {
			s.recall(sub)
		}
		st.release()
	}
	if !ok {
		return mqtt.QuotaExceeded
	}
	b.hooks.Subscribed(s.client, filter)
	return mqtt.ReasonCode(want.QoS)
}

func levels(filter string) int {
	n := 1
	for i := range len(filter) {
		if filter[i] == '/' {
			n++
		}
	}
	return n
}

// enter makes the subscription stand; not ok: there are too many, or the connection is over.
func (s *Session) enter(want *mqtt.Subscription, id uint32, group, filter string) (sub *subscription, isNew, ok bool) {
	st, b := s.st, s.st.b
	sub = &subscription{s: st, filter: want.Filter, id: id, qos: want.QoS}
	if want.NoLocal {
		sub.flags |= noLocal
	}
	if want.RetainAsPublished {
		sub.flags |= asPublished
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.conn != s || st.ended {
		return nil, false, false
	}
	var before *subscription
	if i := st.subs.find(sub.filter); i >= 0 {
		before = st.subs.row[i]
		sub.filter = before.filter
		st.subs.row[i] = sub
	} else if len(st.subs.row) >= b.config.MaxSubscriptions {
		return nil, false, false
	} else {
		st.subs.add(sub)
	}
	b.tree.set(sub, before, group, filter)
	if st.number != 0 {
		b.journal.putSubscription(st.number, sub)
		s.dirty = true
	}
	return sub, before == nil, true
}

// recall queues the retained messages for a subscription.
func (s *Session) recall(sub *subscription) {
	st, b := s.st, s.st.b
	var all []*Message
	now := time.Now()
	b.kept.match(sub.filter, func(m *Message) bool {
		if _, alive := m.left(now); alive {
			all = append(all, m)
		}
		return true
	})
	take := func(m *Message) bool {
		m.start(now)
		all = append(all, m)
		return len(all) < b.config.MaxRetained
	}
	b.counters(sub.filter, take)
	b.hooks.Retained(s.client, sub.filter, take)
	if len(all) == 0 {
		return
	}
	t := sub.target()
	t.own = nil
	st.remind(all, &t)
	s.dirty = s.dirty || st.number != 0
}

// remind queues retained messages. They may be more than the row holds, as long as
// the client has read what came before.
func (st *session) remind(all []*Message, t *target) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.ended {
		return
	}
	for i, m := range all {
		if i == 0 && st.full(m) && !st.makeRoom(m, 1) {
			return
		}
		st.seq++
		it := item{m: m, via: t, seq: st.seq, qos: min(m.QoS, t.qos), mark: retain}
		st.bytes += m.weight()
		if it.qos == 0 {
			st.zero.push(it)
			continue
		}
		p := st.wait.push(it)
		if st.number != 0 {
			st.b.journal.putItem(st, p, false)
		}
	}
}

// Unsubscribe gives a code per filter, for UNSUBACK.
func (s *Session) Unsubscribe(ctx context.Context, filters []string) []mqtt.ReasonCode {
	codes := make([]mqtt.ReasonCode, len(filters))
	for i, f := range filters {
		if mqtt.ValidFilter(f) != nil {
			codes[i] = mqtt.TopicFilterInvalid
			continue
		}
		codes[i] = s.unsubscribe(f)
	}
	if err := s.Settle(ctx); err != nil {
		for i := range codes {
			codes[i] = mqtt.UnspecifiedError
		}
	}
	return codes
}

func (s *Session) unsubscribe(filter string) mqtt.ReasonCode {
	_, plain := splitShare(filter)
	if !s.leave(filter, plain) {
		return mqtt.NoSubscriptionExisted
	}
	s.st.b.hooks.Unsubscribed(s.client, plain)
	return mqtt.Success
}

func (s *Session) leave(filter, plain string) bool {
	st, b := s.st, s.st.b
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.conn != s || st.ended {
		return false
	}
	i := st.subs.find(filter)
	if i < 0 {
		return false
	}
	sub := st.subs.row[i]
	st.subs.remove(i)
	b.tree.remove(sub, plain)
	if st.number != 0 {
		b.journal.dropSubscription(st.number, filter)
		s.dirty = true
	}
	return true
}
