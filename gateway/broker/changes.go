package broker

// putHead writes what a session is, without what hangs on it. The caller has its lock.
func (j *journal) putHead(st *session) {
	r := record{kind: recordSession, session: st.number, text: st.id, number: st.expiry}
	if st.conn == nil {
		r.at = st.left / 1e6
	}
	j.add(r)
}

// putSession writes all of a session. The caller has its lock.
func (j *journal) putSession(st *session, again bool) {
	j.putHead(st)
	for _, sub := range st.subs.row {
		j.putSubscription(st.number, sub)
	}
	for id := range st.inbound {
		j.putInbound(st.number, id)
	}
	for _, row := range []*deque{&st.flight, &st.wait, st.held} {
		for i := range row.len() {
			if it := row.at(i); it.qos > 0 && it.mark&done == 0 {
				j.putItem(st, it, again)
			}
		}
	}
}

func (j *journal) endSession(number uint64) { j.add(record{kind: recordEnd, session: number}) }

func (j *journal) putSubscription(session uint64, sub *subscription) {
	j.add(record{
		kind: recordSubscribe, session: session, text: sub.filter,
		number: sub.id, qos: sub.qos, marks: byte(sub.flags),
	})
}

func (j *journal) dropSubscription(session uint64, filter string) {
	j.add(record{kind: recordUnsubscribe, session: session, text: filter})
}

func (j *journal) putInbound(session uint64, id uint16) {
	j.add(record{kind: recordInbound, session: session, id: id})
}

func (j *journal) dropInbound(session uint64, id uint16) {
	j.add(record{kind: recordRelease, session: session, id: id})
}

func (j *journal) putItem(st *session, it *item, again bool) {
	r := record{
		kind: recordItem, session: st.number, seq: it.seq, m: it.m, qos: it.qos,
		marks: byte(it.mark & keptMarks), id: it.id, again: again,
	}
	if it.via != nil {
		r.ids = it.via.ids
	}
	it.gen, it.idx = j.add(r)
	it.mark |= kept
}

// putState writes an item's packet id and whether it was released.
func (j *journal) putState(st *session, it *item) {
	j.mu.Lock()
	defer j.mu.Unlock()
	marks := byte(it.mark & keptMarks)
	if it.gen == j.gen {
		r := &j.pending[it.idx]
		r.id, r.marks = it.id, marks
		return
	}
	it.gen, it.idx = j.append(record{kind: recordState, session: st.number, seq: it.seq, id: it.id, marks: marks})
}

func (j *journal) dropItem(st *session, it *item) {
	j.mu.Lock()
	defer j.mu.Unlock()
	drop := record{kind: recordDrop, session: st.number, seq: it.seq}
	if it.gen != j.gen {
		j.append(drop)
		return
	}
	r := &j.pending[it.idx]
	if r.kind == recordItem && !r.again {
		drop = record{}
	}
	*r = drop
}

func (j *journal) putRetained(at *branch, again bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if at.gen == j.gen {
		j.pending[at.idx].m = at.m
		return
	}
	at.gen, at.idx = j.append(record{kind: recordRetain, m: at.m, again: again})
}

func (j *journal) dropRetained(at *branch) {
	j.mu.Lock()
	defer j.mu.Unlock()
	forget := record{kind: recordForget, text: at.m.Topic}
	if at.gen == j.gen {
		j.pending[at.idx] = forget
	} else {
		j.append(forget)
	}
	at.gen = 0
}
