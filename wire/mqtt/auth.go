package mqtt

// Auth goes on with an extended authentication (MQTT 5, 3.15).
type Auth struct {
	Code   ReasonCode
	Method string
	Data   []byte
	Reason string
	User   []UserProperty
}
