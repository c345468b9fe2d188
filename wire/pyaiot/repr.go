package pyaiot

import (
	"bytes"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// reprEnough is where the Python spelling of a value stops: a close reason holds 123 bytes.
const reprEnough = 256

// pythonStr spells the JSON value v as Python's str() does: True, None, {'a': 1}.
func pythonStr(v []byte) []byte {
	if v[0] == '"' {
		_, escaped, _ := scanString(v, 0)
		return inner(v, escaped)
	}
	out, _ := appendRepr(nil, v, 0)
	return out
}

// appendRepr spells the value that begins at v[i] and gives its end.
func appendRepr(dst, v []byte, i int) ([]byte, int) {
	i = skipSpace(v, i)
	end, ok := scanValue(v, i, 0)
	if !ok || len(dst) > reprEnough {
		return dst, end
	}
	switch v[i] {
	case '"':
		_, escaped, _ := scanString(v, i)
		return appendQuoted(dst, inner(v[i:end], escaped)), end
	case '{', '[':
		return reprNested(dst, v[i:end]), end
	case 't':
		return append(dst, "True"...), end
	case 'f':
		return append(dst, "False"...), end
	case 'n':
		return append(dst, "None"...), end
	}
	return appendNumber(dst, v[i:end]), end
}

// reprNested walks an array or object; both keep JSON's brackets in Python.
func reprNested(dst, v []byte) []byte {
	for i := 0; i < len(v) && len(dst) <= reprEnough; {
		switch c := v[i]; c {
		case ' ', '\n', '\r', '\t':
			i++
		case '{', '[', '}', ']':
			dst = append(dst, c)
			i++
		case ',', ':':
			dst = append(dst, c, ' ')
			i++
		default:
			dst, i = appendRepr(dst, v, i)
		}
	}
	return dst
}

// appendQuoted quotes as Python's repr: single quotes unless only those occur inside.
func appendQuoted(dst, s []byte) []byte {
	quote := byte('\'')
	if bytes.IndexByte(s, '\'') >= 0 && bytes.IndexByte(s, '"') < 0 {
		quote = '"'
	}
	dst = append(dst, quote)
	for len(s) > 0 && len(dst) <= 2*reprEnough {
		r, n := utf8.DecodeRune(s)
		s = s[n:]
		switch {
		case r == rune(quote) || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < 0x20 || r >= 0x7f && r < 0x100 && !unicode.IsPrint(r):
			dst = append(dst, '\\', 'x', hexDigits[r>>4&15], hexDigits[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, quote)
}

// appendNumber spells integers as they stand and fractions as Python's float: 1e5 is 100000.0.
func appendNumber(dst, n []byte) []byte {
	if !bytes.ContainsAny(n, ".eE") {
		return append(dst, n...)
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil {
		if n[0] == '-' {
			return append(dst, "-inf"...)
		}
		return append(dst, "inf"...)
	}
	s := strconv.AppendFloat(nil, f, 'e', -1, 64)
	exp, _ := strconv.Atoi(string(s[bytes.IndexByte(s, 'e')+1:]))
	if exp < -4 || exp >= 16 {
		return append(dst, s...)
	}
	s = strconv.AppendFloat(nil, f, 'f', -1, 64)
	if bytes.IndexByte(s, '.') < 0 {
		s = append(s, ".0"...)
	}
	return append(dst, s...)
}
