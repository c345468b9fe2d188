package mqttsn

// Unsubscribe takes a SUBSCRIBE back (5.4.17).
type Unsubscribe struct {
	MsgID uint16
	Topic Topic
}

// Type is TypeUnsubscribe.
func (Unsubscribe) Type() Type { return TypeUnsubscribe }

// Append adds the frame to dst.
func (m Unsubscribe) Append(dst []byte) ([]byte, error) {
	dst, err := header(dst, TypeUnsubscribe, 3+m.Topic.size())
	if err != nil {
		return dst, err
	}
	return m.Topic.append(put16(append(dst, byte(m.Topic.Kind&3)), m.MsgID)), nil
}

// ReadUnsubscribe reads the body of an UNSUBSCRIBE.
func ReadUnsubscribe(body []byte) (Unsubscribe, error) {
	if err := least(TypeUnsubscribe, body, 3); err != nil {
		return Unsubscribe{}, err
	}
	topic, err := readTopic(TypeUnsubscribe, flags(body[0]).kind(), body[3:])
	return Unsubscribe{MsgID: be16(body[1:]), Topic: topic}, err
}

// Unsuback answers UNSUBSCRIBE (5.4.18).
type Unsuback struct{ MsgID uint16 }

// Type is TypeUnsuback.
func (Unsuback) Type() Type { return TypeUnsuback }

// Append adds the frame to dst.
func (m Unsuback) Append(dst []byte) ([]byte, error) {
	return numbered(dst, TypeUnsuback, m.MsgID), nil
}

// ReadUnsuback reads the body of an UNSUBACK.
func ReadUnsuback(body []byte) (Unsuback, error) {
	id, err := readMsgID(TypeUnsuback, body)
	return Unsuback{id}, err
}
