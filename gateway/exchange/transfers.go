package exchange

import (
	"net/netip"
	"sync"
	"time"

	"github.com/roost-iot/roost/wire/coap"
)

// transferKey tells block-wise transfers apart: the remote and what of the
// request is part of the cache key (RFC 7959, 2.4 and 2.5).
type transferKey struct {
	remote  netip.AddrPort
	code    coap.Code
	options string
}

func keyOf(q *Request) transferKey {
	var m coap.Message
	for _, o := range q.Options {
		if o.Number.NoCacheKey() || o.Number == coap.Block1 || o.Number == coap.Block2 || o.Number == coap.Observe {
			continue
		}
		m.Options = append(m.Options, o)
	}
	m.Code = q.Code
	return transferKey{q.Remote, q.Code, string(m.Append(nil))}
}

// transfers is the state of block-wise transfers of one direction; an idle
// transfer is forgotten, and a full table turns newcomers away.
type transfers[T any] struct {
	mu    sync.Mutex
	limit int
	of    map[transferKey]*transfer[T]
}

type transfer[T any] struct {
	state T
	used  time.Duration // when it was last of use
}

// with runs f on the transfer of that key; f says what becomes of it. A missing
// one is made by fresh, unless fresh is nil. False: there is none, or no room.
func (t *transfers[T]) with(key transferKey, now time.Duration, fresh func() T, f func(T) (keep bool)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.of[key]
	if x == nil {
		if fresh == nil || len(t.of) >= t.limit {
			return false
		}
		if t.of == nil {
			t.of = make(map[transferKey]*transfer[T])
		}
		x = &transfer[T]{state: fresh()}
		t.of[key] = x
	}
	x.used = now
	if !f(x.state) {
		delete(t.of, key)
	}
	return true
}

// forget drops the transfer of that key.
func (t *transfers[T]) forget(key transferKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.of, key)
}

// makeRoom drops what was not used for longest when the table is full.
func (t *transfers[T]) makeRoom() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.of) < t.limit {
		return
	}
	var oldest transferKey
	var used time.Duration
	for key, x := range t.of {
		if used == 0 || x.used < used {
			oldest, used = key, x.used
		}
	}
	delete(t.of, oldest)
}

// expire drops what was last used before a time.
func (t *transfers[T]) expire(before time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, x := range t.of {
		if x.used < before {
			delete(t.of, key)
		}
	}
}
