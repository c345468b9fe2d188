package websocket

import "encoding/binary"

// Op is a frame's opcode (RFC 6455, 5.2).
type Op byte

// The opcodes that exist.
const (
	opContinuation Op = 0
	Text           Op = 1
	Binary         Op = 2
	opClose        Op = 8
	opPing         Op = 9
	opPong         Op = 10
)

func (o Op) control() bool { return o&8 != 0 }

// maxControl is the longest payload of a control frame (RFC 6455, 5.5).
const maxControl = 125

const (
	finBit  = 0x80
	rsvBits = 0x70
	maskBit = 0x80
)

// AppendText appends one whole text message as a server sends it: one frame, unmasked.
func AppendText[S string | []byte](dst []byte, payload S) []byte {
	return append(appendHeader(dst, Text, len(payload)), payload...)
}

// AppendBinary is AppendText for a binary message.
func AppendBinary[S string | []byte](dst []byte, payload S) []byte {
	return append(appendHeader(dst, Binary, len(payload)), payload...)
}

func appendHeader(dst []byte, op Op, size int) []byte {
	dst = append(dst, finBit|byte(op))
	switch {
	case size <= 125:
		return append(dst, byte(size))
	case size <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(size))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(size))
}

// header is the head of a frame as a client sends it.
//
//	FIN 1 | RSV 3 | opcode 4 | MASK 1 | length 7, 7+16 or 7+64 | key 32 | payload
type header struct {
	fin  bool
	op   Op
	size uint64
	key  [4]byte
}

// parseHeader reads the header that b begins with. n is its length, 0 when b
// holds too little of it yet.
func parseHeader(b []byte) (h header, n int, err error) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h.fin, h.op = b[0]&finBit != 0, Op(b[0]&0x0f)
	if err := checkHeader(b, h); err != nil {
		return h, 0, err
	}
	n = 2
	switch h.size = uint64(b[1] &^ maskBit); h.size {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if len(b) < n+4 {
		return h, 0, nil
	}
	switch n {
	case 4:
		h.size = uint64(binary.BigEndian.Uint16(b[2:]))
	case 10:
		h.size = binary.BigEndian.Uint64(b[2:])
	}
	copy(h.key[:], b[n:])
	return h, n + 4, nil
}

func checkHeader(b []byte, h header) error {
	switch {
	case b[0]&rsvBits != 0:
		return protocolError("A reserved bit is set.")
	case h.op > Binary && h.op < opClose || h.op > opPong:
		return protocolError("The opcode is reserved.")
	case b[1]&maskBit == 0:
		return protocolError("A client's frame must be masked.")
	case h.op.control() && (!h.fin || b[1]&^maskBit > maxControl):
		return protocolError("A control frame must be whole and short.")
	}
	return nil
}

// unmask applies the key to b, whose first byte is the frame's first.
func unmask(b []byte, key [4]byte) {
	word := uint64(binary.LittleEndian.Uint32(key[:]))
	word |= word << 32
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^word)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= key[i&3]
	}
}
