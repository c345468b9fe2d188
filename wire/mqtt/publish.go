package mqtt

import "encoding/binary"

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

const (
	flagRetain = 1
	flagDup    = 1 << 3
)

// Append implements Packet. To the older versions go no properties.
func (p *Publish) Append(dst []byte, v Version) []byte {
	topic := cut(p.Topic)
	rest, props := 2+len(topic)+len(p.Payload), 0
	if p.QoS > 0 {
		rest += 2
	}
	if v == V5 {
		props = p.Props.size()
		rest += varintSize(props) + props
	}
	dst = appendVarint(append(dst, byte(TypePublish)<<4|p.flags()), rest)
	dst = append(append(dst, byte(len(topic)>>8), byte(len(topic))), topic...)
	if p.QoS > 0 {
		dst = append(dst, byte(p.ID>>8), byte(p.ID))
	}
	if v == V5 {
		dst = appendVarint(dst, props)
		if props > 0 {
			dst = p.Props.append(dst)
		}
	}
	return append(dst, p.Payload...)
}

func (p *Publish) flags() byte {
	flags := p.QoS & 3 << 1
	if p.Retain {
		flags |= flagRetain
	}
	if p.Dup {
		flags |= flagDup
	}
	return flags
}

// Size is how many bytes Append adds.
func (p *Publish) Size(v Version) int {
	n := 2 + len(cut(p.Topic)) + len(p.Payload)
	if p.QoS > 0 {
		n += 2
	}
	if v == V5 {
		props := p.Props.size()
		n += varintSize(props) + props
	}
	return 1 + varintSize(n) + n
}

// Parse implements Packet. When the topic is the one that p had before, its string is
// kept, so that a reader with one Publish allocates nothing for a run of one topic.
func (p *Publish) Parse(v Version, packet []byte) error {
	before := p.Topic
	*p = Publish{}
	r := openAny(packet, TypePublish)
	if r.err != nil {
		return r.err
	}
	flags := packet[0]
	p.Retain, p.QoS, p.Dup = flags&flagRetain != 0, flags>>1&3, flags&flagDup != 0
	switch {
	case p.QoS == 3:
		r.fail(MalformedPacket, "QoS 3")
	case p.Dup && p.QoS == 0 && v != V31:
		r.fail(MalformedPacket, "a duplicate of QoS 0")
	}
	p.readTopic(&r, before)
	if p.QoS > 0 {
		p.ID = r.id()
	}
	if v == V5 {
		p.readProps(&r)
	}
	if p.Topic == "" && (v != V5 || p.Props.TopicAlias == 0) {
		r.fail(ProtocolError, "no topic")
	}
	if r.err != nil {
		return r.err
	}
	p.Payload = r.b[:len(r.b):len(r.b)]
	return nil
}

func (p *Publish) readTopic(r *reader, before string) {
	if len(r.b) < 2 {
		r.short()
		return
	}
	n := int(binary.BigEndian.Uint16(r.b))
	if len(r.b)-2 < n {
		r.short()
		return
	}
	topic := r.b[2 : 2+n]
	r.b = r.b[2+n:]
	if string(topic) == before {
		p.Topic = before
		return
	}
	if n == 0 {
		return
	}
	switch checkTopic(topic) {
	case topicGood:
		p.Topic = string(topic)
	case topicWild:
		r.fail(TopicNameInvalid, "a topic name may not hold wildcards")
	default:
		r.fail(MalformedPacket, "a string must be UTF-8 without NUL")
	}
}

func (p *Publish) readProps(r *reader) {
	if len(r.b) > 0 && r.b[0] == 0 { // most have none
		r.b = r.b[1:]
		return
	}
	ps := r.properties(publishProps, setOf(propUser, propSubscriptionID))
	for ps.next(r) {
		p.Props.read(&ps)
	}
}
