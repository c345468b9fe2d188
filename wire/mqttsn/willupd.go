package mqttsn

// WillTopicUpd changes the topic of the will (5.4.22). The zero value deletes the
// will.
type WillTopicUpd WillTopic

// WillMsgUpd changes the message of the will (5.4.23).
type WillMsgUpd WillMsg

// WillTopicResp answers WILLTOPICUPD (5.4.24).
type WillTopicResp struct{ Code ReturnCode }

// WillMsgResp answers WILLMSGUPD (5.4.25).
type WillMsgResp struct{ Code ReturnCode }

// Type is TypeWillTopicUpd.
func (WillTopicUpd) Type() Type { return TypeWillTopicUpd }

// Type is TypeWillMsgUpd.
func (WillMsgUpd) Type() Type { return TypeWillMsgUpd }

// Type is TypeWillTopicResp.
func (WillTopicResp) Type() Type { return TypeWillTopicResp }

// Type is TypeWillMsgResp.
func (WillMsgResp) Type() Type { return TypeWillMsgResp }

// Append adds the frame to dst.
func (m WillTopicUpd) Append(dst []byte) ([]byte, error) {
	return WillTopic(m).append(dst, TypeWillTopicUpd)
}

// Append adds the frame to dst.
func (m WillMsgUpd) Append(dst []byte) ([]byte, error) { return WillMsg(m).append(dst, TypeWillMsgUpd) }

// Append adds the frame to dst.
func (m WillTopicResp) Append(dst []byte) ([]byte, error) {
	return append(dst, 3, byte(TypeWillTopicResp), byte(m.Code)), nil
}

// Append adds the frame to dst.
func (m WillMsgResp) Append(dst []byte) ([]byte, error) {
	return append(dst, 3, byte(TypeWillMsgResp), byte(m.Code)), nil
}

// ReadWillTopicUpd reads the body of a WILLTOPICUPD.
func ReadWillTopicUpd(body []byte) (WillTopicUpd, error) {
	m, err := readWillTopic(TypeWillTopicUpd, body)
	return WillTopicUpd(m), err
}

// ReadWillMsgUpd reads the body of a WILLMSGUPD. Message lies in it.
func ReadWillMsgUpd(body []byte) (WillMsgUpd, error) { return WillMsgUpd{body}, nil }

// ReadWillTopicResp reads the body of a WILLTOPICRESP.
func ReadWillTopicResp(body []byte) (WillTopicResp, error) {
	c, err := readCode(TypeWillTopicResp, body)
	return WillTopicResp{c}, err
}

// ReadWillMsgResp reads the body of a WILLMSGRESP.
func ReadWillMsgResp(body []byte) (WillMsgResp, error) {
	c, err := readCode(TypeWillMsgResp, body)
	return WillMsgResp{c}, err
}
