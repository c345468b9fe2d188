package mqtt

// Auth goes on with an extended authentication (MQTT 5, 3.15).
type Auth struct {
	Code   ReasonCode
	Method string
	Data   []byte // borrowed after Parse
	Reason string
	User   []UserProperty
}

func appendAuth(dst []byte, method string, data []byte) []byte {
	dst = appendTextUnlessEmpty(dst, propAuthMethod, method)
	if data == nil {
		return dst
	}
	return appendBinary(append(dst, byte(propAuthData)), data)
}

// Append implements Packet.
func (a *Auth) Append(dst []byte, _ Version) []byte {
	dst, at := begin(dst, TypeAuth, 0)
	if a.Code == Success && a.Method == "" && a.Data == nil && a.Reason == "" && len(a.User) == 0 {
		return end(dst, at)
	}
	dst = append(dst, byte(a.Code), 0)
	from := len(dst) - 1
	dst = appendAuth(dst, a.Method, a.Data)
	dst = appendTextUnlessEmpty(dst, propReason, a.Reason)
	return end(end(appendUser(dst, a.User), from), at)
}

// Parse implements Packet.
func (a *Auth) Parse(v Version, packet []byte) error {
	*a = Auth{}
	r := open(packet, TypeAuth, 0)
	if v != V5 {
		r.fail(ProtocolError, "it is of MQTT 5 only")
	}
	if len(r.b) > 0 {
		a.Code = r.code(&authCodes)
	}
	if len(r.b) > 0 {
		p := r.properties(setOf(propAuthMethod, propAuthData, propReason, propUser), setOf(propUser))
		for p.next(&r) {
			switch p.id {
			case propAuthMethod:
				a.Method = p.text()
			case propAuthData:
				a.Data = p.binary()
			case propReason:
				a.Reason = p.text()
			case propUser:
				a.User = append(a.User, p.user())
			}
		}
	}
	return r.done()
}
