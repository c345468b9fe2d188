package sim

import (
	"encoding/json"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	wire "github.com/roost-iot/roost/wire/pythings"
)

// member is a member of a JSON object; its value is JSON.
type member struct{ name, value string }

// quoted is text as JSON.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text always can be
	}
	return string(b)
}

// object writes an object as the device's interpreter does: in order and in ASCII, or
// in any order and in UTF-8.
func (d *PythingsDevice) object(members ...member) string {
	if d.habit == wire.MicroPython {
		d.rng.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(d.json(quoted(m.name)) + ": " + d.json(m.value))
	}
	b.WriteByte('}')
	return b.String()
}

// json writes a value as the device's interpreter does; null if it is none.
func (d *PythingsDevice) json(value string) string {
	text, err := wire.AppendASCII(nil, []byte(value), wire.Spaced)
	if err != nil {
		return "null"
	}
	if d.habit == wire.MicroPython {
		return unescaped(string(text))
	}
	return string(text)
}

// unescaped writes \uXXXX as UTF-8 in a JSON text, but for control characters.
func unescaped(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		switch {
		case text[i] != '\\':
			b.WriteByte(text[i])
			i++
		case text[i+1] != 'u':
			b.WriteString(text[i : i+2])
			i += 2
		default:
			r, size := escape(text[i:])
			if r < utf8.RuneSelf || r == utf8.RuneError {
				b.WriteString(text[i : i+size])
			} else {
				b.WriteRune(r)
			}
			i += size
		}
	}
	return b.String()
}

// escape reads the escape, or the pair of them, that text begins with.
func escape(text string) (r rune, size int) {
	r = unit(text)
	if utf16.IsSurrogate(r) && len(text) >= 12 && strings.HasPrefix(text[6:], `\u`) {
		if pair := utf16.DecodeRune(r, unit(text[6:])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	if utf16.IsSurrogate(r) {
		return utf8.RuneError, 6
	}
	return r, 6
}

func unit(text string) (r rune) {
	for _, c := range strings.ToLower(text[2:6]) {
		if c >= 'a' {
			c -= 'a' - 10 - '0'
		}
		r = r<<4 | (c - '0')
	}
	return r
}

// sealed encrypts what the interpreter would make of text: bytes that are not ASCII
// are lost on the way.
func (d *PythingsDevice) sealed(text string) string {
	plain := strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return -1
		}
		return r
	}, text)
	blocks, err := d.cipher.Encrypt(nil, []byte(plain))
	if err != nil {
		panic(err) // it is ASCII
	}
	return string(blocks)
}

// length is what content-length says: MicroPython counts characters.
func (d *PythingsDevice) length(body string) int {
	if d.habit == wire.MicroPython {
		return utf8.RuneCountInString(body)
	}
	return len(body)
}
