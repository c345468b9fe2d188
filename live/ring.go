package live

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// ErrCut is what a reader gets that fell behind by more than the ring holds.
var ErrCut = errors.New("reader fell behind the feed and was cut off")

// Ring hands numbered items from writers to any number of readers. Writers never
// wait: the ring keeps the last Size items, and a reader that is overtaken gets
// ErrCut. Readers cost a position and nothing else while they sleep.
type Ring[T any] struct {
	mu    sync.Mutex
	items []T
	next  uint64        // number of the item to come
	first uint64        // number of the oldest item kept
	wake  chan struct{} // closed at the next item; nil while nobody sleeps
	shut  bool
	watch int
}

// NewRing makes a ring of size items (a power of two is not needed), numbered from first.
func NewRing[T any](size int, first uint64) *Ring[T] {
	return &Ring[T]{items: make([]T, size), next: first, first: first}
}

// Append adds what build returns for the item's number. build runs under the
// ring's lock: it must be quick and must not touch the ring.
func (r *Ring[T]) Append(build func(seq uint64) T) uint64 {
	r.mu.Lock()
	seq := r.next
	r.items[seq%uint64(len(r.items))] = build(seq)
	r.next++
	if r.next-r.first > uint64(len(r.items)) {
		r.first++
	}
	wake := r.wake
	r.wake = nil
	r.mu.Unlock()
	if wake != nil {
		close(wake)
	}
	return seq
}

// Close ends the ring: readers get what is left, then ErrClosed.
func (r *Ring[T]) Close() {
	r.mu.Lock()
	r.shut = true
	wake := r.wake
	r.wake = nil
	r.mu.Unlock()
	if wake != nil {
		close(wake)
	}
}

// ErrClosed is what readers get once the ring is closed and read to its end.
var ErrClosed = errors.New("feed closed")

// Last is the number of the newest item, first-1 when there was none.
func (r *Ring[T]) Last() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next - 1
}

// Watchers is how many readers are open.
func (r *Ring[T]) Watchers() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.watch
}

// Reader is one place in the ring. It is for one goroutine.
type Reader[T any] struct {
	ring *Ring[T]
	at   uint64 // number of the item to read next
	open bool
}

// Tail gives a reader of all that comes from now on.
func (r *Ring[T]) Tail() *Reader[T] {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watch++
	return &Reader[T]{ring: r, at: r.next, open: true}
}

// After gives a reader that goes on behind item seq. ok is false when the ring
// no longer holds what came next, or never gave out seq; the reader then starts at the tail.
func (r *Ring[T]) After(seq uint64) (_ *Reader[T], ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watch++
	if seq+1 < r.first || seq+1 > r.next {
		return &Reader[T]{ring: r, at: r.next, open: true}, false
	}
	return &Reader[T]{ring: r, at: seq + 1, open: true}, true
}

// At is the number of the item that Next will give first.
func (d *Reader[T]) At() uint64 { return d.at }

// Next fills dst with what has come, at least one item, and waits for it if it
// must. Errors: ErrCut, ErrClosed, or the context's.
func (d *Reader[T]) Next(ctx context.Context, dst []T) (int, error) {
	r := d.ring
	for {
		r.mu.Lock()
		if d.at < r.first {
			r.mu.Unlock()
			return 0, ErrCut
		}
		n := 0
		for ; n < len(dst) && d.at < r.next; n++ {
			dst[n] = r.items[d.at%uint64(len(r.items))]
			d.at++
		}
		if n > 0 || r.shut {
			r.mu.Unlock()
			if n == 0 {
				return 0, ErrClosed
			}
			return n, nil
		}
		if r.wake == nil {
			r.wake = make(chan struct{})
		}
		wake := r.wake
		r.mu.Unlock()
		select {
		case <-wake:
			runtime.Gosched() // writers that are about to write come first: fewer, larger helpings
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// Close gives the place back. It may be called twice.
func (d *Reader[T]) Close() {
	d.ring.mu.Lock()
	defer d.ring.mu.Unlock()
	if d.open {
		d.open = false
		d.ring.watch--
	}
}
