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

const (
	optionNoLocal           = 1 << 2
	optionRetainAsPublished = 1 << 3
)

// Append implements Packet.
func (s *Subscribe) Append(dst []byte, v Version) []byte {
	dst, at := begin(dst, TypeSubscribe, 2)
	dst = append(dst, byte(s.ID>>8), byte(s.ID))
	if v == V5 {
		from := len(dst)
		dst = append(dst, 0)
		if s.SubscriptionID > 0 {
			dst = appendVarint(append(dst, byte(propSubscriptionID)), int(s.SubscriptionID))
		}
		dst = end(appendUser(dst, s.User), from)
	}
	for i := range s.Subscriptions {
		sub := &s.Subscriptions[i]
		dst = append(appendText(dst, sub.Filter), sub.options(v))
	}
	return end(dst, at)
}

func (s *Subscription) options(v Version) byte {
	o := s.QoS & 3
	if v != V5 {
		return o
	}
	if s.NoLocal {
		o |= optionNoLocal
	}
	if s.RetainAsPublished {
		o |= optionRetainAsPublished
	}
	return o | s.RetainHandling&3<<4
}

// Parse implements Packet. Whether the filters are valid (ValidFilter) is left to who
// answers: each has its own code in SUBACK.
func (s *Subscribe) Parse(v Version, packet []byte) error {
	*s = Subscribe{}
	r := open(packet, TypeSubscribe, requestFlags(v, packet))
	s.ID = r.id()
	if v == V5 {
		p := r.properties(setOf(propSubscriptionID, propUser), setOf(propUser))
		for p.next(&r) {
			switch p.id {
			case propSubscriptionID:
				s.SubscriptionID = p.subscriptionID()
			case propUser:
				s.User = append(s.User, p.user())
			}
		}
	}
	for len(r.b) > 0 {
		sub := Subscription{Filter: r.text()}
		sub.read(&r, v)
		s.Subscriptions = append(s.Subscriptions, sub)
	}
	if len(s.Subscriptions) == 0 {
		r.fail(ProtocolError, "no topic filter")
	}
	return r.done()
}

// requestFlags are the flags that SUBSCRIBE and UNSUBSCRIBE must have. 3.1 knows
// them again.
func requestFlags(v Version, packet []byte) byte {
	if v == V31 && len(packet) > 0 {
		return packet[0]&flagDup | 2
	}
	return 2
}

func (s *Subscription) read(r *reader, v Version) {
	o := r.byte()
	s.QoS = o & 3
	switch {
	case s.QoS == 3:
		r.fail(ProtocolError, "QoS 3")
	case v == V311 && o > 2, v == V5 && o&0xc0 != 0:
		r.fail(MalformedPacket, "reserved bits of a subscription's options are set")
	}
	if v != V5 {
		return
	}
	s.NoLocal, s.RetainAsPublished = o&optionNoLocal != 0, o&optionRetainAsPublished != 0
	s.RetainHandling = o >> 4 & 3
	if s.RetainHandling == 3 {
		r.fail(ProtocolError, "a retain handling of 3")
	}
	if _, _, shared := Shared(s.Filter); shared && s.NoLocal {
		r.fail(ProtocolError, "no local on a shared subscription")
	}
}
