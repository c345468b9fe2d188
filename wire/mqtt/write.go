package mqtt

import (
	"encoding/binary"
	"unicode/utf8"
)

// begin appends a fixed header whose remaining length end fills in. at is where.
func begin(dst []byte, t Type, flags byte) (out []byte, at int) {
	dst = append(dst, byte(t)<<4|flags, 0)
	return dst, len(dst) - 1
}

// end sets the length that stands at at to that of all behind it.
func end(dst []byte, at int) []byte {
	n := len(dst) - at - 1
	if n < 0x80 {
		dst[at] = byte(n)
		return dst
	}
	var pad [3]byte
	more := varintSize(n) - 1
	dst = append(dst, pad[:more]...)
	copy(dst[at+1+more:], dst[at+1:at+1+n])
	appendVarint(dst[:at], n)
	return dst
}

func varintSize(n int) int {
	switch {
	case n < 1<<7:
		return 1
	case n < 1<<14:
		return 2
	case n < 1<<21:
		return 3
	}
	return 4
}

func appendVarint(dst []byte, n int) []byte {
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}

// cut is how much of s fits a string: 65,535 bytes, whole characters.
func cut(s string) string {
	if len(s) <= maxString {
		return s
	}
	n := maxString
	for n > maxString-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func appendText(dst []byte, s string) []byte {
	s = cut(s)
	return append(append(dst, byte(len(s)>>8), byte(len(s))), s...)
}

func appendBinary(dst, b []byte) []byte {
	b = b[:min(len(b), maxString)]
	return append(append(dst, byte(len(b)>>8), byte(len(b))), b...)
}

func appendByteProp(dst []byte, id property, v byte) []byte { return append(dst, byte(id), v) }

func appendUint16Prop(dst []byte, id property, v uint16) []byte {
	return append(dst, byte(id), byte(v>>8), byte(v))
}

func appendUint32Prop(dst []byte, id property, v uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, byte(id)), v)
}

func appendTextProp(dst []byte, id property, s string) []byte {
	return appendText(append(dst, byte(id)), s)
}

// appendTextUnlessEmpty is appendTextProp for a string whose absence is "".
func appendTextUnlessEmpty(dst []byte, id property, s string) []byte {
	if s == "" {
		return dst
	}
	return appendTextProp(dst, id, s)
}

func appendUser(dst []byte, user []UserProperty) []byte {
	for _, u := range user {
		dst = appendText(appendTextProp(dst, propUser, u.Name), u.Value)
	}
	return dst
}

// appendProblem appends the property list of an acknowledgement.
func appendProblem(dst []byte, reason string, user []UserProperty) []byte {
	at := len(dst)
	dst = append(dst, 0)
	dst = appendTextUnlessEmpty(dst, propReason, reason)
	return end(appendUser(dst, user), at)
}
