package mqtt

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// reader takes values off the front of b. After the first fault it gives zeros.
type reader struct {
	packet Type
	b      []byte
	err    *Error
}

// open checks the fixed header of a whole packet and gives its reader, on what
// follows. flags are what the lower four bits must be.
func open(packet []byte, t Type, flags byte) reader {
	r := openAny(packet, t)
	if r.err == nil && packet[0]&15 != flags {
		r.fail(MalformedPacket, "reserved flags are set")
	}
	return r
}

func openAny(packet []byte, t Type) reader {
	r := reader{packet: t}
	head, rest, err := header(packet)
	switch {
	case err != nil || head == 0 || len(packet) != head+rest:
		r.fail(MalformedPacket, "its length is not what its header says")
	case TypeOf(packet[0]) != t:
		r.fail(ProtocolError, "this is "+TypeOf(packet[0]).String())
	default:
		r.b = packet[head:]
	}
	return r
}

func (r *reader) fail(code ReasonCode, what string) {
	if r.err == nil {
		r.err = &Error{Code: code, Packet: r.packet, What: what}
	}
	r.b = nil
}

// done gives the fault, or complains of what is left.
func (r *reader) done() error {
	if r.err == nil && len(r.b) > 0 {
		r.fail(MalformedPacket, "bytes are left behind its end")
	}
	return r.result()
}

// result is the fault as an error that may be nil.
func (r *reader) result() error {
	if r.err != nil {
		return r.err
	}
	return nil
}

func (r *reader) short() { r.fail(MalformedPacket, "it ends too early") }

func (r *reader) byte() byte {
	if len(r.b) < 1 {
		r.short()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) uint16() uint16 {
	if len(r.b) < 2 {
		r.short()
		return 0
	}
	v := binary.BigEndian.Uint16(r.b)
	r.b = r.b[2:]
	return v
}

func (r *reader) uint32() uint32 {
	if len(r.b) < 4 {
		r.short()
		return 0
	}
	v := binary.BigEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v
}

// varint reads a variable byte integer (MQTT 5, 1.5.5).
func (r *reader) varint() uint32 {
	var v uint32
	for i := range 4 {
		b := r.byte()
		v |= uint32(b&0x7f) << (7 * i)
		if b < 0x80 {
			return v
		}
	}
	r.fail(MalformedPacket, "a variable byte integer of more than four bytes")
	return 0
}

// binary reads binary data, borrowed from the packet; never nil without a fault.
func (r *reader) binary() []byte {
	n := int(r.uint16())
	if len(r.b) < n {
		r.short()
	}
	if r.err != nil {
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// text reads a UTF-8 string (MQTT 5, 1.5.4).
func (r *reader) text() string {
	b := r.binary()
	if len(b) == 0 {
		return ""
	}
	if !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		r.fail(MalformedPacket, "a string must be UTF-8 without NUL")
		return ""
	}
	return string(b)
}

// id reads a packet identifier, which is not 0 (MQTT 5, 2.2.1).
func (r *reader) id() uint16 {
	id := r.uint16()
	if id == 0 {
		r.fail(ProtocolError, "a packet identifier may not be 0")
	}
	return id
}
