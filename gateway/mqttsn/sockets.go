package mqttsn

import (
	"fmt"
	"net"
	"net/netip"
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

// Listen opens the sockets of a door: "[::]:1885" for IPv6 and IPv4 alike.
func Listen(address string) (Sockets, error) {
	return listen(address, min(runtime.GOMAXPROCS(0), maxSockets))
}

// listen opens up to n sockets. Where the system cannot share an address among them,
// one does all the work.
func listen(address string, n int) (Sockets, error) {
	at, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for MQTT-SN: %w", err)
	}
	// The first is opened as its only owner and shared only then: an address that
	// another program has, be it a second Roost, is refused.
	first, err := net.ListenUDP("udp", at)
	if err != nil {
		return nil, fmt.Errorf("listen for MQTT-SN: %w", err)
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

// ListenGroup opens a socket that hears a multicast group, for Config.Group. An empty
// name is the system's choice of interface.
func ListenGroup(group netip.AddrPort, iface string) (*net.UDPConn, error) {
	var on *net.Interface
	if iface != "" {
		found, err := net.InterfaceByName(iface)
		if err != nil {
			return nil, fmt.Errorf("listen for MQTT-SN on %s: %w", iface, err)
		}
		on = found
	}
	c, err := net.ListenMulticastUDP("udp", on, net.UDPAddrFromAddrPort(group))
	if err != nil {
		return nil, fmt.Errorf("listen for MQTT-SN at group %s: %w", group, err)
	}
	return c, nil
}

// Conns are the sockets as Config takes them.
func (s Sockets) Conns() []Conn {
	list := make([]Conn, len(s))
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
