package pyaiot

import (
	"math"
	"sync/atomic"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/live"
	wire "github.com/roost-iot/roost/wire/pyaiot"
	"github.com/roost-iot/roost/wire/websocket"
)

const (
	// ringChunks and ringBytes bound how far a client may be behind.
	ringChunks = 8192
	ringBytes  = 8 << 20
	// chunkBytes is about how much is handed out at once.
	chunkBytes = 32 << 10
)

// chunk is a piece of a stream: whole WebSocket frames, shared by all clients.
type chunk struct {
	to     *client // nil: everybody
	replay bool    // to is to send itself a snapshot
	done   uint64  // of a replay: the last event whose frames come before it
	frames atomic.Pointer[[]byte]
}

// stream is what the clients of one project read. All but ring belongs to who
// holds hub.mu.
type stream struct {
	project roost.ProjectID
	fleet   Fleet
	ring    *live.Ring[*chunk]
	online  map[roost.ThingID]struct{} // announced by new, not yet out

	text  []byte // scratch: one message
	build []byte // frames that are not in the ring yet
	kept  []*chunk
	bytes int // in kept
}

func newStream(project roost.ProjectID, fleet Fleet) *stream {
	s := &stream{project: project, fleet: fleet, ring: live.NewRing[*chunk](ringChunks, 1), online: map[roost.ThingID]struct{}{}}
	fleet.Each(project, func(t roost.Thing, _ []roost.Resource) bool {
		if shown(t) {
			s.online[t.Thing] = struct{}{}
		}
		return true
	})
	return s
}

// shown tells whether Pyaiot's clients see a thing: they know no other than present ones.
func shown(t roost.Thing) bool { return t.Online && t.Enrolment == roost.Enrolled }

// take turns an event into frames.
func (s *stream) take(e *roost.Event) {
	id := e.Ref.Thing
	_, known := s.online[id]
	switch e.Kind {
	case roost.Read:
		if known || s.meet(e.Ref) {
			s.update(id, e.Resource, e.Value)
		}
	case roost.ThingChanged:
		if here := shown(*e.Thing); here && !known {
			s.appear(e.Ref, e.Seq)
		} else if !here && known {
			s.out(id)
		}
	case roost.ThingReset:
		if known {
			s.text = wire.AppendReset(s.text[:0], string(id))
			s.frame()
		}
	case roost.ThingForgotten:
		if known {
			s.out(id)
		}
	}
}

// meet looks at a thing that speaks and was never announced.
func (s *stream) meet(ref roost.Ref) bool {
	t, _, ok := s.fleet.Get(ref)
	if !ok || !shown(t) {
		return false
	}
	s.appear(ref, 0)
	return true
}

// appear announces a thing and what was known of it before an event. What it said
// since comes as events. Times do not tell: those of far gateways are older.
func (s *stream) appear(ref roost.Ref, event uint64) {
	s.online[ref.Thing] = struct{}{}
	s.text = wire.AppendNew(s.text[:0], string(ref.Thing), wire.All)
	s.frame()
	_, rs, _ := s.fleet.Get(ref)
	for _, r := range identityFirst(rs) {
		if r.Event < event {
			s.update(ref.Thing, r.Name, r.Value)
		}
	}
}

func (s *stream) update(id roost.ThingID, name string, v roost.Value) {
	s.text = wire.AppendUpdate(s.text[:0], string(id), name, string(v), wire.All)
	s.frame()
}

func (s *stream) out(id roost.ThingID) {
	delete(s.online, id)
	s.text = wire.AppendOut(s.text[:0], string(id))
	s.frame()
}

// frame adds the message in s.text.
func (s *stream) frame() {
	s.build = websocket.AppendText(s.build, s.text)
	if len(s.build) >= chunkBytes {
		s.flush()
	}
}

// flush hands out what was built.
func (s *stream) flush() {
	if len(s.build) == 0 {
		return
	}
	frames := append([]byte(nil), s.build...)
	c := &chunk{}
	c.frames.Store(&frames)
	s.append(c)
	s.build = s.build[:0]
	if cap(s.build) > 4*chunkBytes || cap(s.text) > 4*chunkBytes {
		s.build, s.text = nil, nil // one huge value passed
	}
}

// letter hands out a message for one client.
func (s *stream) letter(to *client, text []byte) {
	s.flush()
	frames := websocket.AppendText(nil, text)
	c := &chunk{to: to}
	c.frames.Store(&frames)
	s.append(c)
}

// append puts c in the ring. What is too far back is taken away from those who
// have not read it yet: they are cut.
func (s *stream) append(c *chunk) {
	s.ring.Append(func(uint64) *chunk { return c })
	s.kept = append(s.kept, c)
	s.bytes += c.size()
	drop := 0
	for drop < len(s.kept)-1 && (s.bytes > ringBytes || len(s.kept)-drop > ringChunks) {
		s.bytes -= s.kept[drop].size()
		s.kept[drop].frames.Store(nil)
		s.kept[drop] = nil
		drop++
	}
	s.kept = s.kept[drop:]
}

func (c *chunk) size() int {
	if f := c.frames.Load(); f != nil {
		return len(*f)
	}
	return 0
}

// restate makes up for lost events: who is gone is out, who is here is announced
// with all that is known of it.
func (s *stream) restate() {
	here := map[roost.ThingID]roost.Ref{}
	s.fleet.Each(s.project, func(t roost.Thing, _ []roost.Resource) bool {
		if shown(t) {
			here[t.Thing] = t.Ref
		}
		return true
	})
	for id := range s.online {
		if _, ok := here[id]; !ok {
			s.out(id)
		}
	}
	for _, ref := range here {
		s.appear(ref, math.MaxUint64) // all that is known
	}
}

// identityFirst puts ip or id, then protocol, before all else, as Pyaiot does.
func identityFirst(rs []roost.Resource) []roost.Resource {
	front := 0
	for _, name := range [...]string{"ip", "id", "protocol"} {
		for i := front; i < len(rs); i++ {
			if rs[i].Name == name {
				r := rs[i]
				copy(rs[front+1:i+1], rs[front:i])
				rs[front] = r
				front++
				break
			}
		}
	}
	return rs
}
