package mqtt

// NoExpiry is a session expiry that means for ever.
const NoExpiry = 0xFFFF_FFFF

// Connect is what a client begins with (MQTT 5, 3.1).
type Connect struct {
	Version     Version
	Bridge      bool   // bit 7 of the level, as mosquitto's bridges set it in 3.1 and 3.1.1
	CleanStart  bool   // the older versions' clean session
	KeepAlive   uint16 // s; 0: never
	ClientID    string
	Will        *Will // nil: none
	HasUserName bool
	HasPassword bool
	UserName    string
	Password    []byte // borrowed after Parse

	// MQTT 5 only.
	SessionExpiry   uint32 // s; 0: ends with the connection; NoExpiry
	ReceiveMaximum  uint16 // 0: not said, which means 65,535
	MaxPacket       uint32 // bytes; 0: not said, which means no limit
	TopicAliasMax   uint16
	RequestResponse bool // response information is wanted
	NoProblemInfo   bool // no reason strings and user properties are wanted but in PUBLISH, CONNACK and DISCONNECT
	User            []UserProperty
	AuthMethod      string
	AuthData        []byte // borrowed after Parse
}

const (
	flagCleanStart = 1 << 1
	flagWill       = 1 << 2
	flagWillRetain = 1 << 5
	flagPassword   = 1 << 6
	flagUserName   = 1 << 7
	bridgeBit      = 0x80
)

var connectProps = setOf(propSessionExpiry, propReceiveMaximum, propMaxPacket, propTopicAliasMax, propRequestResponse,
	propRequestProblem, propUser, propAuthMethod, propAuthData)

// Append implements Packet. The version is c.Version, whatever v is.
func (c *Connect) Append(dst []byte, _ Version) []byte {
	dst, at := begin(dst, TypeConnect, 0)
	level := byte(c.Version)
	if c.Bridge && c.Version != V5 {
		level |= bridgeBit
	}
	name := "MQTT"
	if c.Version == V31 {
		name = "MQIsdp"
	}
	dst = append(appendText(dst, name), level, c.flags(), byte(c.KeepAlive>>8), byte(c.KeepAlive))
	if c.Version == V5 {
		dst = c.appendProps(dst)
	}
	dst = appendText(dst, c.ClientID)
	if c.Will != nil {
		dst = c.Will.append(dst, c.Version)
	}
	if c.HasUserName {
		dst = appendText(dst, c.UserName)
	}
	if c.HasPassword {
		dst = appendBinary(dst, c.Password)
	}
	return end(dst, at)
}

func (c *Connect) flags() (flags byte) {
	if c.CleanStart {
		flags |= flagCleanStart
	}
	if c.Will != nil {
		flags |= flagWill | c.Will.QoS&3<<3
		if c.Will.Retain {
			flags |= flagWillRetain
		}
	}
	if c.HasPassword {
		flags |= flagPassword
	}
	if c.HasUserName {
		flags |= flagUserName
	}
	return flags
}

func (c *Connect) appendProps(dst []byte) []byte {
	at := len(dst)
	dst = append(dst, 0)
	if c.SessionExpiry > 0 {
		dst = appendUint32Prop(dst, propSessionExpiry, c.SessionExpiry)
	}
	if c.ReceiveMaximum > 0 {
		dst = appendUint16Prop(dst, propReceiveMaximum, c.ReceiveMaximum)
	}
	if c.MaxPacket > 0 {
		dst = appendUint32Prop(dst, propMaxPacket, c.MaxPacket)
	}
	if c.TopicAliasMax > 0 {
		dst = appendUint16Prop(dst, propTopicAliasMax, c.TopicAliasMax)
	}
	if c.RequestResponse {
		dst = appendByteProp(dst, propRequestResponse, 1)
	}
	if c.NoProblemInfo {
		dst = appendByteProp(dst, propRequestProblem, 0)
	}
	dst = appendAuth(dst, c.AuthMethod, c.AuthData)
	return end(appendUser(dst, c.User), at)
}

// Parse implements Packet; v means nothing. Once Version is not 0 after a fault, that
// is the version in which the client awaits its answer. A level that is not known
// gives UnsupportedProtocolVersion.
func (c *Connect) Parse(_ Version, packet []byte) error {
	*c = Connect{}
	r := open(packet, TypeConnect, 0)
	c.readVersion(&r)
	flags := r.byte()
	c.KeepAlive = r.uint16()
	c.readFlags(&r, flags)
	if c.Version == V5 {
		c.readProps(&r)
	}
	c.ClientID = r.text()
	if c.Will != nil {
		c.Will.read(&r, c.Version)
	}
	// MQTT 3.1 lets a CONNECT end before what its flags promise.
	if c.HasUserName = flags&flagUserName != 0 && !(c.Version == V31 && len(r.b) == 0); c.HasUserName {
		c.UserName = r.text()
	}
	if c.HasPassword = flags&flagPassword != 0 && !(c.Version == V31 && len(r.b) == 0); c.HasPassword {
		c.Password = r.binary()
	}
	return r.done()
}

func (c *Connect) readVersion(r *reader) {
	name, level := r.text(), r.byte()
	switch version := Version(level &^ bridgeBit); {
	case r.err != nil:
	case name == "MQIsdp" && version == V31, name == "MQTT" && version == V311:
		c.Version, c.Bridge = version, level&bridgeBit != 0
	case name == "MQTT" && level == byte(V5):
		c.Version = V5
	case name == "MQTT" || name == "MQIsdp":
		r.fail(UnsupportedProtocolVersion, "a protocol level that is not known")
	default:
		r.fail(ProtocolError, "this is not MQTT")
	}
}

func (c *Connect) readFlags(r *reader, flags byte) {
	strict := c.Version != V31
	c.CleanStart = flags&flagCleanStart != 0
	qos := flags >> 3 & 3
	switch {
	case flags&1 != 0 && strict:
		r.fail(MalformedPacket, "a reserved flag is set")
	case flags&flagWill != 0 && qos == 3:
		r.fail(MalformedPacket, "a will of QoS 3")
	case flags&flagWill != 0:
		c.Will = &Will{QoS: qos, Retain: flags&flagWillRetain != 0}
	case strict && (qos != 0 || flags&flagWillRetain != 0):
		r.fail(MalformedPacket, "flags of a will that is not there")
	}
	if c.Version == V311 && flags&(flagUserName|flagPassword) == flagPassword {
		r.fail(MalformedPacket, "a password without a user name")
	}
}

func (c *Connect) readProps(r *reader) {
	p := r.properties(connectProps, setOf(propUser))
	hasData := false
	for p.next(r) {
		switch p.id {
		case propSessionExpiry:
			c.SessionExpiry = p.uint32()
		case propReceiveMaximum:
			c.ReceiveMaximum = p.positive()
		case propMaxPacket:
			c.MaxPacket = p.size()
		case propTopicAliasMax:
			c.TopicAliasMax = p.uint16()
		case propRequestResponse:
			c.RequestResponse = p.bool()
		case propRequestProblem:
			c.NoProblemInfo = !p.bool()
		case propUser:
			c.User = append(c.User, p.user())
		case propAuthMethod:
			c.AuthMethod = p.text()
		case propAuthData:
			c.AuthData, hasData = p.binary(), true
		}
	}
	if hasData && c.AuthMethod == "" {
		r.fail(ProtocolError, "authentication data without a method")
	}
}
