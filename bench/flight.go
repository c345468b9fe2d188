package bench

import (
	"bytes"
	"context"
	"math"
	"strconv"
	"sync/atomic"
	"time"
)

// flight knows which updates are under way. Each has a number, which is its value
// ("1234%", as of a humidity), so that a receiver can tell when it left. It has
// arrived when every reader has seen it.
type flight struct {
	began   time.Time
	readers int32
	tokens  chan struct{} // free places of the window
	next    atomic.Uint64 // number of the update to come
	arrived atomic.Uint64 // updates that every reader has seen
	landed  atomic.Uint64 // deliveries

	sent []atomic.Int64 // when an update left: ns since began; number n is at n % len, a power of two
	left []atomic.Int32 // readers who have not seen it

	from, to atomic.Int64 // deliveries at that time (ns since began) are counted
}

// ring is how many updates are remembered; older ones count as lost.
const ring = 1 << 17

func newFlight(readers, window int) *flight {
	f := &flight{
		began: time.Now(), readers: int32(readers), tokens: make(chan struct{}, window),
		sent: make([]atomic.Int64, ring), left: make([]atomic.Int32, ring),
	}
	f.from.Store(math.MaxInt64)
	f.to.Store(math.MaxInt64)
	f.free(window)
	return f
}

// now is the time since the flight was made, in ns.
func (f *flight) now() int64 { return int64(time.Since(f.began)) }

// free gives back n places of the window.
func (f *flight) free(n int) {
	for range n {
		select {
		case f.tokens <- struct{}{}:
		default: // places that were given up for lost have come back after all
			return
		}
	}
}

// acquire waits for a place and takes up to most; 0: ctx has ended.
func (f *flight) acquire(ctx context.Context, most int) int {
	select {
	case <-f.tokens:
	case <-ctx.Done():
		return 0
	}
	for n := 1; n < most; n++ {
		select {
		case <-f.tokens:
		default:
			return n
		}
	}
	return most
}

// depart numbers an update that leaves at a time.
func (f *flight) depart(at int64) uint64 {
	n := f.next.Add(1) - 1
	f.left[n%ring].Store(f.readers)
	f.sent[n%ring].Store(at)
	return n
}

// value appends the value of update n.
func value(dst []byte, n uint64) []byte {
	return append(strconv.AppendUint(dst, n, 10), '%')
}

// receiver is one reader of updates.
type receiver struct {
	f     *flight
	count uint64 // deliveries while it was counted
	took  histogram
}

// take finds the values in a message that came at a time.
func (r *receiver) take(message []byte, at int64) {
	for {
		i := bytes.IndexByte(message, '%')
		if i < 0 {
			return
		}
		if n, ok := number(message[:i]); ok {
			r.land(n, at)
		}
		message = message[i+1:]
	}
}

// number reads the digits at the end of b, back to a quotation mark or a colon.
func number(b []byte) (n uint64, ok bool) {
	scale := uint64(1)
	for i := len(b) - 1; i >= 0; i-- {
		switch c := b[i]; {
		case c >= '0' && c <= '9' && scale < 1e15:
			n += scale * uint64(c-'0')
			scale *= 10
		case c == '"' || c == ':':
			return n, scale > 1
		default:
			return 0, false
		}
	}
	return 0, false
}

// land counts a delivery.
func (r *receiver) land(n uint64, at int64) {
	f := r.f
	next := f.next.Load()
	if n >= next || next-n > ring {
		return // not ours, or from too long ago
	}
	f.landed.Add(1)
	if at >= f.from.Load() && at < f.to.Load() {
		r.count++
		r.took.add(time.Duration(at - f.sent[n%ring].Load()))
	}
	if f.left[n%ring].Add(-1) == 0 {
		f.arrived.Add(1)
		f.free(1)
	}
}

// gone tells whether update n has reached everybody.
func (f *flight) gone(n uint64) bool { return f.left[n%ring].Load() <= 0 }
