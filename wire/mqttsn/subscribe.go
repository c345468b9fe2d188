package mqttsn

// Subscribe asks for the messages of a topic (5.4.15).
type Subscribe struct {
	Dup   bool
	QoS   QoS
	MsgID uint16
	Topic Topic
}

// Type is TypeSubscribe.
func (Subscribe) Type() Type { return TypeSubscribe }

// Append adds the frame to dst.
func (m Subscribe) Append(dst []byte) ([]byte, error) {
	dst, err := header(dst, TypeSubscribe, 3+m.Topic.size())
	if err != nil {
		return dst, err
	}
	f := qosFlags(m.QoS).with(flagDup, m.Dup) | flags(m.Topic.Kind&3)
	return m.Topic.append(put16(append(dst, byte(f)), m.MsgID)), nil
}

// ReadSubscribe reads the body of a SUBSCRIBE.
func ReadSubscribe(body []byte) (Subscribe, error) {
	if err := least(TypeSubscribe, body, 3); err != nil {
		return Subscribe{}, err
	}
	f := flags(body[0])
	topic, err := readTopic(TypeSubscribe, f.kind(), body[3:])
	return Subscribe{Dup: f.has(flagDup), QoS: f.qos(), MsgID: be16(body[1:]), Topic: topic}, err
}

// Suback answers SUBSCRIBE (5.4.16).
type Suback struct {
	QoS     QoS    // granted
	TopicID uint16 // under which messages will come; 0 for a filter with wildcards
	MsgID   uint16
	Code    ReturnCode
}

// Type is TypeSuback.
func (Suback) Type() Type { return TypeSuback }

// Append adds the frame to dst.
func (m Suback) Append(dst []byte) ([]byte, error) {
	dst = append(dst, 8, byte(TypeSuback), byte(qosFlags(m.QoS)))
	return append(put16(put16(dst, m.TopicID), m.MsgID), byte(m.Code)), nil
}

// ReadSuback reads the body of a SUBACK.
func ReadSuback(body []byte) (Suback, error) {
	if err := exactly(TypeSuback, body, 6); err != nil {
		return Suback{}, err
	}
	return Suback{QoS: flags(body[0]).qos(), TopicID: be16(body[1:]), MsgID: be16(body[3:]), Code: ReturnCode(body[5])}, nil
}
