package broker

import "github.com/roost-iot/roost/wire/mqtt"

// effects are what a publication leaves to be done when its burst is through: who is
// to be woken, who has so much waiting that the publisher should wait a little.
type effects struct {
	woken   []*Session
	pressed []*session
	kept    bool // the journal has something new
	accept  []*Publication
}

func (fx *effects) wake() {
	for i, s := range fx.woken {
		s.peer.Wake()
		fx.woken[i] = nil
	}
	fx.woken = fx.woken[:0]
}

// maxWoken bounds how many wait to be woken.
const maxWoken = 1024

// offer puts m into the session's row, for t. It gives false if the session has ended.
// m.QoS may be above what the session wants.
func (st *session) offer(m *Message, t *target, marks mark, fx *effects) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.ended {
		return false
	}
	qos := min(m.QoS, t.qos)
	conn := st.conn
	if conn == nil && qos == 0 && !st.b.config.QueueQoS0 {
		return true
	}
	if st.full(m) && !st.makeRoom(m, qos) {
		return true
	}
	row := &st.zero
	switch {
	case st.holding > 0 && marks&retain == 0:
		if row = st.held; row == nil {
			row = new(deque)
			st.held = row
		}
	case qos > 0:
		row = &st.wait
	}
	st.seq++
	it := row.push(item{m: m, via: t, seq: st.seq, qos: qos, mark: marks})
	st.bytes += m.weight()
	if qos > 0 && st.number != 0 {
		st.b.journal.putItem(st, it, false)
		fx.kept = true
	}
	if conn == nil || row == st.held {
		return true
	}
	if !st.woken && (qos == 0 || st.live < st.window) {
		st.woken = true
		if fx.woken = append(fx.woken, conn); len(fx.woken) >= maxWoken {
			fx.wake()
		}
	}
	if st.pressed() {
		fx.press(st)
	}
	return true
}

func (fx *effects) press(st *session) {
	if n := len(fx.pressed); n == 0 || n < 8 && fx.pressed[n-1] != st {
		fx.pressed = append(fx.pressed, st)
	}
}

func (st *session) queued() int { return st.zero.len() + st.wait.len() + st.held.len() }

func (st *session) full(m *Message) bool {
	return st.queued() >= st.b.config.MaxQueued || st.bytes+m.weight() > st.b.config.MaxQueuedBytes
}

// makeRoom does what is to be done when m does not fit any more: QoS 0 is dropped. For
// QoS 1 and 2, a client that is there and does not read is cut; then, as of one that
// is away, the oldest are dropped.
func (st *session) makeRoom(m *Message, qos byte) bool {
	if qos == 0 {
		st.b.count.dropped.Add(1)
		return false
	}
	for st.full(m) && st.zero.len() > 0 {
		st.drop(&st.zero)
	}
	if !st.full(m) {
		return true
	}
	if st.conn != nil && !st.asleep && !st.cut {
		st.cut = true
		st.b.count.cut.Add(1)
		st.conn.peer.Cut(mqtt.QuotaExceeded)
	}
	for st.full(m) && st.wait.len() > 0 {
		st.drop(&st.wait)
	}
	if st.full(m) {
		st.b.count.dropped.Add(1)
		return false
	}
	return true
}

func (st *session) drop(row *deque) {
	it := row.pop()
	st.bytes -= it.m.weight()
	st.forget(&it)
	st.b.count.dropped.Add(1)
}

func (st *session) dropQoS0() {
	for st.zero.len() > 0 {
		it := st.zero.pop()
		st.bytes -= it.m.weight()
	}
}

// forget tells the journal that an item is no longer needed.
func (st *session) forget(it *item) {
	if it.mark&kept != 0 && st.number != 0 {
		st.b.journal.dropItem(st, it)
	}
}

// hold makes what comes from now on wait until release: behind the retained messages
// of a new subscription, which are older.
func (st *session) hold() {
	st.mu.Lock()
	st.holding++
	st.mu.Unlock()
}

// release lets go what was held, and wakes the client.
func (st *session) release() {
	done := st.b.journal.together() // what is written anew is in one batch with its end
	defer done()
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.holding--; st.holding > 0 {
		return
	}
	for st.held.len() > 0 {
		it := st.held.pop()
		st.seq++
		before := it
		it.seq = st.seq
		if it.qos == 0 {
			st.zero.push(it)
			continue
		}
		p := st.wait.push(it)
		if it.mark&kept != 0 && st.number != 0 {
			st.b.journal.putItem(st, p, false)
			st.b.journal.dropItem(st, &before)
		}
	}
	st.held = nil
	st.wakeUp()
}

// wakeUp wakes the client if it has something to take and does not know.
func (st *session) wakeUp() {
	if st.conn == nil || st.woken || st.ended {
		return
	}
	if st.zero.len() > 0 || len(st.rels) > 0 || st.cursor < st.flight.len() || st.wait.len() > 0 && st.live < st.window {
		st.woken = true
		st.conn.peer.Wake()
	}
}

// Asleep says that the client does not read for a while (MQTT-SN): meanwhile its row
// drops the oldest when it is full, instead of cutting it.
func (s *Session) Asleep(asleep bool) {
	st := s.st
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.conn != s {
		return
	}
	st.asleep = asleep
	st.up.Store(!asleep)
	if asleep {
		st.letGo()
	}
}
