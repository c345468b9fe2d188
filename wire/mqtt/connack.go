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
	AuthData          []byte
}
