package broker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// Publish takes publications in order and fills in Reason; QoS 1 and 2 are to be
// acknowledged when it returns nil. What belongs to a burst should come in one call. An
// error means that nothing of it may be acknowledged, and that the connection must
// end: *mqtt.Error with its code, or what the journal says.
func (s *Session) Publish(ctx context.Context, pubs []Publication) error {
	if len(pubs) == 0 {
		return nil
	}
	st := s.st
	st.pub.Lock()
	defer st.pub.Unlock()
	fx := st.b.pool.Get().(*effects)
	defer st.b.pool.Put(fx)
	accepted, err := s.admit(pubs, fx)
	if err != nil {
		return err
	}
	st.b.count.received.Add(int64(len(pubs)))
	if len(accepted) > 0 {
		st.b.hooks.Take(ctx, s.client, accepted)
	}
	for _, p := range accepted {
		s.pass(p, fx)
	}
	clear(accepted)
	fx.wake()
	s.dirty, fx.kept = s.dirty || fx.kept, false
	fx.relieve(ctx, st)
	return s.Settle(ctx)
}

// admit picks those that are neither forbidden nor QoS 2 again.
func (s *Session) admit(pubs []Publication, fx *effects) ([]*Publication, error) {
	st := s.st
	accepted := fx.accept[:0]
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.conn != s {
		return nil, &mqtt.Error{Code: mqtt.SessionTakenOver, Packet: mqtt.TypePublish, What: "the connection is over"}
	}
	for i := range pubs {
		p := &pubs[i]
		p.Reason, p.Taken = mqtt.Success, false
		if p.Topic == "" || p.Topic[0] == '$' {
			p.Reason = mqtt.NotAuthorized
			st.b.count.refused.Add(1)
			continue
		}
		if p.QoS == 2 {
			if _, again := st.inbound[p.ID]; again {
				continue
			}
			if len(st.inbound) >= int(st.b.config.ReceiveMaximum) && s.client.Version == mqtt.V5 {
				for _, p := range accepted { // they come again
					if p.QoS == 2 {
						delete(st.inbound, p.ID)
					}
				}
				clear(accepted)
				return nil, &mqtt.Error{Code: mqtt.ReceiveMaximumExceeded, Packet: mqtt.TypePublish, What: "too many messages of QoS 2 that are not released"}
			}
			if st.inbound == nil {
				st.inbound = map[uint16]struct{}{}
			}
			st.inbound[p.ID] = struct{}{}
		}
		accepted = append(accepted, p)
	}
	fx.accept = accepted
	return accepted, nil
}

// pass routes one publication, unless it was refused. The id of QoS 2 is kept in one
// with what it brought about: both outlive a crash, or none.
func (s *Session) pass(p *Publication, fx *effects) {
	st := s.st
	if p.QoS == 2 {
		done := st.b.journal.together()
		defer done()
		st.mu.Lock()
		if p.Reason.Failed() {
			delete(st.inbound, p.ID)
		} else if st.number != 0 {
			st.b.journal.putInbound(st.number, p.ID)
			fx.kept = true
		}
		st.mu.Unlock()
	}
	if p.Reason.Failed() {
		st.b.count.refused.Add(1)
		return
	}
	if !p.Taken {
		s.last = st.b.publishFrom(s.client, p, s.last, fx)
	}
}

// publishFrom routes what a client published and gives the route for the next time.
func (b *Broker) publishFrom(c *Client, p *Publication, last *route, fx *effects) *route {
	r := b.tree.route(p.Topic, last)
	if len(r.targets) == 0 && len(r.shares) == 0 && !p.Retain {
		return r
	}
	m := newMessage(&p.Publish, r.topic, c.Version, c.ID, time.Now)
	if p.Retain && !b.retain(m, fx) && c.Version == mqtt.V5 && p.QoS > 0 {
		p.Reason = mqtt.QuotaExceeded // who can be told is; others reach at least those who listen now
		return r
	}
	b.fan(m, r, fx)
	return r
}

// Publish routes a message made in the process. It waits for nobody.
func (b *Broker) Publish(m *Message) {
	m.start(time.Now())
	fx := b.pool.Get().(*effects)
	if m.Retain {
		b.retain(m, fx)
	}
	b.fan(m, b.tree.route(m.Topic, nil), fx)
	fx.wake()
	clear(fx.pressed)
	fx.pressed, fx.kept = fx.pressed[:0], false
	b.pool.Put(fx)
}

// fan gives m to all that the route names.
func (b *Broker) fan(m *Message, r *route, fx *effects) {
	for i := range r.targets {
		t := &r.targets[i]
		if t.own != nil && m.From != "" && t.s.id == m.From {
			if t = t.own; t.s == nil {
				continue
			}
		}
		t.s.offer(m, t, t.marks(m), fx)
	}
	for _, sh := range r.shares {
		b.deliverShare(sh, m, m.From, fx)
	}
}

func (t *target) marks(m *Message) mark {
	if m.Retain && t.flags&asPublished != 0 {
		return retain
	}
	return 0
}

// deliverShare gives m to one member: the next in turn who is there, else the next.
func (b *Broker) deliverShare(sh *share, m *Message, _ string, fx *effects) {
	n := len(sh.members)
	if n == 0 {
		return
	}
	turn := int(sh.next.Add(1) % uint32(n))
	for _, there := range []bool{true, false} {
		for i := range n {
			t := &sh.members[(turn+i)%n]
			if (!there || t.s.up.Load()) && t.s.offer(m, t, t.marks(m), fx) { // it may come while we look
				return
			}
		}
	}
}

// Release is PUBREL in. What it returns goes out with PUBCOMP, after Settle.
func (s *Session) Release(id uint16) mqtt.ReasonCode {
	st := s.st
	st.mu.Lock()
	defer st.mu.Unlock()
	if _, ok := st.inbound[id]; !ok || st.conn != s {
		return mqtt.PacketIDNotFound
	}
	if delete(st.inbound, id); len(st.inbound) == 0 {
		st.inbound = nil
	}
	if st.number != 0 {
		st.b.journal.dropInbound(st.number, id)
		s.dirty = true
	}
	return mqtt.Success
}

// Settle waits until what the connection did is kept (Config.Commit): once per burst of
// PUBRELs, before their PUBCOMPs. Publish, Subscribe and Unsubscribe do it themselves.
func (s *Session) Settle(ctx context.Context) error {
	if !s.dirty {
		return nil
	}
	s.dirty = false
	if b := s.st.b; b.config.Commit {
		return b.journal.settle(ctx)
	}
	return nil
}

// Reach says how many sessions a message to topic would go to, and how many of these
// are away or asleep.
func (b *Broker) Reach(topic string) (sessions, asleep int) {
	r := b.tree.route(topic, nil)
	for i := range r.targets {
		sessions++
		if !r.targets[i].s.up.Load() {
			asleep++
		}
	}
	for _, sh := range r.shares {
		sessions++
		if !sh.anyUp() {
			asleep++
		}
	}
	return sessions, asleep
}

// Hears says whether a message to topic would go to a client that counts. Of those
// that are away it is not known who they are: they count.
func (b *Broker) Hears(topic string, counts func(*Client) bool) bool {
	r := b.tree.route(topic, nil)
	one := func(t target) bool {
		c := t.s.whose()
		return c == nil || counts(c)
	}
	return slices.ContainsFunc(r.targets, one) || slices.ContainsFunc(r.shares, func(sh *share) bool {
		return slices.ContainsFunc(sh.members, one)
	})
}

// whose is the client that is connected, nil if none is.
func (st *session) whose() *Client {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.conn == nil {
		return nil
	}
	return st.conn.client
}

func (sh *share) anyUp() bool {
	for i := range sh.members {
		if sh.members[i].s.up.Load() {
			return true
		}
	}
	return false
}

// splitShare gives the group of a shared subscription, "" of another, and the filter
// that topics are held against.
func splitShare(filter string) (group, rest string) {
	if !strings.HasPrefix(filter, "$share/") {
		return "", filter
	}
	group, rest, _ = mqtt.Shared(filter)
	return group, rest
}

var (
	errStopped = errors.New("the journal of the broker has stopped")
	errBehind  = errors.New("the journal of the broker is behind")
)

// PublishAll routes messages made in the process, in order, and then waits a little
// for those who read too slowly, as it does for what a client publishes.
func (b *Broker) PublishAll(ctx context.Context, all []*Message) {
	if len(all) == 0 {
		return
	}
	now := time.Now()
	fx := b.pool.Get().(*effects)
	for _, m := range all {
		m.start(now)
		if m.Retain {
			b.retain(m, fx)
		}
		b.fan(m, b.tree.route(m.Topic, nil), fx)
	}
	fx.wake()
	fx.relieve(ctx, nil)
	fx.kept = false
	b.pool.Put(fx)
}
