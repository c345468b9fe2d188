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
	Password    []byte

	// MQTT 5 only.
	SessionExpiry   uint32 // s; 0: ends with the connection; NoExpiry
	ReceiveMaximum  uint16 // 0: not said, which means 65,535
	MaxPacket       uint32 // bytes; 0: not said, which means no limit
	TopicAliasMax   uint16
	RequestResponse bool // response information is wanted
	NoProblemInfo   bool // no reason strings and user properties are wanted but in PUBLISH, CONNACK and DISCONNECT
	User            []UserProperty
	AuthMethod      string
	AuthData        []byte
}

// Will is what the server publishes when the client is lost.
type Will struct {
	Topic   string
	Payload []byte
	QoS     byte
	Retain  bool
	Delay   uint32       // s; MQTT 5 only
	Props   PublishProps // without SubscriptionIDs and TopicAlias
}
