package mqttsn

// Pingreq asks whether the other side is there (5.4.19). With a client id, a
// sleeping client asks for what waits for it.
type Pingreq struct{ ClientID string }

// Type is TypePingreq.
func (Pingreq) Type() Type { return TypePingreq }

// Append adds the frame to dst.
func (m Pingreq) Append(dst []byte) ([]byte, error) {
	dst, err := header(dst, TypePingreq, len(m.ClientID))
	if err != nil {
		return dst, err
	}
	return append(dst, m.ClientID...), nil
}

// ReadPingreq reads the body of a PINGREQ.
func ReadPingreq(body []byte) (Pingreq, error) {
	if len(body) == 0 {
		return Pingreq{}, nil
	}
	id, err := readName(TypePingreq, body)
	return Pingreq{id}, err
}

// Pingresp answers PINGREQ, and tells a sleeping client that no more waits for it.
type Pingresp struct{}

// Type is TypePingresp.
func (Pingresp) Type() Type { return TypePingresp }

// Append adds the frame to dst.
func (Pingresp) Append(dst []byte) ([]byte, error) { return empty(dst, TypePingresp) }

// ReadPingresp reads the body of a PINGRESP, which is empty.
func ReadPingresp(body []byte) (Pingresp, error) {
	return Pingresp{}, exactly(TypePingresp, body, 0)
}
