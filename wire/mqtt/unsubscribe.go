package mqtt

// Unsubscribe takes topic filters back (MQTT 5, 3.10).
type Unsubscribe struct {
	ID      uint16
	Filters []string // at least one
	User    []UserProperty
}

// Unsuback answers UNSUBSCRIBE. Codes are of MQTT 5 only.
type Unsuback struct {
	ID     uint16
	Codes  []ReasonCode
	Reason string
	User   []UserProperty
}
