package mqttsn

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/roost-iot/roost/gateway/udp"
)

// Listen opens the sockets of a door: "[::]:1885" for IPv6 and IPv4 alike. Whoever
// opened them closes them.
func Listen(address string) (udp.Sockets, error) {
	s, err := udp.Listen(address)
	if err != nil {
		return nil, fmt.Errorf("listen for MQTT-SN: %w", err)
	}
	return s, nil
}

// Conns are the sockets as Config takes them.
func Conns(s udp.Sockets) []Conn { return udp.As[Conn](s) }

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
