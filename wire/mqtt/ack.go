package mqtt

// Ack is PUBACK, PUBREC, PUBREL or PUBCOMP, by Type (MQTT 5, 3.4 to 3.7).
type Ack struct {
	Type   Type
	ID     uint16
	Code   ReasonCode // MQTT 5 only, and all below
	Reason string
	User   []UserProperty
}

// AppendAck is Append for an acknowledgement without reason string and properties.
func AppendAck(dst []byte, v Version, t Type, id uint16, code ReasonCode) []byte {
	if v == V5 && code != Success {
		return append(dst, byte(t)<<4|ackFlags(t), 3, byte(id>>8), byte(id), byte(code))
	}
	return append(dst, byte(t)<<4|ackFlags(t), 2, byte(id>>8), byte(id))
}

func ackFlags(t Type) byte {
	if t == TypePubrel {
		return 2
	}
	return 0
}

// Append implements Packet.
func (a *Ack) Append(dst []byte, v Version) []byte {
	if v != V5 || a.Reason == "" && len(a.User) == 0 {
		return AppendAck(dst, v, a.Type, a.ID, a.Code)
	}
	dst, at := begin(dst, a.Type, ackFlags(a.Type))
	dst = append(dst, byte(a.ID>>8), byte(a.ID), byte(a.Code))
	return end(appendProblem(dst, a.Reason, a.User), at)
}

// Parse implements Packet. Type becomes that of the packet.
func (a *Ack) Parse(v Version, packet []byte) error {
	*a = Ack{}
	if len(packet) > 0 {
		a.Type = TypeOf(packet[0])
	}
	if a.Type < TypePuback || a.Type > TypePubcomp {
		return &Error{Code: ProtocolError, Packet: a.Type, What: "this is no acknowledgement of a message"}
	}
	flags := ackFlags(a.Type)
	if v == V31 && a.Type == TypePubrel && len(packet) > 0 {
		flags = packet[0]&flagDup | 2 // 3.1 knows PUBREL again
	}
	r := open(packet, a.Type, flags)
	a.ID = r.id()
	if v == V5 && len(r.b) > 0 {
		codes := &receiptCodes
		if a.Type >= TypePubrel {
			codes = &releaseCodes
		}
		a.Code = r.code(codes)
		if len(r.b) > 0 {
			a.Reason, a.User = r.problem()
		}
	}
	return r.done()
}
