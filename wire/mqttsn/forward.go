package mqttsn

// Encapsulated is a frame that a forwarder passes on for a node of its own radio
// (5.5).
//
//	+--------+------+------+------------------+---------------------+
//	| Length | 0xFE | Ctrl | Wireless node id | Message, with its   |
//	|        |      |      |                  | own length and type |
//	+--------+------+------+------------------+---------------------+
//	|<------------- Length ------------------>|
type Encapsulated struct {
	Radius  byte   // hops of a broadcast on the radio, 0 to 3
	Node    []byte // the wireless node id
	Message []byte // one frame
}

// Type is TypeEncapsulated.
func (Encapsulated) Type() Type { return TypeEncapsulated }

// Append adds the frame and the one inside to dst.
func (m Encapsulated) Append(dst []byte) ([]byte, error) {
	dst, err := header(dst, TypeEncapsulated, 1+len(m.Node))
	if err != nil {
		return dst, err
	}
	return append(append(append(dst, m.Radius&3), m.Node...), m.Message...), nil
}

// ReadEncapsulated reads the body of an encapsulation and the frame behind it,
// which lie where they lay. The frame inside is not read.
func ReadEncapsulated(body, rest []byte) (Encapsulated, error) {
	if err := least(TypeEncapsulated, body, 1); err != nil {
		return Encapsulated{}, err
	}
	m := Encapsulated{Radius: body[0] & 3, Node: body[1:], Message: rest}
	t, _, more, err := Scan(rest)
	switch {
	case err != nil:
		return Encapsulated{}, fault(TypeEncapsulated, "message inside: "+err.Error())
	case t == TypeEncapsulated:
		return Encapsulated{}, fault(TypeEncapsulated, "holds another one")
	case len(more) > 0:
		return Encapsulated{}, fault(TypeEncapsulated, "message inside is followed by more bytes")
	}
	return m, nil
}
