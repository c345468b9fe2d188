package mqtt

// Ping is PINGREQ or PINGRESP, by Type (MQTT 5, 3.12 and 3.13).
type Ping struct{ Type Type }

// Append implements Packet.
func (p *Ping) Append(dst []byte, _ Version) []byte { return append(dst, byte(p.Type)<<4, 0) }

// Parse implements Packet. Type becomes that of the packet.
func (p *Ping) Parse(_ Version, packet []byte) error {
	*p = Ping{}
	if len(packet) > 0 {
		p.Type = TypeOf(packet[0])
	}
	if p.Type != TypePingreq && p.Type != TypePingresp {
		return &Error{Code: ProtocolError, Packet: p.Type, What: "this is no ping"}
	}
	r := open(packet, p.Type, 0)
	return r.done()
}
