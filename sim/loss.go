package sim

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
)

// dice decides what is lost on a bad line, in the same way for the same seed.
type dice struct {
	f  *Fleet
	mu sync.Mutex
	r  *rand.Rand
}

func newDice(f *Fleet, i int) *dice {
	return &dice{f: f, r: rand.New(rand.NewPCG(f.c.Seed, ^uint64(i)))}
}

// lost throws the dice, and counts what is lost.
func (d *dice) lost() bool {
	if d.f.c.Loss == 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.r.Float64() >= d.f.c.Loss {
		return false
	}
	d.f.count.dropped.Add(1)
	return true
}

// leakyConn loses datagrams both ways.
type leakyConn struct {
	*net.UDPConn
	dice *dice
}

func (c *leakyConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		n, remote, err := c.UDPConn.ReadFromUDPAddrPort(b)
		if err != nil || !c.dice.lost() {
			return n, remote, err
		}
	}
}

func (c *leakyConn) WriteToUDPAddrPort(b []byte, remote netip.AddrPort) (int, error) {
	if c.dice.lost() {
		return len(b), nil
	}
	return c.UDPConn.WriteToUDPAddrPort(b, remote)
}
