package mqttsn

// MaxFrame is how many bytes the longest frame has.
const MaxFrame = 65535

// Message is a frame as a value.
type Message interface {
	Type() Type
	// Append adds the frame to dst. An *Error says why it can not be one.
	Append(dst []byte) ([]byte, error)
}

// Scan takes the first frame of a datagram apart. rest is what follows it: for an
// encapsulation the message of the wireless node, else nothing in a sound datagram.
func Scan(datagram []byte) (t Type, body, rest []byte, err error) {
	if len(datagram) < 2 {
		return noType, nil, nil, fault(noType, "shorter than a length and a type")
	}
	size, head := int(datagram[0]), 1
	if size == 1 {
		if len(datagram) < 4 {
			return noType, nil, nil, fault(noType, "shorter than a long length and a type")
		}
		size, head = int(be16(datagram[1:])), 3
	}
	t = Type(datagram[head])
	switch {
	case size < head+1:
		return t, nil, nil, fault(t, "length does not count itself and the type")
	case size > len(datagram):
		return t, nil, nil, fault(t, "ends too early")
	}
	return t, datagram[head+1 : size], datagram[size:], nil
}

// header begins a frame with n bytes of body.
func header(dst []byte, t Type, n int) ([]byte, error) {
	switch size := n + 4; {
	case n+2 <= 255:
		return append(dst, byte(n+2), byte(t)), nil
	case size <= MaxFrame:
		return append(dst, 1, byte(size>>8), byte(size), byte(t)), nil
	}
	return dst, fault(t, "longer than 65,535 bytes")
}

// empty makes a frame without a body.
func empty(dst []byte, t Type) ([]byte, error) { return append(dst, 2, byte(t)), nil }

// Parse reads a datagram of one frame, or an encapsulation with its frame.
func Parse(datagram []byte) (Message, error) {
	t, body, rest, err := Scan(datagram)
	if err != nil {
		return nil, err
	}
	if t == TypeEncapsulated {
		return ReadEncapsulated(body, rest)
	}
	if len(rest) > 0 {
		return nil, fault(t, "is followed by more bytes")
	}
	read, known := readers[t]
	if !known {
		return nil, fault(noType, t.String()+" is not known")
	}
	return read(body)
}

var readers = map[Type]func(body []byte) (Message, error){
	TypeAdvertise: as(ReadAdvertise), TypeSearchGW: as(ReadSearchGW), TypeGWInfo: as(ReadGWInfo),
	TypeConnect: as(ReadConnect), TypeConnack: as(ReadConnack),
	TypeWillTopicReq: as(ReadWillTopicReq), TypeWillTopic: as(ReadWillTopic),
	TypeWillMsgReq: as(ReadWillMsgReq), TypeWillMsg: as(ReadWillMsg),
	TypeRegister: as(ReadRegister), TypeRegack: as(ReadRegack),
	TypePublish: as(ReadPublish), TypePuback: as(ReadPuback),
	TypePubrec: as(ReadPubrec), TypePubrel: as(ReadPubrel), TypePubcomp: as(ReadPubcomp),
	TypeSubscribe: as(ReadSubscribe), TypeSuback: as(ReadSuback),
	TypeUnsubscribe: as(ReadUnsubscribe), TypeUnsuback: as(ReadUnsuback),
	TypePingreq: as(ReadPingreq), TypePingresp: as(ReadPingresp), TypeDisconnect: as(ReadDisconnect),
	TypeWillTopicUpd: as(ReadWillTopicUpd), TypeWillTopicResp: as(ReadWillTopicResp),
	TypeWillMsgUpd: as(ReadWillMsgUpd), TypeWillMsgResp: as(ReadWillMsgResp),
}

// as gives a Read function the common type. After an error there is no message.
func as[M Message](read func([]byte) (M, error)) func([]byte) (Message, error) {
	return func(body []byte) (Message, error) {
		m, err := read(body)
		if err != nil {
			return nil, err
		}
		return m, nil
	}
}
