package bench

import (
	"math/bits"
	"time"
)

// histogram counts durations in steps of an eighth of a power of two: a value
// read from it is at most 6 % off. The zero value is empty.
type histogram struct {
	counts [64 * 8]uint64
	n      uint64
	most   time.Duration
}

// slotOf is where d is counted: its highest bit and the three behind it.
func slotOf(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < 8 {
		return int(v)
	}
	exp := bits.Len64(v) - 4 // v>>exp is 8 to 15
	return 8*exp + int(v>>exp)
}

// middleOf is the duration that slot i stands for.
func middleOf(i int) time.Duration {
	if i < 16 {
		return time.Duration(i)
	}
	exp := i/8 - 1
	low := uint64(8+i%8) << exp
	return time.Duration(low + 1<<exp/2)
}

func (h *histogram) add(d time.Duration) {
	h.counts[slotOf(d)]++
	h.n++
	h.most = max(h.most, d)
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.n += o.n
	h.most = max(h.most, o.most)
}

// at gives the duration that the share q of all does not exceed; 0 when empty.
func (h *histogram) at(q float64) time.Duration {
	if q >= 1 {
		return h.most
	}
	rank := uint64(q*float64(h.n)) + 1
	for i, n := range h.counts {
		if n >= rank {
			return min(middleOf(i), h.most)
		}
		rank -= n
	}
	return h.most
}
