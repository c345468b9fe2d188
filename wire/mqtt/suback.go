package mqtt

// Suback answers SUBSCRIBE: a code for each of its subscriptions, in order
// (MQTT 5, 3.9). Any failure is 0x80 to the older versions.
type Suback struct {
	ID     uint16
	Codes  []ReasonCode
	Reason string // MQTT 5
	User   []UserProperty
}

// Append implements Packet.
func (s *Suback) Append(dst []byte, v Version) []byte {
	dst, at := begin(dst, TypeSuback, 0)
	dst = append(dst, byte(s.ID>>8), byte(s.ID))
	if v == V5 {
		dst = appendProblem(dst, s.Reason, s.User)
	}
	for _, c := range s.Codes {
		if v != V5 && c.Failed() {
			c = UnspecifiedError
		}
		dst = append(dst, byte(c))
	}
	return end(dst, at)
}

// Parse implements Packet.
func (s *Suback) Parse(v Version, packet []byte) error {
	*s = Suback{}
	r := open(packet, TypeSuback, 0)
	s.ID = r.id()
	codes := &oldSubackCodes
	if v == V5 {
		s.Reason, s.User = r.problem()
		codes = &subackCodes
	}
	s.Codes = r.codes(codes)
	return r.done()
}

// codes reads all that are left, at least one.
func (r *reader) codes(from *codeSet) (codes []ReasonCode) {
	if len(r.b) == 0 {
		r.short()
	}
	for len(r.b) > 0 {
		codes = append(codes, r.code(from))
	}
	return codes
}
