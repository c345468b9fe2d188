package broker

import "github.com/roost-iot/roost/wire/mqtt"

// Acked is PUBACK in.
func (s *Session) Acked(id uint16, _ mqtt.ReasonCode) {
	s.answer(id, func(st *session, i int) {
		if i >= 0 && st.flight.at(i).qos == 1 {
			st.complete(i)
		}
	})
}

// Received is PUBREC in; PUBREL comes with Take.
func (s *Session) Received(id uint16, code mqtt.ReasonCode) {
	s.answer(id, func(st *session, i int) { st.received(i, id, code) })
}

// Completed is PUBCOMP in.
func (s *Session) Completed(id uint16) {
	s.answer(id, func(st *session, i int) {
		if i >= 0 && st.flight.at(i).mark&released != 0 {
			st.complete(i)
		}
	})
}

// answer does what an acknowledgement asks for: i is where the message stands, -1 if
// there is none of that id.
func (s *Session) answer(id uint16, act func(st *session, i int)) {
	st := s.st
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.conn != s {
		return
	}
	act(st, st.find(id))
	st.wakeUp()
}

// find looks from the oldest on: clients acknowledge in order.
func (st *session) find(id uint16) int {
	for i := range st.flight.len() {
		if it := st.flight.at(i); it.id == id && it.mark&done == 0 {
			return i
		}
	}
	return -1
}

func (st *session) received(i int, id uint16, code mqtt.ReasonCode) {
	if i < 0 {
		if len(st.rels) < st.b.config.MaxInflight { // who sends more of these than this is not answered
			st.rels = append(st.rels, rel{id: id, code: mqtt.PacketIDNotFound})
		}
		return
	}
	it := st.flight.at(i)
	switch {
	case it.qos != 2:
	case code.Failed() && it.mark&released == 0:
		st.complete(i)
	default:
		if it.mark&released == 0 {
			it.mark |= released | sent
			if it.mark&kept != 0 && st.number != 0 {
				st.b.journal.putState(st, it)
			}
			it.m = nil
		}
		if i < st.cursor && len(st.rels) < 2*st.b.config.MaxInflight {
			st.rels = append(st.rels, rel{id: id, gen: it.gen})
		}
	}
}

// complete takes the message at i out of those in flight.
func (st *session) complete(i int) {
	it := st.flight.at(i)
	st.forget(it)
	it.m, it.via = nil, nil
	it.mark |= done
	st.live--
	if i < st.cursor && st.outstanding > 0 {
		st.outstanding--
	}
	for st.flight.len() > 0 && st.flight.at(0).mark&done != 0 {
		st.flight.pop()
		st.cursor = max(0, st.cursor-1)
	}
	if st.flight.len() > 64 && st.flight.len() > 4*st.live {
		st.closeUp()
	}
}

// closeUp removes what is done from between what is not.
func (st *session) closeUp() {
	var row deque
	cursor := 0
	for i := range st.flight.len() {
		it := st.flight.at(i)
		if it.mark&done != 0 {
			continue
		}
		if i < st.cursor {
			cursor++
		}
		row.push(*it)
	}
	st.flight, st.cursor = row, cursor
}
