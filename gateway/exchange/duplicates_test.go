package exchange

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// The cache behaves like a map with a queue beside it: any traffic, any order.
func TestDuplicatesBehaveLikeAMap(t *testing.T) {
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		var d duplicates
		d.init(8*64, 8*500, time.Minute)
		type known struct{ datagram, answer string }
		model := map[string]known{}
		now := time.Minute
		for i := range 5000 {
			now += time.Duration(rnd.IntN(400)) * time.Millisecond
			remote := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, byte(rnd.IntN(4))}), uint16(rnd.IntN(3)))
			id := uint16(rnd.IntN(30))
			datagram := fmt.Sprint("datagram ", rnd.IntN(3))
			key := fmt.Sprint(remote, id)
			s, dup := d.admit(remote, id, []byte(datagram), now)
			before, ok := model[key]
			if dup && (!ok || before.datagram != datagram) {
				t.Fatalf("seed %d: %s %q is taken for a copy of %q", seed, key, datagram, before.datagram)
			}
			if dup {
				if got := string(d.recall(s, nil)); got != before.answer {
					t.Fatalf("seed %d: %s answered %q, then %q", seed, key, before.answer, got)
				}
				continue
			}
			answer := fmt.Sprintf("%0*d", rnd.IntN(90), rnd.Uint32())
			if rnd.IntN(8) == 0 {
				answer = ""
			}
			d.keep(s, []byte(answer))
			model[key] = known{datagram, answer}
			if i%64 == 0 {
				check(t, &d)
			}
		}
		if d.expire(now + time.Hour); d.size() != 0 {
			t.Errorf("seed %d: %d entries after an hour", seed, d.size())
		}
	}
}

// check holds the bounds and the table's links.
func check(t *testing.T, d *duplicates) {
	t.Helper()
	for i := range d.shards {
		sh := &d.shards[i]
		if n := int(sh.next - sh.first); n > sh.most || sh.longBytes > sh.mostBytes {
			t.Fatalf("%d entries, %d bytes", n, sh.longBytes)
		}
		bytes := 0
		for _, b := range sh.long {
			bytes += len(b)
		}
		if bytes != sh.longBytes {
			t.Fatalf("%d bytes counted as %d", bytes, sh.longBytes)
		}
		for _, c := range sh.table {
			if c.tag != 0 && (!sh.holds(c.n) || tagOf(sh.at(c.n).key) != c.tag || sh.find(sh.at(c.n).key) < 0) {
				t.Fatalf("cell %+v leads nowhere", c)
			}
		}
	}
}

// A message seen within the lifetime is known as long as there is room.
func TestDuplicatesForgetNothingEarly(t *testing.T) {
	var d duplicates
	d.init(8*1024, 1<<20, time.Minute)
	remote := netip.MustParseAddrPort("[fe80::1%eth0]:5683")
	b := make([]byte, 2)
	for round := range 2 {
		for id := range uint16(4000) {
			binary.BigEndian.PutUint16(b, id)
			if _, dup := d.admit(remote, id, b, time.Minute); dup != (round == 1) {
				t.Fatalf("message %d, round %d: duplicate %v", id, round, dup)
			}
		}
	}
	other := netip.MustParseAddrPort("[fe80::1%eth1]:5683")
	if _, dup := d.admit(other, 1, []byte{0, 1}, time.Minute); dup {
		t.Error("the same address on another link is another sender")
	}
}

func BenchmarkAdmit(b *testing.B) {
	var d duplicates
	d.init(1<<18, 16<<20, 247*time.Second)
	datagram := make([]byte, 80)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		binary.BigEndian.PutUint64(datagram, uint64(i))
		remote := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(i%64))
		s, _ := d.admit(remote, uint16(i/64), datagram, time.Duration(i)*10*time.Microsecond)
		d.keep(s, datagram[:6])
	}
}
