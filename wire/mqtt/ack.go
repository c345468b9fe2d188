package mqtt

// Ack is PUBACK, PUBREC, PUBREL or PUBCOMP, by Type (MQTT 5, 3.4 to 3.7).
type Ack struct {
	Type   Type
	ID     uint16
	Code   ReasonCode // MQTT 5 only, and all below
	Reason string
	User   []UserProperty
}
