package mqtt

// Unsubscribe takes topic filters back (MQTT 5, 3.10).
type Unsubscribe struct {
	ID      uint16
	Filters []string // at least one
	User    []UserProperty
}

// Append implements Packet.
func (u *Unsubscribe) Append(dst []byte, v Version) []byte {
	dst, at := begin(dst, TypeUnsubscribe, 2)
	dst = append(dst, byte(u.ID>>8), byte(u.ID))
	if v == V5 {
		from := len(dst)
		dst = end(appendUser(append(dst, 0), u.User), from)
	}
	for _, f := range u.Filters {
		dst = appendText(dst, f)
	}
	return end(dst, at)
}

// Parse implements Packet.
func (u *Unsubscribe) Parse(v Version, packet []byte) error {
	*u = Unsubscribe{}
	r := open(packet, TypeUnsubscribe, requestFlags(v, packet))
	u.ID = r.id()
	if v == V5 {
		p := r.properties(setOf(propUser), setOf(propUser))
		for p.next(&r) {
			u.User = append(u.User, p.user())
		}
	}
	for len(r.b) > 0 {
		u.Filters = append(u.Filters, r.text())
	}
	if len(u.Filters) == 0 {
		r.fail(ProtocolError, "no topic filter")
	}
	return r.done()
}
