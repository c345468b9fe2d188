package mqtt

import "fmt"

// Error is what is wrong with a packet, and the reason code that MQTT 5 has for it:
// MalformedPacket, ProtocolError, PacketTooLarge and a few more.
type Error struct {
	Code   ReasonCode
	Packet Type   // of which packet; 0: not known yet
	What   string // "a topic name may not hold wildcards"
}

func (e *Error) Error() string {
	if e.Packet == 0 {
		return fmt.Sprintf("%v: %s", e.Code, e.What)
	}
	return fmt.Sprintf("%v: %v: %s", e.Packet, e.Code, e.What)
}
