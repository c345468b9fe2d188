// Package udp opens the sockets of a door for datagrams: several at one address, so
// that several are read at once.
package udp

import (
	"net"
	"runtime"
)

// Sockets are the sockets of one door, all at one address. The system gives all
// datagrams of a remote to the same one, so they keep their order while several are
// read at once. Whoever opened them closes them.
type Sockets []*net.UDPConn

const (
	// readBuffer is room for some 10,000 small datagrams that come at once.
	readBuffer = 4 << 20
	// maxSockets is where more of them no longer help: the rooms are shared.
	maxSockets = 4
)

// Listen opens as many sockets as are of use here: "[::]:5683" is for IPv6 and IPv4 alike.
func Listen(address string) (Sockets, error) {
	return ListenOn(address, min(runtime.GOMAXPROCS(0), maxSockets))
}

// ListenOn opens up to n sockets. Where the system cannot share an address among them,
// one does all the work.
func ListenOn(address string, n int) (Sockets, error) {
	at, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	// The first is opened as its only owner and shared only then: an address that
	// another program has, be it a second Roost, is refused.
	first, err := net.ListenUDP("udp", at)
	if err != nil {
		return nil, err
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
		_ = c.SetReadBuffer(readBuffer) // the system may give less
	}
	return s, nil
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

// As gives the sockets as a door's Config takes them: C is an interface that
// *net.UDPConn satisfies.
func As[C any](s Sockets) []C {
	list := make([]C, len(s))
	for i, c := range s {
		list[i] = any(c).(C)
	}
	return list
}
