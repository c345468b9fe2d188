package mqttsn

// Publish carries a message (5.4.12). Either side sends it.
type Publish struct {
	Dup    bool
	QoS    QoS
	Retain bool
	Kind   TopicKind
	Topic  uint16
	MsgID  uint16 // 0 for QoS 0 and −1
	Data   []byte
}

// Type is TypePublish.
func (Publish) Type() Type { return TypePublish }

// Append adds the frame to dst.
func (m Publish) Append(dst []byte) ([]byte, error) {
	dst, err := header(dst, TypePublish, 5+len(m.Data))
	if err != nil {
		return dst, err
	}
	f := qosFlags(m.QoS).with(flagDup, m.Dup).with(flagRetain, m.Retain) | flags(m.Kind&3)
	return append(put16(put16(append(dst, byte(f)), m.Topic), m.MsgID), m.Data...), nil
}

// ReadPublish reads the body of a PUBLISH. Data lies in it.
func ReadPublish(body []byte) (Publish, error) {
	if err := least(TypePublish, body, 5); err != nil {
		return Publish{}, err
	}
	f := flags(body[0])
	m := Publish{
		Dup: f.has(flagDup), QoS: f.qos(), Retain: f.has(flagRetain), Kind: f.kind(),
		Topic: be16(body[1:]), MsgID: be16(body[3:]), Data: body[5:],
	}
	if m.Kind == reserved {
		return Publish{}, fault(TypePublish, "topic of the reserved kind")
	}
	return m, nil
}

// Puback answers PUBLISH (5.4.13): of QoS 1, and any that is refused.
type Puback struct {
	Topic uint16
	MsgID uint16
	Code  ReturnCode
}

// Type is TypePuback.
func (Puback) Type() Type { return TypePuback }

// Append adds the frame to dst.
func (m Puback) Append(dst []byte) ([]byte, error) {
	return topicAck(dst, TypePuback, m.Topic, m.MsgID, m.Code), nil
}

// ReadPuback reads the body of a PUBACK.
func ReadPuback(body []byte) (Puback, error) {
	if err := exactly(TypePuback, body, 5); err != nil {
		return Puback{}, err
	}
	return Puback{Topic: be16(body), MsgID: be16(body[2:]), Code: ReturnCode(body[4])}, nil
}
