package exchange_test

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
)

// relay stands between clients and one server and loses, doubles and swaps
// datagrams, the same ones in every run with the same seed and traffic.
type relay struct {
	mu     sync.Mutex
	rnd    *rand.Rand
	loss   float64
	double float64
	swap   float64
	held   func() // the datagram that the next one overtakes
}

// newRelay starts a relay to server and returns its address.
func newRelay(t testing.TB, server netip.AddrPort, seed uint64, loss, double, swap float64) netip.AddrPort {
	r := &relay{rnd: rand.New(rand.NewPCG(seed, 1)), loss: loss, double: double, swap: swap}
	front := listen(t)
	var group sync.WaitGroup
	t.Cleanup(group.Wait)
	t.Cleanup(func() { front.Close() })
	group.Go(func() { r.forward(&group, front, server) })
	return addrOf(front)
}

// forward gives each client a socket of its own towards the server.
func (r *relay) forward(group *sync.WaitGroup, front *net.UDPConn, server netip.AddrPort) {
	backs := map[netip.AddrPort]*net.UDPConn{}
	b := make([]byte, 65536)
	for {
		n, client, err := front.ReadFromUDPAddrPort(b)
		if err != nil {
			break
		}
		back := backs[client]
		if back == nil {
			if back, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server)); err != nil {
				break
			}
			backs[client] = back
			group.Go(func() {
				b := make([]byte, 65536)
				for {
					n, err := back.Read(b)
					if err != nil {
						return
					}
					r.pass(b[:n], func(d []byte) { _, _ = front.WriteToUDPAddrPort(d, client) })
				}
			})
		}
		r.pass(b[:n], func(d []byte) { _, _ = back.Write(d) })
	}
	for _, back := range backs {
		back.Close()
	}
}

// pass lets a datagram through, or not, or twice, or after the next one.
func (r *relay) pass(b []byte, to func([]byte)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := append([]byte(nil), b...)
	deliver := func() { to(d) }
	if r.rnd.Float64() < r.loss {
		return
	}
	if r.held == nil && r.rnd.Float64() < r.swap {
		r.held = deliver
		return
	}
	deliver()
	if r.rnd.Float64() < r.double {
		deliver()
	}
	if r.held != nil {
		r.held()
		r.held = nil
	}
}
