package pyaiot

import (
	"strings"
	"unicode/utf8"
)

// Type is what a message is for.
type Type uint8

// The four types, on both sides of the broker.
const (
	New Type = iota + 1
	Update
	Out
	Reset
)

// All is the Dst of what goes to every web client.
const All = "all"

// Alive is the UID of a gateway's keep-alive, which is an update without Endpoint.
const Alive = "alive"

// Message is one message of a gateway or a web client. UID, Endpoint, Dst and Src are
// nil where they are missing or no JSON strings. All slices point into the bytes
// that were parsed, or into fresh ones where a string held escapes.
type Message struct {
	Type     Type
	UID      []byte
	Endpoint []byte
	Dst      []byte
	Src      []byte // of a client's message, when a broker passes it on
	Data     []byte // JSON text; nil: missing
}

// Refusal is why a message ends its connection: a WebSocket close code and a
// reason of at most 123 bytes.
type Refusal struct {
	Code   uint16
	Reason string
}

func (r *Refusal) Error() string { return r.Reason }

// Close codes (RFC 6455, 7.4.1).
const (
	codeUnsupported = 1003
	codeNotUTF8     = 1007
)

// maxReason is what fits behind the code in a close frame.
const maxReason = 123

// refuse builds a 1003. The reason's end is Pyaiot's: two dots.
func refuse(parts ...string) *Refusal {
	return &Refusal{Code: codeUnsupported, Reason: CutReason(strings.Join(parts, ""))}
}

// CutReason shortens a close reason to 123 bytes of valid UTF-8.
func CutReason(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxReason {
		return s
	}
	end := maxReason
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

func notJSON(b []byte) *Refusal {
	raw := b[:min(len(b), reprEnough)]
	return refuse("Invalid message received '", string(raw), "'. Only JSON format is supported..")
}

// Invalid is the refusal of a message that is JSON and lacks what it needs.
func Invalid(b []byte) *Refusal {
	b = b[skipSpace(b, 0):]
	end, ok := scanValue(b, 0, 0)
	if !ok {
		return notJSON(b)
	}
	return refuse("Invalid message '", string(pythonStr(b[:end])), "'..")
}

// Parse reads one text message. The error is a *Refusal.
func Parse(b []byte) (Message, error) {
	if !utf8.Valid(b) {
		return Message{}, &Refusal{Code: codeNotUTF8, Reason: "A text message must be UTF-8."}
	}
	start := skipSpace(b, 0)
	if start == len(b) || b[start] != '{' {
		return Message{}, refuseOther(b, start)
	}
	var m Message
	var kind []byte
	end, ok := eachPair(b, start, 0, func(p member) {
		switch v := b[p.value:p.valueEnd]; string(inner(b[p.key:p.keyEnd], p.escaped)) {
		case "type":
			kind = v
		case "data":
			m.Data = v
		case "uid":
			m.UID = textOf(v)
		case "endpoint":
			m.Endpoint = textOf(v)
		case "dst":
			m.Dst = textOf(v)
		case "src":
			m.Src = textOf(v)
		}
	})
	if !ok || skipSpace(b, end) != len(b) {
		return Message{}, notJSON(b)
	}
	if kind == nil {
		return Message{}, Invalid(b)
	}
	if m.Type = typeOf(kind); m.Type == 0 {
		return Message{}, refuse("Invalid message type '", string(pythonStr(kind)), "'..")
	}
	return m, nil
}

// refuseOther answers what is no object.
func refuseOther(b []byte, start int) *Refusal {
	end, ok := scanValue(b, start, 0)
	switch {
	case !ok || skipSpace(b, end) != len(b):
		return notJSON(b)
	case string(b[start:end]) == "null":
		return refuse("None.")
	}
	return Invalid(b)
}

// textOf gives the text of a JSON string, nil for any other value.
func textOf(v []byte) []byte {
	if v[0] != '"' {
		return nil
	}
	for _, c := range v {
		if c == '\\' {
			return inner(v, true)
		}
	}
	return v[1 : len(v)-1]
}

func typeOf(v []byte) Type {
	switch string(textOf(v)) {
	case "update":
		return Update
	case "new":
		return New
	case "out":
		return Out
	case "reset":
		return Reset
	}
	return 0
}
