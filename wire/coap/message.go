package coap

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// Message is one CoAP message. The zero value is an empty confirmable one.
type Message struct {
	Type    Type
	Code    Code
	ID      uint16 // the Message ID
	Token   Token
	Options Options
	Payload []byte
}

const (
	headerSize    = 4
	version       = 1
	payloadMarker = 0xff
)

// Append adds the bytes of the message to dst. An empty message (Code Empty)
// has neither token nor options nor payload. Options are written in the order
// of their numbers whatever their order here. It panics when a value is longer
// than a CoAP option can be (65,804 bytes); Check finds that out beforehand.
func (m *Message) Append(dst []byte) []byte {
	if m.Code == Empty {
		return binary.BigEndian.AppendUint16(append(dst, version<<6|byte(m.Type&3)<<4, 0), m.ID)
	}
	dst = append(dst, version<<6|byte(m.Type&3)<<4|m.Token.n, byte(m.Code), byte(m.ID>>8), byte(m.ID))
	dst = append(dst, m.Token.b[:m.Token.n]...)
	dst = m.Options.append(dst)
	if len(m.Payload) > 0 {
		dst = append(dst, payloadMarker)
		dst = append(dst, m.Payload...)
	}
	return dst
}

// Check reports what would make the message unfit to be sent: an option whose
// value is shorter or longer than its definition allows (ErrOptionLength).
func (m *Message) Check() error {
	for _, o := range m.Options {
		r, known := rules[o.Number]
		if !known {
			r = rule{least: 0, most: maxOptionValue}
		}
		if n := len(o.Value); n < r.least || n > r.most {
			return fmt.Errorf("%v of %d bytes: %w", o.Number, n, ErrOptionLength)
		}
	}
	return nil
}

// Equal says whether both messages have the same bytes on the wire.
func (m *Message) Equal(o Message) bool {
	if m.Type != o.Type || m.Code != o.Code || m.ID != o.ID {
		return false
	}
	return m.Token == o.Token && m.Options.equal(o.Options) && bytes.Equal(m.Payload, o.Payload)
}

// Clone is a copy that shares nothing with m or the datagram it came from.
func (m *Message) Clone() Message {
	c := *m
	c.Options = m.Options.Clone()
	c.Payload = slices.Clone(m.Payload)
	return c
}

// String is a line for logs: type, code, id, token and sizes, never content.
func (m *Message) String() string {
	return fmt.Sprintf("%v %v id=%d token=%v options=%d payload=%d",
		m.Type, m.Code, m.ID, m.Token, len(m.Options), len(m.Payload))
}
