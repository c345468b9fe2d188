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

// Ping is PINGREQ or PINGRESP, by Type.
type Ping struct{ Type Type }
