package exchange

// seenTable finds entries of a ring by a hash: open addressing, linear probing,
// a power of two of cells of which at most half are taken.
type seenTable []seenCell

type seenCell struct {
	tag uint32 // hash; 0: an empty cell
	n   uint32 // number of the entry
}

// find is the cell with that tag whose entry is the one meant, or -1.
func (t seenTable) find(tag uint32, meant func(n uint32) bool) int {
	if len(t) == 0 {
		return -1
	}
	mask := len(t) - 1
	for c := int(tag>>1) & mask; t[c].tag != 0; c = (c + 1) & mask {
		if t[c].tag == tag && meant(t[c].n) {
			return c
		}
	}
	return -1
}

// add takes the first empty cell for a tag.
func (t seenTable) add(tag, n uint32) {
	mask := len(t) - 1
	c := int(tag>>1) & mask
	for t[c].tag != 0 {
		c = (c + 1) & mask
	}
	t[c] = seenCell{tag, n}
}

// remove empties a cell and moves up those behind it that would be out of reach.
func (t seenTable) remove(hole int) {
	mask := len(t) - 1
	for c := (hole + 1) & mask; t[c].tag != 0; c = (c + 1) & mask {
		home := int(t[c].tag>>1) & mask
		if (c-home)&mask >= (c-hole)&mask {
			t[hole] = t[c]
			hole = c
		}
	}
	t[hole] = seenCell{}
}
