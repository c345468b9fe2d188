package mqttsn

// WillTopicReq asks for the topic of the will (5.4.6).
type WillTopicReq struct{}

// WillMsgReq asks for the message of the will (5.4.8).
type WillMsgReq struct{}

// WillTopic tells the topic of the will (5.4.7). The zero value deletes the will.
type WillTopic struct {
	QoS    QoS
	Retain bool
	Topic  string
}

// WillMsg tells the message of the will (5.4.9).
type WillMsg struct{ Message []byte }

// Type is TypeWillTopicReq.
func (WillTopicReq) Type() Type { return TypeWillTopicReq }

// Type is TypeWillMsgReq.
func (WillMsgReq) Type() Type { return TypeWillMsgReq }

// Type is TypeWillTopic.
func (WillTopic) Type() Type { return TypeWillTopic }

// Type is TypeWillMsg.
func (WillMsg) Type() Type { return TypeWillMsg }

// Append adds the frame to dst.
func (WillTopicReq) Append(dst []byte) ([]byte, error) { return empty(dst, TypeWillTopicReq) }

// Append adds the frame to dst.
func (WillMsgReq) Append(dst []byte) ([]byte, error) { return empty(dst, TypeWillMsgReq) }

// Append adds the frame to dst.
func (m WillTopic) Append(dst []byte) ([]byte, error) { return m.append(dst, TypeWillTopic) }

// Append adds the frame to dst.
func (m WillMsg) Append(dst []byte) ([]byte, error) { return m.append(dst, TypeWillMsg) }

func (m WillTopic) append(dst []byte, t Type) ([]byte, error) {
	if m.Topic == "" {
		return empty(dst, t)
	}
	dst, err := header(dst, t, 1+len(m.Topic))
	if err != nil {
		return dst, err
	}
	dst = append(dst, byte(qosFlags(m.QoS).with(flagRetain, m.Retain)))
	return append(dst, m.Topic...), nil
}

func (m WillMsg) append(dst []byte, t Type) ([]byte, error) {
	dst, err := header(dst, t, len(m.Message))
	if err != nil {
		return dst, err
	}
	return append(dst, m.Message...), nil
}

// ReadWillTopicReq reads the body of a WILLTOPICREQ, which is empty.
func ReadWillTopicReq(body []byte) (WillTopicReq, error) {
	return WillTopicReq{}, exactly(TypeWillTopicReq, body, 0)
}

// ReadWillMsgReq reads the body of a WILLMSGREQ, which is empty.
func ReadWillMsgReq(body []byte) (WillMsgReq, error) {
	return WillMsgReq{}, exactly(TypeWillMsgReq, body, 0)
}

// ReadWillTopic reads the body of a WILLTOPIC.
func ReadWillTopic(body []byte) (WillTopic, error) { return readWillTopic(TypeWillTopic, body) }

// ReadWillMsg reads the body of a WILLMSG. Message lies in it.
func ReadWillMsg(body []byte) (WillMsg, error) { return WillMsg{body}, nil }

func readWillTopic(t Type, body []byte) (WillTopic, error) {
	if len(body) == 0 {
		return WillTopic{}, nil
	}
	f := flags(body[0])
	if f.qos() == QoSMinus1 {
		return WillTopic{}, fault(t, "a will can not have QoS -1")
	}
	topic, err := readName(t, body[1:])
	return WillTopic{QoS: f.qos(), Retain: f.has(flagRetain), Topic: topic}, err
}
