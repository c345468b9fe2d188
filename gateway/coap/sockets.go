package coap

import (
	"fmt"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/gateway/udp"
)

// Listen opens the sockets of a door: "[::]:5683" for IPv6 and IPv4 alike. Whoever
// opened them closes them.
func Listen(address string) (udp.Sockets, error) {
	s, err := udp.Listen(address)
	if err != nil {
		return nil, fmt.Errorf("listen for CoAP: %w", err)
	}
	return s, nil
}

// Conns are the sockets as Config takes them.
func Conns(s udp.Sockets) []exchange.Conn { return udp.As[exchange.Conn](s) }
