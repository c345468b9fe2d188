package broker

import (
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// clock asks for the time once, and only if somebody wants to know.
type clock struct{ t time.Time }

func (c *clock) now() time.Time {
	if c.t.IsZero() {
		c.t = time.Now()
	}
	return c.t
}

// overhead is what a packet counts beside topic and payload.
const overhead = 16

// Take appends what may be sent now: up to cap(out), or 64 if that is reached, and up to
// the packet with which they have maxBytes. more: there may be more, and no Wake will
// come for it.
func (s *Session) Take(out []Delivery, maxBytes int) (_ []Delivery, more bool) {
	st := s.st
	limit, before, sent := cap(out), len(out), int64(0)
	if limit == before {
		limit += 64
	}
	var c clock
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.conn != s {
		return out, false
	}
	more = true
	for more && len(out) < limit && maxBytes > 0 {
		n := len(out)
		if out, more = st.step(s, out, &c); len(out) > n {
			maxBytes -= overhead
			if m := out[n].Message; m != nil {
				maxBytes -= m.weight()
				sent++
			}
		}
	}
	if !more {
		st.woken = false
	}
	st.taken += uint64(len(out) - before)
	st.b.count.sent.Add(sent)
	if st.room != nil && st.roomy() {
		st.letGo()
	}
	if st.slow && st.idle() {
		st.slow = false
	}
	return out, more
}

// step sends one packet, or drops one, or moves one on; false when nothing can be done.
func (st *session) step(s *Session, out []Delivery, c *clock) ([]Delivery, bool) {
	if len(st.rels) > 0 && st.settled(st.rels[0].gen) {
		out = append(out, Delivery{Type: mqtt.TypePubrel, ID: st.rels[0].id, Code: st.rels[0].code})
		if st.rels = st.rels[1:]; len(st.rels) == 0 {
			st.rels = nil
		}
		return out, true
	}
	if st.cursor < st.flight.len() {
		var moved bool
		if out, moved = st.sendFlight(s, out, c); moved {
			return out, true
		}
	}
	open := st.wait.len() > 0 && st.live < st.window
	switch {
	case st.zero.len() > 0 && (!open || st.zero.at(0).seq < st.wait.at(0).seq):
		return st.sendZero(s, out, c), true
	case open:
		st.launch(c)
		return out, true
	}
	return out, false
}

// sendFlight sends what stands at the cursor: a new message, or on a new connection
// one that was sent before. Not moved: the window is full, or the journal is awaited.
func (st *session) sendFlight(s *Session, out []Delivery, c *clock) (_ []Delivery, moved bool) {
	it := st.flight.at(st.cursor)
	switch {
	case it.mark&done != 0:
		st.cursor++
		return out, true
	case it.qos == 2 && it.mark&kept != 0 && !st.settled(it.gen):
		return out, false
	case it.mark&released != 0:
		st.cursor++
		st.outstanding++
		return append(out, Delivery{Type: mqtt.TypePubrel, ID: it.id}), true
	case st.outstanding >= st.window:
		return out, false
	}
	d := delivery(it)
	left, alive := it.m.left(c.now0(it.m))
	if d.Expiry = left; !alive && it.mark&sent == 0 || s.tooLarge(&d) {
		st.b.count.expired.Add(1)
		st.complete(st.cursor)
		return out, true
	}
	it.mark |= sent
	st.cursor++
	st.outstanding++
	return append(out, d), true
}

// now0 is the time if the message wants to know it.
func (c *clock) now0(m *Message) time.Time {
	if m.state.expires == 0 {
		return time.Time{}
	}
	return c.now()
}

func delivery(it *item) Delivery {
	d := Delivery{
		Type: mqtt.TypePublish, Message: it.m, QoS: it.qos, ID: it.id,
		Dup: it.mark&sent != 0, Retain: it.mark&retain != 0,
	}
	if it.via != nil {
		d.IDs = it.via.ids
	}
	return d
}

// tooLarge says that the client does not want packets of this size: it is as if it had
// been delivered (MQTT 5, 3.1.2.11.4).
func (s *Session) tooLarge(d *Delivery) bool {
	return s.maxPacket > 0 && d.size(s.client.Version) > s.maxPacket
}

func (st *session) sendZero(s *Session, out []Delivery, c *clock) []Delivery {
	it := st.zero.pop()
	st.bytes -= it.m.weight()
	d := delivery(&it)
	left, alive := it.m.left(c.now0(it.m))
	if d.Expiry = left; !alive || s.tooLarge(&d) {
		st.b.count.expired.Add(1)
		return out
	}
	return append(out, d)
}

// launch gives the first that waits a packet id and puts it behind those in flight.
func (st *session) launch(c *clock) {
	it := st.wait.pop()
	st.bytes -= it.m.weight()
	if _, alive := it.m.left(c.now0(it.m)); !alive {
		st.b.count.expired.Add(1)
		st.forget(&it)
		return
	}
	it.id = st.newID()
	p := st.flight.push(it)
	st.live++
	if p.mark&kept != 0 && st.number != 0 {
		st.b.journal.putState(st, p)
	}
}

// newID gives a packet id that is not in use: the next one, but for those that a
// client holds on to.
func (st *session) newID() uint16 {
	for st.freeIDs == 0 {
		nearest := 65535 // how far the next id in use is ahead
		for i := range st.flight.len() {
			if it := st.flight.at(i); it.mark&done == 0 {
				if far := (int(it.id) - int(st.lastID) + 65535) % 65535; far > 0 {
					nearest = min(nearest, far)
				}
			}
		}
		if st.freeIDs = uint16(nearest - 1); st.freeIDs == 0 {
			st.lastID = st.lastID%65535 + 1
		}
	}
	st.freeIDs--
	st.lastID = st.lastID%65535 + 1
	return st.lastID
}

// settled says whether the journal has committed a batch: QoS 2 is handed over only
// with its packet id on disk (Config.Commit).
func (st *session) settled(gen uint64) bool {
	return gen == 0 || st.b.journal == nil || !st.b.config.Commit || st.b.journal.settledOrWake(gen, st)
}
