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

// swap throws the dice for a datagram that the next one is to overtake.
func (d *dice) swap() bool {
	if d.f.c.Reorder == 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.Float64() < d.f.c.Reorder
}

// leakyConn loses datagrams both ways, and lets some be overtaken by the next.
type leakyConn struct {
	*net.UDPConn
	dice *dice

	reading sync.Mutex
	in      *datagram // overtaken; it comes behind the next one
	passed  bool      // that one has come

	writing sync.Mutex
	out     *datagram
}

// datagram is one that has to wait.
type datagram struct {
	b      []byte
	remote netip.AddrPort
}

func (c *leakyConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.in != nil && c.passed {
		late := c.in
		c.in, c.passed = nil, false
		return copy(b, late.b), late.remote, nil
	}
	for {
		n, remote, err := c.UDPConn.ReadFromUDPAddrPort(b)
		switch {
		case err != nil:
			return n, remote, err
		case c.dice.lost():
		case c.in == nil && c.dice.swap():
			c.in = &datagram{append([]byte(nil), b[:n]...), remote}
		default:
			c.passed = c.in != nil
			return n, remote, nil
		}
	}
}

func (c *leakyConn) WriteToUDPAddrPort(b []byte, remote netip.AddrPort) (int, error) {
	if c.dice.lost() {
		return len(b), nil
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	late := c.out
	if late == nil && c.dice.swap() {
		c.out = &datagram{append([]byte(nil), b...), remote}
		return len(b), nil
	}
	n, err := c.UDPConn.WriteToUDPAddrPort(b, remote)
	if late != nil {
		c.out = nil
		_, _ = c.UDPConn.WriteToUDPAddrPort(late.b, late.remote) // whoever waits for it asks again
	}
	return n, err
}
