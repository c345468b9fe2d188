package exchange

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// duplicates remembers the messages that came in and what they were answered,
// so that a copy is answered the same and processed once (RFC 7252, 4.5). All
// live equally long, so each shard is a ring whose oldest entry expires first;
// a full ring forgets its oldest early. Neither ring nor table holds pointers,
// so a quarter of a million entries (80 bytes each) cost the garbage collector
// nothing.
//
// Two different messages under one Message ID are not duplicates: a client that
// sends more than 265 messages a second comes round within the lifetime.
type duplicates struct {
	seed     maphash.Seed
	lifetime time.Duration
	shards   [8]seenShard
}

// seenKey is who sent it and its Message ID; zones are told apart by a hash.
type seenKey struct {
	addr [16]byte
	zone uint32
	port uint16
	id   uint16
}

const shortAnswer = 46 // bytes of an answer that fit into the ring itself

// seenEntry fills one cache line. Its key is a seeded hash of a seenKey: with sum,
// 96 bits tell messages apart.
type seenEntry struct {
	key    uint64
	sum    uint32 // of the whole datagram
	at     uint32 // ms since the endpoint was made
	length uint16 // of the answer; 0: none (yet)
	answer [shortAnswer]byte
}

type seenShard struct {
	mu        sync.Mutex
	ring      []seenEntry       // entry n is at n % len, a power of two
	table     seenTable         // finds the newest entry of a key
	first     uint32            // number of the oldest entry
	next      uint32            // number of the one to come
	long      map[uint32][]byte // answers that do not fit an entry
	longBytes int
	most      int // entries
	mostBytes int // of long answers
	_         [64]byte
}

// slot names an entry until it is forgotten.
type slot struct {
	shard *seenShard
	n     uint32
}

func (d *duplicates) init(entries, bytes int, lifetime time.Duration) {
	d.seed, d.lifetime = maphash.MakeSeed(), lifetime
	for i := range d.shards {
		d.shards[i].most = max(entries/len(d.shards), 1)
		d.shards[i].mostBytes = bytes / len(d.shards)
	}
}

// admit enters a message. known: it is a copy of the one in the slot.
func (d *duplicates) admit(remote netip.AddrPort, id uint16, datagram []byte, now time.Duration) (s slot, known bool) {
	key := seenKey{addr: remote.Addr().As16(), port: remote.Port(), id: id}
	if z := remote.Addr().Zone(); z != "" {
		key.zone = uint32(maphash.String(d.seed, z))
	}
	hash := maphash.Comparable(d.seed, key)
	sum := uint32(maphash.Bytes(d.seed, datagram))
	sh := &d.shards[hash>>32%uint64(len(d.shards))]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.expire(now-d.lifetime, 4)
	c := sh.find(hash)
	if c >= 0 && sh.at(sh.table[c].n).sum == sum {
		return slot{sh, sh.table[c].n}, true
	}
	return slot{sh, sh.add(hash, sum, uint32(now/time.Millisecond))}, false
}

// keep remembers the answer to the message in the slot.
func (d *duplicates) keep(s slot, answer []byte) {
	sh := s.shard
	if sh == nil || len(answer) == 0 || len(answer) > 0xffff {
		return
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if !sh.holds(s.n) {
		return
	}
	e := sh.at(s.n)
	sh.dropLong(s.n, e)
	e.length = uint16(len(answer))
	if copy(e.answer[:], answer) == len(answer) {
		return
	}
	if sh.long == nil {
		sh.long = make(map[uint32][]byte)
	}
	sh.long[s.n] = append([]byte(nil), answer...)
	for sh.longBytes += len(answer); sh.longBytes > sh.mostBytes && sh.first != sh.next; {
		sh.forget()
	}
}

// recall adds the remembered answer to dst; none if the message is still being
// worked on or asks for no answer.
func (d *duplicates) recall(s slot, dst []byte) []byte {
	s.shard.mu.Lock()
	defer s.shard.mu.Unlock()
	if !s.shard.holds(s.n) {
		return dst
	}
	e := s.shard.at(s.n)
	if e.length > shortAnswer {
		return append(dst, s.shard.long[s.n]...)
	}
	return append(dst, e.answer[:e.length]...)
}

// expire forgets every entry older than the lifetime.
func (d *duplicates) expire(now time.Duration) {
	for i := range d.shards {
		sh := &d.shards[i]
		sh.mu.Lock()
		sh.expire(now-d.lifetime, len(sh.ring))
		if sh.first == sh.next {
			sh.ring, sh.table, sh.long = nil, nil, nil // memory back after a rush
		}
		sh.mu.Unlock()
	}
}

func (sh *seenShard) at(n uint32) *seenEntry { return &sh.ring[n&uint32(len(sh.ring)-1)] }

// holds says whether entry n is still there; numbers wrap.
func (sh *seenShard) holds(n uint32) bool { return n-sh.first < sh.next-sh.first }

// expire forgets up to most entries that are older than before.
func (sh *seenShard) expire(before time.Duration, most int) {
	if before <= 0 {
		return
	}
	limit := uint32(before / time.Millisecond)
	for ; most > 0 && sh.first != sh.next && int32(sh.at(sh.first).at-limit) < 0; most-- {
		sh.forget()
	}
}

// find is the cell of a key, or -1.
func (sh *seenShard) find(key uint64) int {
	return sh.table.find(tagOf(key), func(n uint32) bool { return sh.at(n).key == key })
}

// tagOf is what the table has of a key, never 0.
func tagOf(key uint64) uint32 { return uint32(key) | 1 }

// add appends an entry and returns its number.
func (sh *seenShard) add(key uint64, sum, at uint32) uint32 {
	if int(sh.next-sh.first) >= sh.most {
		sh.forget()
	}
	if int(sh.next-sh.first) == len(sh.ring) {
		sh.grow()
	}
	n := sh.next
	e := sh.at(n)
	e.key, e.sum, e.at, e.length = key, sum, at, 0
	sh.point(n)
	sh.next++
	return n
}

// point makes entry n the one that its key finds.
func (sh *seenShard) point(n uint32) {
	e := sh.at(n)
	if c := sh.find(e.key); c >= 0 {
		sh.table[c].n = n
		return
	}
	sh.table.add(tagOf(e.key), n)
}

func (sh *seenShard) grow() {
	old := sh.ring
	sh.ring = make([]seenEntry, max(2*len(old), 16))
	sh.table = make(seenTable, 2*len(sh.ring))
	for n := sh.first; n != sh.next; n++ {
		*sh.at(n) = old[n&uint32(len(old)-1)]
		sh.point(n)
	}
}

// forget drops the oldest entry.
func (sh *seenShard) forget() {
	e := sh.at(sh.first)
	if c := sh.find(e.key); c >= 0 && sh.table[c].n == sh.first {
		sh.table.remove(c)
	}
	sh.dropLong(sh.first, e)
	sh.first++
}

// dropLong gives back what entry n keeps outside the ring.
func (sh *seenShard) dropLong(n uint32, e *seenEntry) {
	if e.length > shortAnswer {
		sh.longBytes -= int(e.length)
		delete(sh.long, n)
	}
}
