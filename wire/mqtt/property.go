package mqtt

// property is a property's identifier (MQTT 5, 2.2.2.2).
type property byte

const (
	propPayloadFormat   property = 0x01
	propMessageExpiry   property = 0x02
	propContentType     property = 0x03
	propResponseTopic   property = 0x08
	propCorrelationData property = 0x09
	propSubscriptionID  property = 0x0B
	propSessionExpiry   property = 0x11
	propAssignedID      property = 0x12
	propServerKeepAlive property = 0x13
	propAuthMethod      property = 0x15
	propAuthData        property = 0x16
	propRequestProblem  property = 0x17
	propWillDelay       property = 0x18
	propRequestResponse property = 0x19
	propResponseInfo    property = 0x1A
	propServerReference property = 0x1C
	propReason          property = 0x1F
	propReceiveMaximum  property = 0x21
	propTopicAliasMax   property = 0x22
	propTopicAlias      property = 0x23
	propMaxQoS          property = 0x24
	propRetainAvailable property = 0x25
	propUser            property = 0x26
	propMaxPacket       property = 0x27
	propWildcards       property = 0x28
	propSubscriptionIDs property = 0x29
	propShared          property = 0x2A
	propLast            property = 0x2A
)

// set is a set of properties.
type set uint64

func setOf(ids ...property) set {
	var s set
	for _, id := range ids {
		s |= 1 << id
	}
	return s
}

// properties reads a property list that stands in a packet.
//
//	for p := r.properties(ackSet, many); p.next(r); {
//		switch p.id { … }
//	}
type properties struct {
	reader // on the list
	id     property
	allow  set
	many   set // may come twice
	seen   set
}

// properties opens the list; the packet's reader goes on behind it.
func (r *reader) properties(allow, many set) properties {
	p := properties{reader: reader{packet: r.packet}, allow: allow, many: many}
	n := int(r.varint())
	if n > len(r.b) {
		r.fail(MalformedPacket, "the properties are longer than the packet")
	}
	if r.err == nil {
		p.b, r.b = r.b[:n], r.b[n:]
	}
	return p
}

// next reads the next identifier. It gives false at the end and after a fault, which
// becomes that of r, the packet's reader.
func (p *properties) next(r *reader) bool {
	if p.err == nil && len(p.b) > 0 {
		id := p.varint()
		switch {
		case p.err != nil:
		case id > uint32(propLast) || p.allow&(1<<id) == 0:
			p.fail(MalformedPacket, "a property that does not belong there")
		case p.seen&^p.many&(1<<id) != 0:
			p.fail(ProtocolError, "a property comes twice")
		default:
			p.seen |= 1 << id
			p.id = property(id)
			return true
		}
	}
	if p.err != nil {
		r.fail(p.err.Code, p.err.What)
	}
	return false
}

// bool reads a byte that may be 0 or 1.
func (p *properties) bool() bool {
	v := p.byte()
	if v > 1 {
		p.fail(ProtocolError, "a property must be 0 or 1")
	}
	return v == 1
}

// positive reads two bytes that may not be 0.
func (p *properties) positive() uint16 {
	v := p.uint16()
	if v == 0 {
		p.fail(ProtocolError, "a property may not be 0")
	}
	return v
}

// size reads a maximum packet size, which may not be 0.
func (p *properties) size() uint32 {
	v := p.uint32()
	if v == 0 {
		p.fail(ProtocolError, "a maximum packet size may not be 0")
	}
	return v
}

func (p *properties) user() UserProperty {
	name := p.text()
	return UserProperty{Name: name, Value: p.text()}
}

// problem reads what acknowledgements have: a reason string and user properties.
func (r *reader) problem() (reason string, user []UserProperty) {
	p := r.properties(setOf(propReason, propUser), setOf(propUser))
	for p.next(r) {
		switch p.id {
		case propReason:
			reason = p.text()
		case propUser:
			user = append(user, p.user())
		}
	}
	return reason, user
}
