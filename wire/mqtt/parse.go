package mqtt

import (
	"bufio"
	"fmt"
	"io"
)

// Parse reads any packet, as Scan found it, into a value of its type.
func Parse(v Version, packet []byte) (Packet, error) {
	if len(packet) == 0 {
		return nil, &Error{Code: MalformedPacket, What: "no bytes"}
	}
	p := blank(TypeOf(packet[0]))
	if p == nil {
		return nil, &Error{Code: MalformedPacket, What: "a packet type that is reserved"}
	}
	if err := p.Parse(v, packet); err != nil {
		return nil, err
	}
	return p, nil
}

func blank(t Type) Packet {
	switch t {
	case TypeConnect:
		return new(Connect)
	case TypeConnack:
		return new(Connack)
	case TypePublish:
		return new(Publish)
	case TypePuback, TypePubrec, TypePubrel, TypePubcomp:
		return new(Ack)
	case TypeSubscribe:
		return new(Subscribe)
	case TypeSuback:
		return new(Suback)
	case TypeUnsubscribe:
		return new(Unsubscribe)
	case TypeUnsuback:
		return new(Unsuback)
	case TypePingreq, TypePingresp:
		return new(Ping)
	case TypeDisconnect:
		return new(Disconnect)
	case TypeAuth:
		return new(Auth)
	}
	return nil
}

// Read reads one packet of at most max bytes, into memory of its own. It is for those
// who are in no hurry.
func Read(r *bufio.Reader, v Version, max int) (Packet, error) {
	var head []byte
	for Want(head) == 0 {
		b, err := r.ReadByte()
		if err != nil {
			return nil, fmt.Errorf("read packet: %w", err)
		}
		head = append(head, b)
		if _, err := Scan(head, max); err != nil {
			return nil, err
		}
	}
	packet := make([]byte, Want(head))
	if _, err := io.ReadFull(r, packet[copy(packet, head):]); err != nil {
		return nil, fmt.Errorf("read packet: %w", err)
	}
	return Parse(v, packet)
}
