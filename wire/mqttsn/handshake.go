package mqttsn

// Pubrec, Pubrel and Pubcomp are the three steps after a PUBLISH of QoS 2 (5.4.14).
type (
	Pubrec  struct{ MsgID uint16 }
	Pubrel  struct{ MsgID uint16 }
	Pubcomp struct{ MsgID uint16 }
)

// Type is TypePubrec.
func (Pubrec) Type() Type { return TypePubrec }

// Type is TypePubrel.
func (Pubrel) Type() Type { return TypePubrel }

// Type is TypePubcomp.
func (Pubcomp) Type() Type { return TypePubcomp }

// Append adds the frame to dst.
func (m Pubrec) Append(dst []byte) ([]byte, error) { return numbered(dst, TypePubrec, m.MsgID), nil }

// Append adds the frame to dst.
func (m Pubrel) Append(dst []byte) ([]byte, error) { return numbered(dst, TypePubrel, m.MsgID), nil }

// Append adds the frame to dst.
func (m Pubcomp) Append(dst []byte) ([]byte, error) { return numbered(dst, TypePubcomp, m.MsgID), nil }

// ReadPubrec reads the body of a PUBREC.
func ReadPubrec(body []byte) (Pubrec, error) {
	id, err := readMsgID(TypePubrec, body)
	return Pubrec{id}, err
}

// ReadPubrel reads the body of a PUBREL.
func ReadPubrel(body []byte) (Pubrel, error) {
	id, err := readMsgID(TypePubrel, body)
	return Pubrel{id}, err
}

// ReadPubcomp reads the body of a PUBCOMP.
func ReadPubcomp(body []byte) (Pubcomp, error) {
	id, err := readMsgID(TypePubcomp, body)
	return Pubcomp{id}, err
}

// numbered is a frame that has a message id and nothing else.
func numbered(dst []byte, t Type, id uint16) []byte { return put16(append(dst, 4, byte(t)), id) }

func readMsgID(t Type, body []byte) (uint16, error) {
	if err := exactly(t, body, 2); err != nil {
		return 0, err
	}
	return be16(body), nil
}
