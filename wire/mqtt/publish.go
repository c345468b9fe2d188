package mqtt

// Publish carries a message (MQTT 5, 3.3).
type Publish struct {
	Dup     bool
	QoS     byte
	Retain  bool
	Topic   string // may be empty in MQTT 5, with a topic alias
	ID      uint16 // 0 with QoS 0
	Payload []byte // borrowed after Parse
	Props   PublishProps
}

// PublishProps are the properties of a message in MQTT 5; zero: none.
type PublishProps struct {
	PayloadFormat   byte // 1: the payload is UTF-8
	HasExpiry       bool
	Expiry          uint32 // s
	ContentType     string
	ResponseTopic   string
	CorrelationData []byte // nil: none; borrowed after Parse
	User            []UserProperty
	SubscriptionIDs []uint32 // from the server only; more than one when several subscriptions match
	TopicAlias      uint16   // of this connection only; 0: none
}

// None says whether there is no property at all.
func (p *PublishProps) None() bool {
	return p.PayloadFormat == 0 && !p.HasExpiry && p.ContentType == "" && p.ResponseTopic == "" &&
		p.CorrelationData == nil && len(p.User) == 0 && len(p.SubscriptionIDs) == 0 && p.TopicAlias == 0
}
