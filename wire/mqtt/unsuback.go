package mqtt

// Unsuback answers UNSUBSCRIBE (MQTT 5, 3.11). Codes are of MQTT 5 only.
type Unsuback struct {
	ID     uint16
	Codes  []ReasonCode
	Reason string
	User   []UserProperty
}

// Append implements Packet.
func (u *Unsuback) Append(dst []byte, v Version) []byte {
	dst, at := begin(dst, TypeUnsuback, 0)
	dst = append(dst, byte(u.ID>>8), byte(u.ID))
	if v == V5 {
		dst = appendProblem(dst, u.Reason, u.User)
		for _, c := range u.Codes {
			dst = append(dst, byte(c))
		}
	}
	return end(dst, at)
}

// Parse implements Packet.
func (u *Unsuback) Parse(v Version, packet []byte) error {
	*u = Unsuback{}
	r := open(packet, TypeUnsuback, 0)
	u.ID = r.id()
	if v == V5 {
		u.Reason, u.User = r.problem()
		u.Codes = r.codes(&unsubackCodes)
	}
	return r.done()
}
