package coap

import (
	"encoding/binary"
	"errors"
)

// Message format errors (RFC 7252, 3). A message with an unknown version is
// silently ignored; the others are rejected when they were confirmable.
var (
	ErrTruncated    = errors.New("coap: message ends too early")
	ErrVersion      = errors.New("coap: not version 1")
	ErrTokenLength  = errors.New("coap: token longer than 8 bytes")
	ErrOption       = errors.New("coap: malformed option")
	ErrNoPayload    = errors.New("coap: payload marker without a payload")
	ErrNotEmpty     = errors.New("coap: empty message with something in it")
	ErrOptionLength = errors.New("coap: option value of a wrong length")
)

// Parse reads one datagram. Options and Payload lie in b, which the caller
// keeps unchanged as long as the message is used.
func Parse(b []byte) (Message, error) {
	var m Message
	err := m.Parse(b)
	return m, err
}

// Parse reads one datagram into m and reuses m's options slice. Options and
// Payload lie in b. After an error m holds nothing of use.
func (m *Message) Parse(b []byte) error {
	m.Options, m.Payload, m.Token = m.Options[:0], nil, Token{}
	if len(b) < headerSize {
		return ErrTruncated
	}
	if b[0]>>6 != version {
		return ErrVersion
	}
	m.Type, m.Code, m.ID = Type(b[0]>>4&3), Code(b[1]), binary.BigEndian.Uint16(b[2:])
	n := int(b[0] & 15)
	switch {
	case n > MaxToken:
		return ErrTokenLength
	case m.Code == Empty && (n > 0 || len(b) > headerSize):
		return ErrNotEmpty
	case len(b) < headerSize+n:
		return ErrTruncated
	}
	m.Token.n = byte(copy(m.Token.b[:], b[headerSize:headerSize+n]))
	return m.parseOptions(b[headerSize+n:])
}

// Header reads what a rejection needs from a datagram that Parse refused. Not
// ok: too short or of another version, so there is nobody to reject.
func Header(b []byte) (t Type, id uint16, ok bool) {
	if len(b) < headerSize || b[0]>>6 != version {
		return 0, 0, false
	}
	return Type(b[0] >> 4 & 3), binary.BigEndian.Uint16(b[2:]), true
}

// parseOptions reads options up to the payload marker or the end, and the
// payload.
func (m *Message) parseOptions(b []byte) error {
	number := 0
	for len(b) > 0 {
		if b[0] == payloadMarker {
			if len(b) == 1 {
				return ErrNoPayload
			}
			m.Payload = b[1:]
			return nil
		}
		delta, length := int(b[0]>>4), int(b[0]&15)
		b = b[1:]
		if delta > 12 || length > 12 {
			var err error
			if delta, b, err = extended(delta, b); err != nil {
				return err
			}
			if length, b, err = extended(length, b); err != nil {
				return err
			}
		}
		if number += delta; number > 0xffff {
			return ErrOption
		}
		if length > len(b) {
			return ErrTruncated
		}
		m.Options = append(m.Options, Option{OptionNumber(number), b[:length:length]})
		b = b[length:]
	}
	return nil
}

// extended resolves an option's delta or length: below 13 it is the value, 13
// and 14 announce one or two more bytes, 15 is reserved (RFC 7252, 3.1).
func extended(v int, b []byte) (int, []byte, error) {
	switch {
	case v < 13:
		return v, b, nil
	case v == 15:
		return 0, nil, ErrOption
	case v == 13 && len(b) >= 1:
		return int(b[0]) + 13, b[1:], nil
	case v == 14 && len(b) >= 2:
		return int(binary.BigEndian.Uint16(b)) + 269, b[2:], nil
	}
	return 0, nil, ErrTruncated
}
