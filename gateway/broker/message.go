package broker

import (
	"bytes"
	"slices"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// messageState is what the broker knows of a Message beside what was published.
type messageState struct {
	expires int64    // Unix ns; 0: never
	own     []byte   // the QoS 0 frame of the version that it was published in; Payload lies in it
	ownV5   bool     //
	others  [2]frame // frames that were asked for later: 3.1.1 (and 3.1), 5

	// Of the journal's goroutine: its number, and the last round that wrote it.
	number uint64
	round  uint32
}

type frame struct{ bytes atomic.Pointer[[]byte] }

// newMessage copies what was published into a frame that receivers of the same
// version get as it is.
func newMessage(p *mqtt.Publish, topic string, v mqtt.Version, from string, now func() time.Time) *Message {
	m := &Message{Topic: topic, QoS: p.QoS, Retain: p.Retain, From: from}
	plain := mqtt.Publish{Topic: topic, Payload: p.Payload}
	if !p.Props.None() {
		m.Props = cloneProps(&p.Props)
		plain.Props = *m.Props
		if m.Props.HasExpiry {
			m.state.expires = now().Add(time.Duration(m.Props.Expiry) * time.Second).UnixNano()
		}
	}
	m.state.ownV5 = v == mqtt.V5
	m.state.own = plain.Append(make([]byte, 0, plain.Size(v)), v)
	n := len(m.state.own)
	m.Payload = m.state.own[n-len(p.Payload) : n : n]
	return m
}

// cloneProps copies what a message keeps: not what belongs to one connection.
func cloneProps(p *mqtt.PublishProps) *mqtt.PublishProps {
	c := *p
	c.SubscriptionIDs, c.TopicAlias = nil, 0
	c.CorrelationData = bytes.Clone(p.CorrelationData)
	c.User = slices.Clone(p.User)
	return &c
}

// start readies a message made in the process.
func (m *Message) start(now time.Time) {
	if m.Props != nil && m.Props.HasExpiry && m.state.expires == 0 {
		m.state.expires = now.Add(time.Duration(m.Props.Expiry) * time.Second).UnixNano()
	}
}

// frame gives the packet of QoS 0 without retain flag and subscription ids, with the
// expiry that the message began with.
func (m *Message) frame(v mqtt.Version) []byte {
	v5 := v == mqtt.V5
	if m.state.own != nil && m.state.ownV5 == v5 {
		return m.state.own
	}
	kept := &m.state.others[0].bytes
	if v5 {
		kept = &m.state.others[1].bytes
	}
	if b := kept.Load(); b != nil {
		return *b
	}
	p := mqtt.Publish{Topic: m.Topic, Payload: m.Payload}
	if m.Props != nil {
		p.Props = *m.Props
	}
	b := p.Append(make([]byte, 0, p.Size(v)), v)
	kept.Store(&b)
	return b
}

// weight is what a queue counts of the message.
func (m *Message) weight() int { return len(m.Topic) + len(m.Payload) }

// left gives how many seconds remain, rounded up; ok is false once it has expired.
func (m *Message) left(now time.Time) (seconds uint32, ok bool) {
	if m.state.expires == 0 {
		return 0, true
	}
	rest := time.Duration(m.state.expires - now.UnixNano())
	if rest <= 0 {
		return 0, false
	}
	return uint32((rest + time.Second - 1) / time.Second), true
}

// size is how many bytes the packet takes.
func (d *Delivery) size(v mqtt.Version) int {
	if d.Message.Props == nil && len(d.IDs) == 0 {
		n := 2 + len(d.Message.Topic) + len(d.Message.Payload)
		if d.QoS > 0 {
			n += 2
		}
		if v == mqtt.V5 {
			n++
		}
		return n + headSize(n)
	}
	p := d.publish()
	return p.Size(v)
}

// headSize is how long the fixed header of a packet with n bytes behind it is.
func headSize(n int) int {
	switch {
	case n < 1<<7:
		return 2
	case n < 1<<14:
		return 3
	case n < 1<<21:
		return 4
	}
	return 5
}

func (d *Delivery) publish() mqtt.Publish {
	m := d.Message
	p := mqtt.Publish{Dup: d.Dup, QoS: d.QoS, Retain: d.Retain, Topic: m.Topic, ID: d.ID, Payload: m.Payload}
	if m.Props != nil {
		p.Props = *m.Props
	}
	if p.Props.HasExpiry {
		p.Props.Expiry = d.Expiry
	}
	p.Props.SubscriptionIDs = d.IDs
	return p
}

// framed says whether the packet is the message's frame but for flags and packet id.
func (d *Delivery) framed(v mqtt.Version) bool {
	if v != mqtt.V5 {
		return true
	}
	props := d.Message.Props
	return len(d.IDs) == 0 && (props == nil || !props.HasExpiry || props.Expiry == d.Expiry)
}

// Frame gives the whole packet when it is one that many get: QoS 0 without retain
// flag and subscription ids. It is made once for all; do not change it. Else nil.
func (d *Delivery) Frame(v mqtt.Version) []byte {
	if d.Type != mqtt.TypePublish || d.QoS > 0 || d.Retain || !d.framed(v) {
		return nil
	}
	return d.Message.frame(v)
}

// Append adds the packet as version v has it.
func (d *Delivery) Append(dst []byte, v mqtt.Version) []byte {
	if d.Type == mqtt.TypePubrel {
		return mqtt.AppendAck(dst, v, mqtt.TypePubrel, d.ID, d.Code)
	}
	if !d.framed(v) {
		p := d.publish()
		return p.Append(dst, v)
	}
	f := d.Message.frame(v)
	if d.QoS == 0 {
		at := len(dst)
		dst = append(dst, f...)
		if d.Retain {
			dst[at] |= 1
		}
		return dst
	}
	return d.appendNumbered(dst, f)
}

// appendNumbered puts the packet id into a QoS 0 frame: behind the topic.
func (d *Delivery) appendNumbered(dst, f []byte) []byte {
	head := 1
	for f[head]&0x80 != 0 {
		head++
	}
	head++
	topic := head + 2 + int(f[head])<<8 + int(f[head+1])
	first := f[0] | d.QoS<<1
	if d.Retain {
		first |= 1
	}
	if d.Dup {
		first |= 8
	}
	dst = append(dst, first)
	n := len(f) - head + 2
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	dst = append(dst, byte(n))
	dst = append(dst, f[head:topic]...)
	dst = append(dst, byte(d.ID>>8), byte(d.ID))
	return append(dst, f[topic:]...)
}
