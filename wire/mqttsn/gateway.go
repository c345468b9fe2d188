package mqttsn

// Advertise is a gateway's broadcast that it is there (5.4.1).
type Advertise struct {
	Gateway  byte
	Duration uint16 // seconds until the next one
}

// Type is TypeAdvertise.
func (Advertise) Type() Type { return TypeAdvertise }

// Append adds the frame to dst.
func (m Advertise) Append(dst []byte) ([]byte, error) {
	return append(dst, 5, byte(TypeAdvertise), m.Gateway, byte(m.Duration>>8), byte(m.Duration)), nil
}

// ReadAdvertise reads the body of an ADVERTISE.
func ReadAdvertise(body []byte) (Advertise, error) {
	if err := exactly(TypeAdvertise, body, 3); err != nil {
		return Advertise{}, err
	}
	return Advertise{Gateway: body[0], Duration: be16(body[1:])}, nil
}

// SearchGW is a client's broadcast for a gateway (5.4.2).
type SearchGW struct {
	Radius byte // hops; 0 is everywhere
}

// Type is TypeSearchGW.
func (SearchGW) Type() Type { return TypeSearchGW }

// Append adds the frame to dst.
func (m SearchGW) Append(dst []byte) ([]byte, error) {
	return append(dst, 3, byte(TypeSearchGW), m.Radius), nil
}

// ReadSearchGW reads the body of a SEARCHGW.
func ReadSearchGW(body []byte) (SearchGW, error) {
	if err := exactly(TypeSearchGW, body, 1); err != nil {
		return SearchGW{}, err
	}
	return SearchGW{Radius: body[0]}, nil
}

// GWInfo answers SEARCHGW (5.4.3).
type GWInfo struct {
	Gateway byte
	Address []byte // of the gateway, when a client answers in its place
}

// Type is TypeGWInfo.
func (GWInfo) Type() Type { return TypeGWInfo }

// Append adds the frame to dst.
func (m GWInfo) Append(dst []byte) ([]byte, error) {
	dst, err := header(dst, TypeGWInfo, 1+len(m.Address))
	if err != nil {
		return dst, err
	}
	return append(append(dst, m.Gateway), m.Address...), nil
}

// ReadGWInfo reads the body of a GWINFO. Address lies in it.
func ReadGWInfo(body []byte) (GWInfo, error) {
	if err := least(TypeGWInfo, body, 1); err != nil {
		return GWInfo{}, err
	}
	return GWInfo{Gateway: body[0], Address: body[1:]}, nil
}
