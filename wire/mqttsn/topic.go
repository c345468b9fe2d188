package mqttsn

import (
	"strings"
	"unicode/utf8"
)

// TopicKind says what stands in the place of a topic (5.3.11).
type TopicKind byte

// The kinds of topic.
const (
	Normal     TopicKind = 0 // an id that REGISTER or SUBSCRIBE agreed on; in SUBSCRIBE and UNSUBSCRIBE, a name
	Predefined TopicKind = 1 // an id that both sides know beforehand
	Short      TopicKind = 2 // a name of two bytes in the place of the id
	reserved   TopicKind = 3
)

// String names the kind.
func (k TopicKind) String() string {
	return [...]string{"normal", "predefined", "short", "reserved"}[k&3]
}

// Topic names a topic in one of the three ways. Name is set in SUBSCRIBE and
// UNSUBSCRIBE of kind Normal only; else ID is, for kind Short with the name's bytes.
type Topic struct {
	Kind TopicKind
	ID   uint16
	Name string
}

// ShortID gives the id that stands for a name of two bytes. Not ok: it can not be
// a short name.
func ShortID(name string) (id uint16, ok bool) {
	if len(name) != 2 || strings.ContainsAny(name, "+#\x00") || !utf8.ValidString(name) {
		return 0, false
	}
	return uint16(name[0])<<8 | uint16(name[1]), true
}

// ShortName gives the name that an id of kind Short stands for. Not ok: its bytes
// are no text, or a wildcard.
func ShortName(id uint16) (name string, ok bool) {
	name = string([]byte{byte(id >> 8), byte(id)})
	_, ok = ShortID(name)
	return name, ok
}

// readTopic reads the last field of SUBSCRIBE and UNSUBSCRIBE.
func readTopic(t Type, kind TopicKind, field []byte) (Topic, error) {
	switch kind {
	case Normal:
		name, err := readName(t, field)
		return Topic{Name: name}, err
	case Predefined, Short:
		if err := exactly(t, field, 2); err != nil {
			return Topic{}, err
		}
		return Topic{Kind: kind, ID: be16(field)}, nil
	}
	return Topic{}, fault(t, "topic of the reserved kind")
}

// readName copies a name that fills the rest of a frame.
func readName(t Type, field []byte) (string, error) {
	switch {
	case len(field) == 0:
		return "", fault(t, "no name")
	case !utf8.Valid(field):
		return "", fault(t, "name is not UTF-8")
	}
	return string(field), nil
}

// size is how many bytes the topic takes in SUBSCRIBE and UNSUBSCRIBE.
func (p Topic) size() int {
	if p.Kind == Normal {
		return len(p.Name)
	}
	return 2
}

func (p Topic) append(dst []byte) []byte {
	if p.Kind == Normal {
		return append(dst, p.Name...)
	}
	return put16(dst, p.ID)
}

func be16(b []byte) uint16 { return uint16(b[0])<<8 | uint16(b[1]) }

func put16(dst []byte, v uint16) []byte { return append(dst, byte(v>>8), byte(v)) }
