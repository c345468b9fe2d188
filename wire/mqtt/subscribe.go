package mqtt

// Subscribe asks for messages (MQTT 5, 3.8).
type Subscribe struct {
	ID             uint16
	Subscriptions  []Subscription // at least one
	SubscriptionID uint32         // MQTT 5; 0: none
	User           []UserProperty
}

// Subscription is one topic filter and how it is wanted. All but Filter and QoS are
// of MQTT 5.
type Subscription struct {
	Filter            string
	QoS               byte
	NoLocal           bool // not what the same client publishes
	RetainAsPublished bool
	RetainHandling    byte // retained messages: 0 send, 1 send if the subscription is new, 2 send none
}

// Suback answers SUBSCRIBE: a code for each of its subscriptions, in order.
type Suback struct {
	ID     uint16
	Codes  []ReasonCode
	Reason string // MQTT 5
	User   []UserProperty
}
