package relay

import (
	"fmt"
	"time"

	"github.com/roost-iot/roost"
)

// version of the line's language.
const version = 1

// The first byte of a message.
const (
	frameHello   byte = 1  // far: who I am
	frameEntries byte = 2  // far: numbered entries
	frameCopies  byte = 3  // far: entries ahead of their turn
	frameRoll    byte = 4  // far: things that are here
	frameBeat    byte = 5  // far: still here, and how it stands
	frameWelcome byte = 17 // hub: come in
	frameAck     byte = 18 // hub: kept up to this number
	frameCommand byte = 19 // hub: hand this to its thing
	frameCancel  byte = 20 // hub: that command is over
	frameClose   byte = 21 // hub: a thing was deleted
	frameAlive   byte = 22 // hub: still here
)

// hello is the far end's first message.
type hello struct {
	Version  uint64 // of the line
	Software string
	Name     string
	Instance string // of the spool, at random
	Doors    []string
	Clock    time.Time
	Next     uint64 // number of the next entry that it will make
	Beat     beat
}

// beat is how the far end stands.
type beat struct {
	Things  int
	Entries uint64 // in the spool, not acknowledged
	Bytes   uint64
	Oldest  time.Time // when the oldest of them was made, by the far clock; zero: none
	Dropped uint64    // since the spool was made
	Clock   time.Time
	Error   string // the last one, for people
}

// welcome is the hub's answer to hello.
type welcome struct {
	Version  uint64
	Software string
}

// order is a command on the line. Left is how long it is good: clocks may differ.
type order struct {
	ID       string
	Key      Key
	Kind     roost.CommandKind
	Resource string
	Value    roost.Value
	By       string
	Left     time.Duration
}

// farewell says that a thing was deleted at the hub.
type farewell struct {
	Key    Key
	Reason string
}

const (
	maxDoors   = 32
	maxBatch   = 4096     // entries in a message
	maxMessage = 16 << 20 // bytes
)

func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return appendInt(dst, 0)
	}
	return appendInt(dst, t.UnixNano())
}

func (r *reader) time() time.Time {
	if n := r.int(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

func (h hello) append(dst []byte) []byte {
	dst = appendUint(append(dst, frameHello), h.Version)
	dst = appendString(appendString(appendString(dst, h.Software), h.Name), h.Instance)
	dst = appendUint(dst, uint64(len(h.Doors)))
	for _, d := range h.Doors {
		dst = appendString(dst, d)
	}
	dst = appendUint(appendTime(dst, h.Clock), h.Next)
	return h.Beat.body(dst)
}

// parseHello reads a hello; what a later version puts behind it is not looked at.
func parseHello(b []byte) (h hello, err error) {
	r := reader{b: b}
	if r.byte() != frameHello {
		return h, fmt.Errorf("read hello: %w", ErrMalformed)
	}
	h.Version, h.Software, h.Name, h.Instance = r.uint(), r.string(maxWord), r.string(maxWord), r.string(maxWord)
	for range r.count(maxDoors) {
		h.Doors = append(h.Doors, r.string(maxWord))
	}
	h.Clock, h.Next = r.time(), r.uint()
	h.Beat = r.beat()
	if h.Version > version && r.err == nil {
		r.b = nil
	}
	return h, r.end("hello")
}

func (b beat) append(dst []byte) []byte { return b.body(append(dst, frameBeat)) }

func (b beat) body(dst []byte) []byte {
	dst = appendUint(appendUint(appendUint(dst, uint64(b.Things)), b.Entries), b.Bytes)
	dst = appendUint(appendTime(dst, b.Oldest), b.Dropped)
	return appendString(appendTime(dst, b.Clock), b.Error)
}

func (r *reader) beat() (b beat) {
	b.Things, b.Entries, b.Bytes = int(r.uint()&(1<<31-1)), r.uint(), r.uint()
	b.Oldest, b.Dropped = r.time(), r.uint()
	b.Clock, b.Error = r.time(), r.string(maxWord)
	return b
}

// appendEntries frames encoded entries; first is the number of the first of them,
// 0 for those that have none.
func appendEntries(dst []byte, kind byte, first uint64, bodies [][]byte) []byte {
	dst = appendUint(append(dst, kind), first)
	dst = appendUint(dst, uint64(len(bodies)))
	for _, b := range bodies {
		dst = append(appendUint(dst, uint64(len(b))), b...)
	}
	return dst
}

// parseEntries reads what stands behind the first byte. An entry that makes no sense
// becomes one without a kind: what stands around it is not held up by it.
func parseEntries(b []byte) (first uint64, list []Entry, err error) {
	r := reader{b: b}
	first = r.uint()
	n := r.count(maxBatch)
	list = make([]Entry, 0, n)
	for range n {
		body := r.bytes(maxEntry)
		if r.err != nil {
			break
		}
		e, err := ParseEntry(body)
		if err != nil {
			e = Entry{}
		}
		list = append(list, e)
	}
	return first, list, r.end("entries")
}

func (w welcome) append(dst []byte) []byte {
	return appendString(appendUint(append(dst, frameWelcome), w.Version), w.Software)
}

func appendAck(dst []byte, n uint64) []byte { return appendUint(append(dst, frameAck), n) }

func (o order) append(dst []byte) []byte {
	dst = appendString(append(dst, frameCommand), o.ID)
	dst = appendString(appendString(dst, o.Key.Door), o.Key.Own)
	dst = appendString(appendString(dst, string(o.Kind)), o.Resource)
	dst = appendString(appendString(dst, string(o.Value)), o.By)
	return appendInt(dst, o.Left.Milliseconds())
}

func appendCancel(dst []byte, id string) []byte { return appendString(append(dst, frameCancel), id) }

func (f farewell) append(dst []byte) []byte {
	dst = appendString(append(dst, frameClose), f.Key.Door)
	return appendString(appendString(dst, f.Key.Own), f.Reason)
}

// parseHub reads a message of the hub: a welcome, ack, order, cancel (string),
// farewell, or nil for one that says no more than that it is there.
func parseHub(b []byte) (any, error) {
	r := reader{b: b}
	var m any
	switch r.byte() {
	case frameWelcome:
		m = welcome{Version: r.uint(), Software: r.string(maxWord)}
	case frameAck:
		m = ack(r.uint())
	case frameCommand:
		o := order{ID: r.string(maxWord), Key: Key{r.string(maxWord), r.string(maxWord)}}
		o.Kind, o.Resource = roost.CommandKind(r.string(maxWord)), r.string(maxWord)
		o.Value, o.By = roost.Value(r.string(maxValue)), r.string(maxWord)
		o.Left = time.Duration(min(max(r.int(), 0), maxLeft.Milliseconds())) * time.Millisecond
		m = o
	case frameCancel:
		m = cancel(r.string(maxWord))
	case frameClose:
		m = farewell{Key: Key{r.string(maxWord), r.string(maxWord)}, Reason: r.string(maxWord)}
	default: // of a later version, or frameAlive
		return nil, r.err
	}
	return m, r.end("message of the hub")
}

type (
	ack    uint64
	cancel string
)

// maxLeft bounds how long a command may be good.
const maxLeft = 366 * 24 * time.Hour

// cut shortens a word to what the line takes.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xc0 == 0x80 {
		most--
	}
	return s[:most]
}
