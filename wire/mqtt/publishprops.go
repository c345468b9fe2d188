package mqtt

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

var publishProps = setOf(propPayloadFormat, propMessageExpiry, propContentType, propResponseTopic, propCorrelationData,
	propUser, propSubscriptionID, propTopicAlias)

// None says whether there is no property at all.
func (p *PublishProps) None() bool {
	return p.PayloadFormat == 0 && !p.HasExpiry && p.ContentType == "" && p.ResponseTopic == "" &&
		p.CorrelationData == nil && len(p.User) == 0 && len(p.SubscriptionIDs) == 0 && p.TopicAlias == 0
}

// size is how many bytes append adds.
func (p *PublishProps) size() (n int) {
	if p.None() {
		return 0
	}
	if p.PayloadFormat != 0 {
		n += 2
	}
	if p.HasExpiry {
		n += 5
	}
	if p.ContentType != "" {
		n += 3 + len(cut(p.ContentType))
	}
	if p.ResponseTopic != "" {
		n += 3 + len(cut(p.ResponseTopic))
	}
	if p.CorrelationData != nil {
		n += 3 + min(len(p.CorrelationData), maxString)
	}
	for _, u := range p.User {
		n += 5 + len(cut(u.Name)) + len(cut(u.Value))
	}
	for _, id := range p.SubscriptionIDs {
		n += 1 + varintSize(int(id))
	}
	if p.TopicAlias != 0 {
		n += 3
	}
	return n
}

// append adds the list without its length.
func (p *PublishProps) append(dst []byte) []byte {
	if p.PayloadFormat != 0 {
		dst = appendByteProp(dst, propPayloadFormat, p.PayloadFormat)
	}
	if p.HasExpiry {
		dst = appendUint32Prop(dst, propMessageExpiry, p.Expiry)
	}
	dst = appendTextUnlessEmpty(dst, propContentType, p.ContentType)
	dst = appendTextUnlessEmpty(dst, propResponseTopic, p.ResponseTopic)
	if p.CorrelationData != nil {
		dst = appendBinary(append(dst, byte(propCorrelationData)), p.CorrelationData)
	}
	dst = appendUser(dst, p.User)
	for _, id := range p.SubscriptionIDs {
		dst = appendVarint(append(dst, byte(propSubscriptionID)), int(id))
	}
	if p.TopicAlias != 0 {
		dst = appendUint16Prop(dst, propTopicAlias, p.TopicAlias)
	}
	return dst
}

// read takes the value of the property at hand.
func (p *PublishProps) read(r *properties) {
	switch r.id {
	case propPayloadFormat:
		if r.bool() {
			p.PayloadFormat = 1
		}
	case propMessageExpiry:
		p.Expiry, p.HasExpiry = r.uint32(), true
	case propContentType:
		p.ContentType = r.text()
	case propResponseTopic:
		p.ResponseTopic = r.text()
		if r.err == nil && ValidTopic(p.ResponseTopic) != nil {
			r.fail(ProtocolError, "the response topic is not one to publish to")
		}
	case propCorrelationData:
		p.CorrelationData = r.binary()
	case propUser:
		p.User = append(p.User, r.user())
	case propSubscriptionID:
		p.SubscriptionIDs = append(p.SubscriptionIDs, r.subscriptionID())
	case propTopicAlias:
		if p.TopicAlias = r.uint16(); p.TopicAlias == 0 {
			r.fail(TopicAliasInvalid, "a topic alias may not be 0")
		}
	}
}

// subscriptionID reads one, which is not 0 (MQTT 5, 3.3.2.3.8).
func (p *properties) subscriptionID() uint32 {
	id := p.varint()
	if id == 0 {
		p.fail(ProtocolError, "a subscription identifier may not be 0")
	}
	return id
}
