package broker

import "sync"

// item is one message on its way to one session.
type item struct {
	m    *Message // nil once the client has it (PUBREC)
	via  *target  // the subscription ids
	seq  uint64   // order of arrival in the session
	gen  uint64   // the journal's batch that holds the last record of the item
	idx  uint32   // and where
	id   uint16   // packet id; 0: none yet
	qos  byte
	mark mark
}

// mark is what happened to an item.
type mark byte

const (
	retain   mark = 1 << iota // goes out with the retain flag
	kept                      // the journal has it
	sent                      // at least once: the next time with DUP
	released                  // PUBREC came: what is left is PUBREL and PUBCOMP
	done                      // acknowledged, not yet taken out of the row
)

// deque is a row of items: in at the back, out at the front.
type deque struct {
	ring []item // its length is a power of two
	head int32
	n    int32
}

const (
	firstRing = 4
	keepRing  = 64  // a longer ring is given back once it is empty
	longRing  = 256 // what a ring becomes that has to be longer than keepRing
)

// longRings are rings of longRing that sessions have given back: those with bursts
// get them again and again.
var longRings = sync.Pool{New: func() any { return new([longRing]item) }}

// len is how many there are; a deque that was never made has none.
func (d *deque) len() int {
	if d == nil {
		return 0
	}
	return int(d.n)
}

func (d *deque) at(i int) *item { return &d.ring[(int(d.head)+i)&(len(d.ring)-1)] }

func (d *deque) push(it item) *item {
	if int(d.n) == len(d.ring) {
		d.grow()
	}
	d.n++
	p := d.at(int(d.n) - 1)
	*p = it
	return p
}

func (d *deque) grow() {
	var ring []item
	if len(d.ring) == keepRing {
		ring = longRings.Get().(*[longRing]item)[:]
	} else {
		ring = make([]item, max(firstRing, 2*len(d.ring)))
	}
	for i := range int(d.n) {
		ring[i] = *d.at(i)
	}
	if len(d.ring) == longRing {
		clear(d.ring)
		d.giveBack()
	}
	d.ring, d.head = ring, 0
}

// giveBack lets go of a ring whose items are all zero. Nobody holds on to one of them.
func (d *deque) giveBack() {
	if len(d.ring) == longRing {
		longRings.Put((*[longRing]item)(d.ring))
	}
	d.ring = nil
}

func (d *deque) pop() item {
	p := d.at(0)
	it := *p
	*p = item{}
	d.head = (d.head + 1) & int32(len(d.ring)-1)
	if d.n--; d.n == 0 {
		d.head = 0
		if len(d.ring) > keepRing {
			d.giveBack()
		}
	}
	return it
}

func (d *deque) clear() { *d = deque{} }
