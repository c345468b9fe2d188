package broker

import (
	"context"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// Connect attaches a client to its session, and takes it over from a connection that
// has it. present: it goes on with a session that was there. Errors are *mqtt.Error.
func (b *Broker) Connect(ctx context.Context, c Connect) (s *Session, present bool, err error) {
	s, present, kept, err := b.enter(ctx, c)
	if err != nil {
		return nil, false, err
	}
	if kept && b.config.Commit {
		if err := b.journal.settle(ctx); err != nil {
			s.End(context.WithoutCancel(ctx), End{How: Stopped})
			return nil, false, &mqtt.Error{Code: mqtt.ServerUnavailable, Packet: mqtt.TypeConnect, What: "the session cannot be kept"}
		}
	}
	return s, present, nil
}

// enter is Connect without waiting for the journal; kept: it has to hear of it.
func (b *Broker) enter(ctx context.Context, c Connect) (s *Session, present, kept bool, err error) {
	turn := b.turn(c.Client.ID)
	turn.Lock()
	defer turn.Unlock()
	s = &Session{
		client: c.Client, peer: c.Peer, will: newWill(c.Client, c.Will),
		expiry: min(c.Expiry, b.config.MaxSessionExpiry), maxPacket: int(min(c.MaxPacket, 1<<31-1)),
	}
	var fx effects
	st, before := b.resume(ctx, c, &fx, &kept)
	if present = st != nil; !present {
		if st, err = b.begin(c.Client.ID); err != nil {
			if before != nil { // its session is over all the same
				b.takenOver(ctx, before, false, &fx)
			}
			fx.wake()
			return nil, false, false, err
		}
	}
	s.st = st
	if prev := b.attach(s, c); prev != nil {
		before = prev
	}
	if before != nil {
		b.takenOver(ctx, before, present, &fx)
	}
	if present && b.outlawed(s) {
		kept, present = true, false
		b.finish(st, &fx)
		if st, err = b.begin(c.Client.ID); err != nil {
			return nil, false, false, err
		}
		s.st = st
		b.attach(s, c)
	}
	fx.wake()
	b.hooks.Connected(s.client, present)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.wakeUp()
	return s, present, kept || st.number != 0, nil
}

// outlawed tells that the session has a subscription that its client may not have, or
// no longer: it begins anew then, and the client is told that by CONNACK.
func (b *Broker) outlawed(s *Session) bool {
	for _, filter := range s.st.filters() {
		_, plain := splitShare(filter)
		if b.hooks.MaySubscribe(s.client, plain).Failed() {
			return true
		}
	}
	return false
}

func (st *session) filters() []string {
	st.mu.Lock()
	defer st.mu.Unlock()
	all := make([]string, 0, len(st.subs.row))
	for _, sub := range st.subs.row {
		all = append(all, sub.filter)
	}
	return all
}

// resume gives the session with which a client goes on, nil for none. One that it does
// not want any more, or that has expired, is ended; before is the connection it had.
func (b *Broker) resume(ctx context.Context, c Connect, fx *effects, kept *bool) (st *session, before *Session) {
	st = b.session(c.Client.ID)
	if st == nil {
		return nil, nil
	}
	st.mu.Lock()
	number, ends := st.number, st.ends()
	over := st.expiry == 0 || st.conn == nil && ends != 0 && time.Now().UnixNano() >= ends
	st.mu.Unlock()
	if !c.CleanStart && !over {
		return st, nil
	}
	*kept = number != 0
	if !b.endAway(ctx, st) {
		before = b.finish(st, fx)
	}
	return nil, before
}

// ends is when a session that is away expires, Unix ns; 0: never.
func (st *session) ends() int64 {
	if st.expiry == mqtt.NoExpiry {
		return 0
	}
	return st.left + int64(st.expiry)*int64(time.Second)
}

// begin makes a session.
func (b *Broker) begin(id string) (*session, error) {
	if int(b.count.sessions.Load()) >= b.config.MaxSessions && !b.evict(b.turn(id)) {
		return nil, &mqtt.Error{Code: mqtt.QuotaExceeded, Packet: mqtt.TypeConnect, What: "there are as many sessions as may be"}
	}
	st := &session{b: b, id: id, left: time.Now().UnixNano()}
	sh := b.shard(id)
	sh.mu.Lock()
	sh.sessions[id] = st
	sh.mu.Unlock()
	b.count.sessions.Add(1)
	return st, nil
}

// attach makes s the session's connection and gives the one before.
func (b *Broker) attach(s *Session, c Connect) (before *Session) {
	st := s.st
	b.away.remove(st)
	b.due.remove(st)
	st.mu.Lock()
	defer st.mu.Unlock()
	before = st.conn
	if before == nil {
		b.count.connected.Add(1)
	}
	st.conn = s
	st.epoch++
	st.will = nil
	st.asleep, st.cut, st.woken, st.slow = false, false, false, false
	st.up.Store(true)
	st.window = b.config.MaxInflight
	if c.ReceiveMaximum > 0 {
		st.window = min(st.window, int(c.ReceiveMaximum))
	}
	st.cursor, st.outstanding, st.rels = 0, 0, nil
	st.letGo()
	st.setExpiry(s.expiry)
	return before
}

// setExpiry is told how long the session remains, and tells the journal.
func (st *session) setExpiry(expiry uint32) {
	st.expiry = expiry
	j := st.b.journal
	if j == nil {
		return
	}
	if st.number == 0 && expiry > 0 {
		st.number = st.b.numbers.Add(1)
		j.putSession(st, false)
	} else if st.number != 0 {
		j.putHead(st)
	}
}

// takenOver ends the connection before; it had a session that remains, or not.
func (b *Broker) takenOver(ctx context.Context, before *Session, remains bool, fx *effects) {
	b.count.takenOver.Add(1)
	before.peer.Cut(mqtt.SessionTakenOver)
	before.st.pub.Lock() // what it publishes is finished first
	defer before.st.pub.Unlock()
	if before.will != nil && (before.will.Delay == 0 || !remains) {
		b.publishWill(ctx, before.will, fx)
	}
	b.hooks.Gone(before.client, TakenOver, remains)
}

// End is the connection's end. Only the first call counts.
func (s *Session) End(ctx context.Context, e End) {
	st, b := s.st, s.st.b
	turn := b.turn(st.id)
	turn.Lock()
	defer turn.Unlock()
	will, remains, mine := s.detach(e)
	if !mine {
		return
	}
	var fx effects
	if !remains {
		b.finish(st, &fx)
	} else {
		b.wait(st)
	}
	if will != nil && (will.Delay == 0 || !remains) {
		b.publishWill(ctx, will, &fx)
	}
	fx.wake()
	b.hooks.Gone(s.client, e.How, remains)
}

// detach leaves the session without a connection, if s is it.
func (s *Session) detach(e End) (will *will, remains, mine bool) {
	st := s.st
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.conn != s || st.ended {
		return nil, false, false
	}
	st.conn = nil
	st.b.count.connected.Add(-1)
	st.up.Store(false)
	st.epoch++
	st.left = time.Now().UnixNano()
	if e.HasExpiry && st.expiry > 0 { // from 0 it may not be changed (MQTT 5, 3.14.2.2.2)
		st.expiry = min(e.Expiry, st.b.config.MaxSessionExpiry)
	}
	if will = s.will; e.How != Lost && !e.Will {
		will = nil
	}
	remains = st.expiry > 0
	if remains {
		if will != nil && will.Delay > 0 {
			st.will = will
		}
		if !st.b.config.QueueQoS0 {
			st.dropQoS0()
		}
		if st.number != 0 {
			st.b.journal.putHead(st)
		}
	}
	st.letGo()
	return will, remains, true
}

// wait sees to it that the session is ended, and its will published, in time.
func (b *Broker) wait(st *session) {
	b.away.add(st)
	st.mu.Lock()
	defer st.mu.Unlock()
	at := st.ends()
	if st.will != nil {
		if w := st.left + int64(st.will.Delay)*int64(time.Second); at == 0 || w < at {
			at = w
		}
	}
	if at != 0 {
		b.due.set(st, at, st.epoch)
	}
}

// finish ends the session and gives the connection that it had. The caller has the
// client's turn.
func (b *Broker) finish(st *session, fx *effects) (before *Session) {
	b.away.remove(st)
	b.due.remove(st)
	sh := b.shard(st.id)
	sh.mu.Lock()
	if sh.sessions[st.id] == st {
		delete(sh.sessions, st.id)
		b.count.sessions.Add(-1)
	}
	sh.mu.Unlock()

	st.mu.Lock()
	if st.ended {
		st.mu.Unlock()
		return nil
	}
	st.ended = true
	st.up.Store(false)
	st.epoch++
	if before = st.conn; before != nil {
		b.count.connected.Add(-1)
	}
	st.conn = nil
	if st.number != 0 {
		b.journal.endSession(st.number)
		st.number = 0
	}
	subs := st.subs.row
	st.subs = subscriptions{}
	orphans := st.orphans()
	st.zero.clear()
	st.wait.clear()
	st.held = nil
	st.flight.clear()
	st.bytes, st.live, st.inbound, st.rels = 0, 0, nil, nil
	st.letGo()
	st.mu.Unlock()

	for _, sub := range subs {
		_, filter := splitShare(sub.filter)
		b.tree.remove(sub, filter)
	}
	for _, it := range orphans {
		b.deliverShare(it.via.of, it.m, "", fx)
	}
	return before
}

// orphans are what the session got by shared subscriptions and another member may
// have instead: QoS 1, and QoS 2 that was never sent (MQTT 5, 4.8.2).
func (st *session) orphans() (all []item) {
	for _, row := range []*deque{&st.flight, &st.wait, st.held} {
		for i := range row.len() {
			it := row.at(i)
			if it.mark&done == 0 && it.m != nil && it.via != nil && it.via.of != nil && (it.qos == 1 || it.mark&sent == 0) {
				all = append(all, *it)
			}
		}
	}
	return all
}
