package mqttsn

// protocolID is the only one there is (5.3.8).
const protocolID = 1

// Connect opens a session (5.4.4).
type Connect struct {
	Will     bool
	Clean    bool
	Duration uint16 // keep alive, in seconds
	ClientID string // 1 to 23 characters by the standard; longer ones are read, too
}

// Type is TypeConnect.
func (Connect) Type() Type { return TypeConnect }

// Append adds the frame to dst.
func (m Connect) Append(dst []byte) ([]byte, error) {
	dst, err := header(dst, TypeConnect, 4+len(m.ClientID))
	if err != nil {
		return dst, err
	}
	f := flags(0).with(flagWill, m.Will).with(flagClean, m.Clean)
	dst = put16(append(dst, byte(f), protocolID), m.Duration)
	return append(dst, m.ClientID...), nil
}

// ReadConnect reads the body of a CONNECT.
func ReadConnect(body []byte) (Connect, error) {
	if err := least(TypeConnect, body, 4); err != nil {
		return Connect{}, err
	}
	if body[1] != protocolID {
		return Connect{}, fault(TypeConnect, "protocol id is not 1")
	}
	f := flags(body[0])
	id, err := readName(TypeConnect, body[4:])
	return Connect{Will: f.has(flagWill), Clean: f.has(flagClean), Duration: be16(body[2:]), ClientID: id}, err
}

// Connack answers CONNECT (5.4.5).
type Connack struct{ Code ReturnCode }

// Type is TypeConnack.
func (Connack) Type() Type { return TypeConnack }

// Append adds the frame to dst.
func (m Connack) Append(dst []byte) ([]byte, error) {
	return append(dst, 3, byte(TypeConnack), byte(m.Code)), nil
}

// ReadConnack reads the body of a CONNACK.
func ReadConnack(body []byte) (Connack, error) {
	c, err := readCode(TypeConnack, body)
	return Connack{c}, err
}

func readCode(t Type, body []byte) (ReturnCode, error) {
	if err := exactly(t, body, 1); err != nil {
		return 0, err
	}
	return ReturnCode(body[0]), nil
}

// Disconnect ends a session, or lets a client sleep (5.4.21).
type Disconnect struct {
	Sleep    bool   // there is a Duration
	Duration uint16 // of the sleep, in seconds
}

// Type is TypeDisconnect.
func (Disconnect) Type() Type { return TypeDisconnect }

// Append adds the frame to dst.
func (m Disconnect) Append(dst []byte) ([]byte, error) {
	if !m.Sleep {
		return empty(dst, TypeDisconnect)
	}
	return append(dst, 4, byte(TypeDisconnect), byte(m.Duration>>8), byte(m.Duration)), nil
}

// ReadDisconnect reads the body of a DISCONNECT.
func ReadDisconnect(body []byte) (Disconnect, error) {
	if len(body) == 0 {
		return Disconnect{}, nil
	}
	if err := exactly(TypeDisconnect, body, 2); err != nil {
		return Disconnect{}, err
	}
	return Disconnect{Sleep: true, Duration: be16(body)}, nil
}
