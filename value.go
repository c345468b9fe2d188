package roost

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Value is what a thing said, as one JSON text, digits and all:
// `"24.1°C"`, `1`, `{"n":[1,2.5]}`. The zero Value is no value.
type Value string

// Text gives the Value of plain text, NUL bytes at its end cut off (RIOT nodes
// pad with them) and invalid UTF-8 replaced.
func Text(s string) Value {
	s = strings.TrimRight(s, "\x00")
	if plain(s) {
		return Value(`"` + s + `"`)
	}
	return escaped(strings.Clone(s)) // a copy, so that plain text need not be on the heap
}

// escaped is s as a JSON string with whatever escapes it needs.
func escaped(s string) Value {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(strings.ToValidUTF8(s, "\uFFFD")) // a string always encodes
	return Value(strings.TrimSuffix(b.String(), "\n"))
}

// plain tells that s needs no escape in JSON.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			return false
		}
	}
	return utf8.ValidString(s)
}

// AsText gives the text of a JSON string, or the JSON text itself of any other
// value: what a person reads and what a CoAP or MQTT node is sent.
func (v Value) AsText() string {
	if len(v) < 2 || v[0] != '"' {
		return string(v)
	}
	if inner := string(v[1 : len(v)-1]); strings.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var s string
	if json.Unmarshal([]byte(v), &s) != nil {
		return string(v)
	}
	return s
}

// IsText tells whether v is a JSON string.
func (v Value) IsText() bool { return v != "" && v[0] == '"' }

// MarshalJSON gives the text as it stands; the zero Value is null.
func (v Value) MarshalJSON() ([]byte, error) {
	if v == "" {
		return []byte("null"), nil
	}
	return []byte(v), nil
}

// UnmarshalJSON keeps the text as it stands.
func (v *Value) UnmarshalJSON(b []byte) error {
	*v = Value(b)
	return nil
}

// Kind says how a value is shown and kept.
type Kind string

// Numbers and booleans become series; text and other JSON are kept as sent.
const (
	KindNumber  Kind = "number"
	KindBoolean Kind = "boolean"
	KindText    Kind = "text"
	KindJSON    Kind = "json"
)

// maxUnit is the longest unit in bytes: "23.4 µg/m3" is a number, "3 little pigs" is not.
const maxUnit = 8

// Measure reads v as a number with a unit: 21.5, "24.1°C", "0", true (1).
// Kind is KindText or KindJSON, and number and unit mean nothing, when v is neither
// number nor boolean.
func (v Value) Measure() (number float64, unit string, kind Kind) {
	switch {
	case v == "true":
		return 1, "", KindBoolean
	case v == "false":
		return 0, "", KindBoolean
	case v == "" || v == "null" || v[0] == '{' || v[0] == '[':
		return 0, "", KindJSON
	case v[0] == '"':
		n, unit, ok := leadingNumber(v.AsText())
		if !ok {
			return 0, "", KindText
		}
		return n, unit, KindNumber
	}
	n, err := strconv.ParseFloat(string(v), 64)
	if err != nil || math.IsInf(n, 0) {
		return 0, "", KindJSON
	}
	return n, "", KindNumber
}

// leadingNumber splits "1013.25hPa" into 1013.25 and "hPa". What follows the
// number must look like a unit: "1.2.3" and "12:30" are text.
func leadingNumber(s string) (n float64, unit string, ok bool) {
	s = strings.TrimSpace(strings.TrimRight(s, "\x00"))
	end := numberEnd(s)
	if end == 0 {
		return 0, "", false
	}
	unit = strings.TrimSpace(s[end:])
	if !isUnit(unit) {
		return 0, "", false
	}
	n, err := strconv.ParseFloat(s[:end], 64)
	if err != nil || math.IsInf(n, 0) {
		return 0, "", false
	}
	return n, unit, true
}

// numberEnd is the length of the decimal number that s begins with, 0 if none.
func numberEnd(s string) int {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	digits := 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		digits++
	}
	if i < len(s) && s[i] == '.' {
		for i++; i < len(s) && isDigit(s[i]); i++ {
			digits++
		}
	}
	if digits == 0 {
		return 0
	}
	if e := exponentEnd(s, i); e > 0 {
		return e
	}
	return i
}

func exponentEnd(s string, i int) int {
	if i >= len(s) || (s[i] != 'e' && s[i] != 'E') {
		return 0
	}
	i++
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	start := i
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	if i == start {
		return 0
	}
	return i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isUnit takes letters, "%", "°", "µ", "/" and the like, and digits after a letter ("g/m3").
func isUnit(u string) bool {
	if len(u) > maxUnit {
		return false
	}
	for i, c := range u {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '%', c == '°', c == 'µ', c == 'μ', c == 'Ω', c == '²', c == '³':
		case i > 0 && (c == '/' || c == '^' || (c >= '0' && c <= '9')):
		default:
			return false
		}
	}
	return true
}

// Same tells whether a thing's report a confirms a value b that it was sent:
// equal as text, or as numbers.
func Same(a, b Value) bool {
	if a == b || a.AsText() == b.AsText() {
		return true
	}
	x, ux, kx := a.Measure()
	y, uy, ky := b.Measure()
	return kx != KindText && kx != KindJSON && ky != KindText && ky != KindJSON && x == y && ux == uy
}
