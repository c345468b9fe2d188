package install

import "errors"

// SLIP frames packets on a serial line (RFC 1055): C0 begins and ends one, and
// within it C0 is DB DC and DB is DB DD.
const (
	slipEnd    = 0xc0
	slipEscape = 0xdb
	slipNoEnd  = 0xdc // after slipEscape: slipEnd
	slipNoEsc  = 0xdd // after slipEscape: slipEscape

	mostPacket = 64 << 10
)

var errPacket = errors.New("broken SLIP packet")

// appendSLIP frames a packet.
func appendSLIP(to, packet []byte) []byte {
	to = append(to, slipEnd)
	for _, c := range packet {
		switch c {
		case slipEnd:
			to = append(to, slipEscape, slipNoEnd)
		case slipEscape:
			to = append(to, slipEscape, slipNoEsc)
		default:
			to = append(to, c)
		}
	}
	return append(to, slipEnd)
}

// cutSLIP takes the first packet off what has come. What stands before its
// begin (a boot log, noise) is dropped. rest is what to call it with next time,
// with more at its end; a nil packet without error asks for that. After an error
// rest begins behind the fault.
func cutSLIP(in []byte) (packet, rest []byte, err error) {
	begin := 0
	for begin < len(in) && in[begin] != slipEnd {
		begin++
	}
	for begin+1 < len(in) && in[begin+1] == slipEnd { // nothing between two ends
		begin++
	}
	in = in[begin:]
	packet = []byte{}
	for i := 1; i < len(in); i++ {
		switch c := in[i]; {
		case c == slipEnd:
			return packet, in[i+1:], nil
		case c != slipEscape:
			packet = append(packet, c)
		case i+1 == len(in):
			return nil, in, nil
		case in[i+1] == slipNoEnd:
			packet, i = append(packet, slipEnd), i+1
		case in[i+1] == slipNoEsc:
			packet, i = append(packet, slipEscape), i+1
		default:
			return nil, in[i+1:], errPacket
		}
		if len(packet) > mostPacket {
			return nil, in[i+1:], errPacket
		}
	}
	return nil, in, nil
}
