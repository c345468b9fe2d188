package mqttsn

// Register agrees on an id for a topic name (5.4.10). Either side sends it.
type Register struct {
	TopicID uint16 // 0 from a client
	MsgID   uint16
	Name    string
}

// Type is TypeRegister.
func (Register) Type() Type { return TypeRegister }

// Append adds the frame to dst.
func (m Register) Append(dst []byte) ([]byte, error) {
	dst, err := header(dst, TypeRegister, 4+len(m.Name))
	if err != nil {
		return dst, err
	}
	return append(put16(put16(dst, m.TopicID), m.MsgID), m.Name...), nil
}

// ReadRegister reads the body of a REGISTER.
func ReadRegister(body []byte) (Register, error) {
	if err := least(TypeRegister, body, 4); err != nil {
		return Register{}, err
	}
	name, err := readName(TypeRegister, body[4:])
	return Register{TopicID: be16(body), MsgID: be16(body[2:]), Name: name}, err
}

// Regack answers REGISTER (5.4.11).
type Regack struct {
	TopicID uint16
	MsgID   uint16
	Code    ReturnCode
}

// Type is TypeRegack.
func (Regack) Type() Type { return TypeRegack }

// Append adds the frame to dst.
func (m Regack) Append(dst []byte) ([]byte, error) {
	return topicAck(dst, TypeRegack, m.TopicID, m.MsgID, m.Code), nil
}

// ReadRegack reads the body of a REGACK.
func ReadRegack(body []byte) (Regack, error) {
	if err := exactly(TypeRegack, body, 5); err != nil {
		return Regack{}, err
	}
	return Regack{TopicID: be16(body), MsgID: be16(body[2:]), Code: ReturnCode(body[4])}, nil
}

// topicAck is the form that REGACK and PUBACK share.
func topicAck(dst []byte, t Type, topic, id uint16, c ReturnCode) []byte {
	return append(put16(put16(append(dst, 7, byte(t)), topic), id), byte(c))
}
