package mqtt

// Connack answers CONNECT (MQTT 5, 3.2). To an older version goes its return code 0
// to 5 that comes nearest to Code.
type Connack struct {
	SessionPresent bool
	Code           ReasonCode

	// MQTT 5 only. Zero means not said.
	HasSessionExpiry  bool
	SessionExpiry     uint32
	ReceiveMaximum    uint16
	LimitQoS          bool // MaxQoS (0 or 1) is the highest that the server takes
	MaxQoS            byte
	NoRetain          bool
	MaxPacket         uint32
	AssignedID        string
	TopicAliasMax     uint16
	Reason            string
	User              []UserProperty
	NoWildcards       bool
	NoSubscriptionIDs bool
	NoShared          bool
	HasKeepAlive      bool
	KeepAlive         uint16 // s; the server's, instead of the client's
	ResponseInfo      string
	ServerReference   string
	AuthMethod        string
	AuthData          []byte // borrowed after Parse
}

var connackProps = setOf(propSessionExpiry, propReceiveMaximum, propMaxQoS, propRetainAvailable, propMaxPacket,
	propAssignedID, propTopicAliasMax, propReason, propUser, propWildcards, propSubscriptionIDs, propShared,
	propServerKeepAlive, propResponseInfo, propServerReference, propAuthMethod, propAuthData)

// returnCodes are those of 3.1.1, by number (MQTT 3.1.1, 3.2.2.3).
var returnCodes = [...]ReasonCode{Success, UnsupportedProtocolVersion, ClientIDNotValid, ServerUnavailable, BadUserNameOrPassword, NotAuthorized}

func returnCode(c ReasonCode) byte {
	switch c {
	case Success:
		return 0
	case UnsupportedProtocolVersion:
		return 1
	case ClientIDNotValid:
		return 2
	case BadUserNameOrPassword, BadAuthenticationMethod:
		return 4
	case NotAuthorized, Banned:
		return 5
	}
	return 3
}

// Append implements Packet.
func (c *Connack) Append(dst []byte, v Version) []byte {
	dst, at := begin(dst, TypeConnack, 0)
	var flags byte
	if c.SessionPresent && c.Code == Success && v != V31 {
		flags = 1
	}
	if v != V5 {
		return end(append(dst, flags, returnCode(c.Code)), at)
	}
	return end(c.appendProps(append(dst, flags, byte(c.Code))), at)
}

func (c *Connack) appendProps(dst []byte) []byte {
	at := len(dst)
	dst = append(dst, 0)
	if c.HasSessionExpiry {
		dst = appendUint32Prop(dst, propSessionExpiry, c.SessionExpiry)
	}
	if c.ReceiveMaximum > 0 {
		dst = appendUint16Prop(dst, propReceiveMaximum, c.ReceiveMaximum)
	}
	if c.LimitQoS {
		dst = appendByteProp(dst, propMaxQoS, c.MaxQoS)
	}
	if c.MaxPacket > 0 {
		dst = appendUint32Prop(dst, propMaxPacket, c.MaxPacket)
	}
	if c.TopicAliasMax > 0 {
		dst = appendUint16Prop(dst, propTopicAliasMax, c.TopicAliasMax)
	}
	if c.HasKeepAlive {
		dst = appendUint16Prop(dst, propServerKeepAlive, c.KeepAlive)
	}
	dst = appendDenied(dst, propRetainAvailable, c.NoRetain)
	dst = appendDenied(dst, propWildcards, c.NoWildcards)
	dst = appendDenied(dst, propSubscriptionIDs, c.NoSubscriptionIDs)
	dst = appendDenied(dst, propShared, c.NoShared)
	dst = appendTextUnlessEmpty(dst, propAssignedID, c.AssignedID)
	dst = appendTextUnlessEmpty(dst, propReason, c.Reason)
	dst = appendTextUnlessEmpty(dst, propResponseInfo, c.ResponseInfo)
	dst = appendTextUnlessEmpty(dst, propServerReference, c.ServerReference)
	dst = appendAuth(dst, c.AuthMethod, c.AuthData)
	return end(appendUser(dst, c.User), at)
}

// appendDenied says that something is not available; that it is, needs no words.
func appendDenied(dst []byte, id property, denied bool) []byte {
	if !denied {
		return dst
	}
	return appendByteProp(dst, id, 0)
}

// Parse implements Packet. A server that does not know MQTT 5 answers in the form of
// 3.1.1, which is understood with V5 as well.
func (c *Connack) Parse(v Version, packet []byte) error {
	*c = Connack{}
	r := open(packet, TypeConnack, 0)
	flags := r.byte()
	if flags > 1 && v != V31 {
		r.fail(MalformedPacket, "reserved flags are set")
	}
	c.SessionPresent = flags&1 != 0 && v != V31
	if v != V5 || len(r.b) == 1 && r.b[0] < byte(len(returnCodes)) {
		old := r.byte()
		if int(old) >= len(returnCodes) {
			r.fail(MalformedPacket, "a return code that is not known")
			return r.done()
		}
		c.Code = returnCodes[old]
		return r.done()
	}
	c.Code = r.code(&connackCodes)
	c.readProps(&r)
	return r.done()
}

func (c *Connack) readProps(r *reader) {
	p := r.properties(connackProps, setOf(propUser))
	for p.next(r) {
		switch p.id {
		case propSessionExpiry:
			c.SessionExpiry, c.HasSessionExpiry = p.uint32(), true
		case propReceiveMaximum:
			c.ReceiveMaximum = p.positive()
		case propMaxQoS:
			c.LimitQoS = true
			if p.bool() {
				c.MaxQoS = 1
			}
		case propMaxPacket:
			c.MaxPacket = p.size()
		case propTopicAliasMax:
			c.TopicAliasMax = p.uint16()
		case propServerKeepAlive:
			c.KeepAlive, c.HasKeepAlive = p.uint16(), true
		case propRetainAvailable:
			c.NoRetain = !p.bool()
		case propWildcards:
			c.NoWildcards = !p.bool()
		case propSubscriptionIDs:
			c.NoSubscriptionIDs = !p.bool()
		case propShared:
			c.NoShared = !p.bool()
		case propUser:
			c.User = append(c.User, p.user())
		case propAuthData:
			c.AuthData = p.binary()
		default:
			*c.textOf(p.id) = p.text()
		}
	}
}

// textOf is where the text of a property goes.
func (c *Connack) textOf(id property) *string {
	switch id {
	case propAssignedID:
		return &c.AssignedID
	case propResponseInfo:
		return &c.ResponseInfo
	case propServerReference:
		return &c.ServerReference
	case propAuthMethod:
		return &c.AuthMethod
	}
	return &c.Reason
}
