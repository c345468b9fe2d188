package mqtt

// Disconnect ends a connection (MQTT 5, 3.14). The older versions know it from the
// client only, without anything in it.
type Disconnect struct {
	Code             ReasonCode
	HasSessionExpiry bool
	SessionExpiry    uint32 // s
	Reason           string
	ServerReference  string
	User             []UserProperty
}

// Append implements Packet.
func (d *Disconnect) Append(dst []byte, v Version) []byte {
	dst, at := begin(dst, TypeDisconnect, 0)
	if v != V5 {
		return dst
	}
	if !d.HasSessionExpiry && d.Reason == "" && d.ServerReference == "" && len(d.User) == 0 {
		if d.Code != Success {
			dst = append(dst, byte(d.Code))
		}
		return end(dst, at)
	}
	dst = append(dst, byte(d.Code), 0)
	from := len(dst) - 1
	if d.HasSessionExpiry {
		dst = appendUint32Prop(dst, propSessionExpiry, d.SessionExpiry)
	}
	dst = appendTextUnlessEmpty(dst, propReason, d.Reason)
	dst = appendTextUnlessEmpty(dst, propServerReference, d.ServerReference)
	return end(end(appendUser(dst, d.User), from), at)
}

// Parse implements Packet.
func (d *Disconnect) Parse(v Version, packet []byte) error {
	*d = Disconnect{}
	r := open(packet, TypeDisconnect, 0)
	if v == V5 && len(r.b) > 0 {
		d.Code = r.code(&disconnectCodes)
	}
	if v == V5 && len(r.b) > 0 {
		p := r.properties(setOf(propSessionExpiry, propReason, propServerReference, propUser), setOf(propUser))
		for p.next(&r) {
			switch p.id {
			case propSessionExpiry:
				d.SessionExpiry, d.HasSessionExpiry = p.uint32(), true
			case propReason:
				d.Reason = p.text()
			case propServerReference:
				d.ServerReference = p.text()
			case propUser:
				d.User = append(d.User, p.user())
			}
		}
	}
	return r.done()
}
