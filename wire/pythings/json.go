package pythings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Style says how JSON is written. All of it is ASCII on one line.
type Style uint8

// The zero Style is compact.
const (
	Spaced      Style = 1 << iota // ", " and ": ", as Python writes
	NoAmpersand                   // '&' as \u0026, so that payload encryption carries it
)

// EncryptedStyle is how the answers of encrypted sessions are written.
const EncryptedStyle = Spaced | NoAmpersand

var errJSON = errors.New("not JSON")

// AppendJSON appends v as one line of ASCII JSON. Members of structs keep their order.
func AppendJSON(dst []byte, v any, style Style) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return dst, fmt.Errorf("write JSON: %w", err)
	}
	return AppendASCII(dst, b.Bytes(), style)
}

// AppendASCII appends a JSON text as one line of ASCII: white space goes, what is not
// ASCII is escaped, digits and the order of members stay. Invalid UTF-8 becomes U+FFFD.
func AppendASCII(dst, text []byte, style Style) ([]byte, error) {
	if !json.Valid(text) {
		return dst, errJSON
	}
	return rewrite(dst, text, style, func(dst, number []byte) []byte { return append(dst, number...) }), nil
}

// rewrite writes a valid JSON text anew.
func rewrite(dst, text []byte, style Style, number func(dst, number []byte) []byte) []byte {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ', c == '\t', c == '\r', c == '\n':
			i++
		case c == '"':
			dst, i = appendString(dst, text, i+1, style)
		case c == '-' || isDigit(c):
			end := numberEnd(text, i)
			dst = number(dst, text[i:end])
			i = end
		default:
			dst = append(dst, c)
			if style&Spaced != 0 && (c == ',' || c == ':') {
				dst = append(dst, ' ')
			}
			i++
		}
	}
	return dst
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// numberEnd is where the number that begins at i ends.
func numberEnd(text []byte, i int) int {
	for i < len(text) && (isDigit(text[i]) || bytes.IndexByte([]byte("+-.eE"), text[i]) >= 0) {
		i++
	}
	return i
}

// appendString writes the string whose inside begins at i and gives the place after
// its end.
func appendString(dst, text []byte, i int, style Style) ([]byte, int) {
	dst = append(dst, '"')
	for text[i] != '"' {
		switch c := text[i]; {
		case c == '\\' && text[i+1] == 'u':
			dst = appendUnit(dst, hex4(text[i+2:i+6]), style)
			i += 6
		case c == '\\' && text[i+1] == '/':
			dst = append(dst, '/')
			i += 2
		case c == '\\':
			dst = append(dst, c, text[i+1])
			i += 2
		case c < utf8.RuneSelf:
			dst = appendUnit(dst, uint16(c), style)
			i++
		default:
			r, size := utf8.DecodeRune(text[i:])
			dst = appendRune(dst, r)
			i += size
		}
	}
	return append(dst, '"'), i + 1
}

// hex4 reads four hexadecimal digits.
func hex4(digits []byte) (unit uint16) {
	for _, c := range digits {
		switch {
		case isDigit(c):
			c -= '0'
		case c >= 'a':
			c -= 'a' - 10
		default:
			c -= 'A' - 10
		}
		unit = unit<<4 | uint16(c)
	}
	return unit
}

// appendRune writes what is not ASCII, as one escape or two (RFC 8259, 7).
func appendRune(dst []byte, r rune) []byte {
	if r > 0xffff {
		r -= 0x10000
		dst = appendEscape(dst, 0xd800+uint16(r>>10))
		return appendEscape(dst, 0xdc00+uint16(r&0x3ff))
	}
	return appendEscape(dst, uint16(r))
}

// shortEscapes are the control characters that have a letter.
var shortEscapes = map[uint16]byte{'\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '"': '"', '\\': '\\'}

// appendUnit writes one UTF-16 unit as Python would.
func appendUnit(dst []byte, unit uint16, style Style) []byte {
	if unit == fill && style&NoAmpersand != 0 {
		return appendEscape(dst, unit)
	}
	if unit >= ' ' && unit < 0x7f && unit != '"' && unit != '\\' {
		return append(dst, byte(unit))
	}
	if letter, ok := shortEscapes[unit]; ok {
		return append(dst, '\\', letter)
	}
	return appendEscape(dst, unit)
}

func appendEscape(dst []byte, unit uint16) []byte {
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', hex[unit>>12], hex[unit>>8&15], hex[unit>>4&15], hex[unit&15])
}
