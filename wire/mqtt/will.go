package mqtt

// Will is what the server publishes when the client is lost (MQTT 5, 3.1.3.2).
type Will struct {
	Topic   string
	Payload []byte // borrowed after Parse
	QoS     byte
	Retain  bool
	Delay   uint32       // s; MQTT 5 only
	Props   PublishProps // without SubscriptionIDs and TopicAlias
}

var willProps = setOf(propWillDelay, propPayloadFormat, propMessageExpiry, propContentType, propResponseTopic,
	propCorrelationData, propUser)

func (w *Will) append(dst []byte, v Version) []byte {
	if v == V5 {
		at := len(dst)
		dst = append(dst, 0)
		if w.Delay > 0 {
			dst = appendUint32Prop(dst, propWillDelay, w.Delay)
		}
		dst = end(w.Props.append(dst), at)
	}
	return appendBinary(appendText(dst, w.Topic), w.Payload)
}

func (w *Will) read(r *reader, v Version) {
	if v == V5 {
		p := r.properties(willProps, setOf(propUser))
		for p.next(r) {
			if p.id == propWillDelay {
				w.Delay = p.uint32()
			} else {
				w.Props.read(&p)
			}
		}
	}
	w.Topic = r.text()
	w.Payload = r.binary()
	if r.err == nil {
		if err := ValidTopic(w.Topic); err != nil {
			r.fail(TopicNameInvalid, "the will's topic is not one to publish to")
		}
	}
}
