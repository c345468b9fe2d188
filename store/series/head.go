package series

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
)

// maxLate is how many late points a head keeps unsorted before they are worked in.
const maxLate = 32

// head is what one series holds beyond its sealed chunks: samples in the order
// of time, compressed, and a short list of those that came late or twice.
// The bytes of a sample, never changed once written, so that a reader may
// decode a copied slice header without a lock:
//
//	zigzag uvarint   time of the first sample, then change of the time step, ms
//	uvarint          zigzag(n - last n)<<1 at the scale of the last decimal,
//	                 or value token<<1 | 1
type head struct {
	id ID

	// Written under DB.turn and DB.mu together, read under either.
	buf   []byte
	n     int     // samples in buf
	late  []Point // in order of arrival; they win over buf
	last  int64   // time of the newest sample in buf
	delta int64   // the last time step
	num   int64   // the last decimal, n / 10^scale
	scale uint8

	// Under DB.turn only.
	pending int   // samples of this series in the batch being appended
	slot    int   // index+1 into the batch's list of full heads
	dirty   bool  // the log has samples that the open row lacks
	saved   bool  // there is an open row
	openSeq int64 // replay: log rows up to this are in the open row
	touched int64 // Unix ms of the last append
	tail    tail
}

// tail is what is known of the newest sealed chunk of a series.
type tail struct {
	known   bool
	last    int64 // time of its newest sample; math.MinInt64 without chunks
	samples int   // 0 without chunks
}

func newHead(id ID) *head { return &head{id: id, scale: noScale} }

func (h *head) len() int { return h.n + len(h.late) }

// add takes one sample.
func (h *head) add(t int64, v float64) {
	if h.n > 0 && t <= h.last {
		h.late = append(h.late, Point{Time: t, Value: v})
		if len(h.late) >= maxLate {
			h.rebuild(h.view().points(nil))
		}
		return
	}
	if h.n == 0 {
		h.last, h.delta, h.num, h.scale = 0, 0, 0, noScale
	}
	delta := t - h.last
	buf := binary.AppendUvarint(h.buf, zigzag(delta-h.delta))
	if h.n == 0 {
		delta = 0
	}
	h.last, h.delta = t, delta
	h.n++
	if n, scale, ok := decimal(v, h.scale); !ok {
		buf = appendInexact(buf, v, 1, 1)
	} else {
		if scale == h.scale {
			buf = binary.AppendUvarint(buf, zigzag(n-h.num)<<1)
		} else {
			buf = binary.AppendUvarint(buf, (zigzag(n)<<4|uint64(scale))<<1|1)
		}
		h.num, h.scale = n, scale
	}
	h.buf = buf
}

// rebuild replaces the content by points, sorted by time.
func (h *head) rebuild(points []Point) {
	size := len(h.buf)
	h.clear()
	h.buf = make([]byte, 0, size+size/8)
	for _, p := range points {
		h.add(p.Time, p.Value)
	}
}

// clear empties the head. The old bytes are left to the readers that have them.
func (h *head) clear() { h.buf, h.n, h.late = nil, 0, nil }

// view is a head at one moment.
type view struct {
	buf  []byte
	n    int
	late []Point
}

func (h *head) view() view { return view{h.buf, h.n, h.late} }

// points appends the points of the view, sorted by time, each time once.
func (w view) points(dst []Point) []Point {
	was := len(dst)
	dst = w.inOrder(slices.Grow(dst, w.n+len(w.late)))
	if len(w.late) == 0 {
		return dst
	}
	return append(dst[:was], merge(slices.Clone(dst[was:]), sorted(slices.Clone(w.late)))...)
}

func (w view) inOrder(dst []Point) []Point {
	c := cursor{b: w.buf}
	var t, delta, num int64
	div := 1.0
	for i := range w.n {
		if i == 0 {
			t = c.varint()
		} else {
			delta += c.varint()
			t += delta
		}
		token := c.uvarint()
		var v float64
		if token&1 == 0 {
			num += unzigzag(token >> 1)
			v = float64(num) / div
		} else {
			var n int64
			var scale uint8
			if v, n, scale = c.value(token >> 1); scale != noScale {
				num, div = n, pow10[scale]
			}
		}
		dst = append(dst, Point{Time: t, Value: v})
	}
	return dst
}

// sorted sorts points by time in place and keeps the last of each time.
func sorted(points []Point) []Point {
	slices.SortStableFunc(points, func(a, b Point) int { return cmp.Compare(a.Time, b.Time) })
	kept := points[:0]
	for _, p := range points {
		if n := len(kept); n > 0 && kept[n-1].Time == p.Time {
			kept[n-1] = p
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

// merge joins two sorted lists; at equal times the newer list wins.
func merge(older, newer []Point) []Point {
	if len(older) == 0 {
		return newer
	}
	if len(newer) == 0 || older[len(older)-1].Time < newer[0].Time {
		return append(older, newer...)
	}
	out := make([]Point, 0, len(older)+len(newer))
	for len(older) > 0 && len(newer) > 0 {
		switch a, b := older[0], newer[0]; {
		case a.Time < b.Time:
			out, older = append(out, a), older[1:]
		default:
			if a.Time == b.Time {
				older = older[1:]
			}
			out, newer = append(out, b), newer[1:]
		}
	}
	return append(append(out, older...), newer...)
}

// within cuts sorted points to from <= time < to.
func within(points []Point, from, to int64) []Point {
	at := func(t int64) int {
		i, _ := slices.BinarySearchFunc(points, t, func(p Point, t int64) int { return cmp.Compare(p.Time, t) })
		return i
	}
	return points[at(from):max(at(from), at(to))]
}

// latest is the newest time of sorted points, math.MinInt64 without any.
func latest(points []Point) int64 {
	if len(points) == 0 {
		return math.MinInt64
	}
	return points[len(points)-1].Time
}
