package coap

import (
	"fmt"
	"net"
	"runtime"

	"github.com/roost-iot/roost/gateway/exchange"
)

// Sockets are the sockets of one door, all at one address. The system gives all
// datagrams of a remote to the same one, so they keep their order while several
// are read at once. Whoever opened them closes them.
type Sockets []*net.UDPConn

const (
	// readBuffer is room for some 10,000 values that come at once.
	readBuffer = 4 << 20
	// maxSockets is where more of them no longer help: the rooms are shared.
	maxSockets = 4
)

// Listen opens the sockets of a door: "[::]:5683" for IPv6 and IPv4 alike.
func Listen(address string) (Sockets, error) {
	return listen(address, min(runtime.GOMAXPROCS(0), maxSockets))
}

// listen opens up to n sockets. Where the system cannot share an address among
// them, one does all the work.
func listen(address string, n int) (Sockets, error) {
	at, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for CoAP: %w", err)
	}
	// The first is opened as its only owner and shared only then: an address that
	// another program has, be it a second Roost, is refused.
	first, err := net.ListenUDP("udp", at)
	if err != nil {
		return nil, fmt.Errorf("listen for CoAP: %w", err)
	}
	s := Sockets{first}
	if n > 1 && share(first) {
		same := *at
		same.Port = first.LocalAddr().(*net.UDPAddr).Port
		for len(s) < n {
			c, err := listenShared(same.String())
			if err != nil {
				break
			}
			s = append(s, c)
		}
	}
	for _, c := range s {
		_, _ = exchange.ReadBuffer(c, readBuffer) // the system may give less, and some give nothing
	}
	return s, nil
}

// Conns are the sockets as Config takes them.
func (s Sockets) Conns() []exchange.Conn {
	list := make([]exchange.Conn, len(s))
	for i, c := range s {
		list[i] = c
	}
	return list
}

// LocalAddr is the address of them all.
func (s Sockets) LocalAddr() net.Addr { return s[0].LocalAddr() }

// Close closes them all and gives the first error.
func (s Sockets) Close() (err error) {
	for _, c := range s {
		if e := c.Close(); err == nil {
			err = e
		}
	}
	return err
}
