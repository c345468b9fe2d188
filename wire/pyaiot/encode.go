package pyaiot

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string the way Python's json does: raw
// non-ASCII characters, or \u escapes in lower case when ascii is set.
func appendString[S string | []byte](dst []byte, s S, ascii bool) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && (c < 0x7f || !ascii) {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		if c < utf8.RuneSelf {
			dst = appendEscape(dst, rune(c))
			i++
		} else {
			r, n := utf8.DecodeRune([]byte(s[i:min(len(s), i+utf8.UTFMax)]))
			dst = appendEscape(dst, r)
			i += n
		}
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	}
	if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
		return appendHex4(appendHex4(dst, hi), lo)
	}
	return appendHex4(dst, r)
}

func appendHex4(dst []byte, r rune) []byte {
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// appendValue appends the JSON text v with Pyaiot's spacing: one space behind
// each ":" and ",", none elsewhere, numbers digit for digit.
func appendValue(dst []byte, v string, ascii bool) []byte {
	if v == "" {
		return append(dst, "null"...)
	}
	if !ascii && v[0] != '{' && v[0] != '[' && strings.IndexByte(v, '\\') < 0 {
		return append(dst, v...)
	}
	return appendSpaced(dst, []byte(v), ascii)
}

func appendSpaced(dst, v []byte, ascii bool) []byte {
	for i := 0; i < len(v); {
		switch c := v[i]; c {
		case ' ', '\n', '\r', '\t':
			i++
		case ',', ':':
			dst = append(dst, c, ' ')
			i++
		case '"':
			end, escaped, ok := scanString(v, i)
			if !ok { // no JSON: keep what there is
				return append(dst, v[i:]...)
			}
			dst = appendString(dst, inner(v[i:end], escaped), ascii)
			i = end
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}
