package pyaiot

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// FromBinary gives the text of a binary frame, which Pyaiot takes as well: UTF-8,
// UTF-16 or UTF-32 in either byte order, told apart by a byte order mark or by
// where the zeros stand. The error is a *Refusal.
func FromBinary(b []byte) ([]byte, error) {
	var text []byte
	ok := true
	switch width, order, mark := guess(b); width {
	case 2:
		text, ok = fromUTF16(b[mark:], order)
	case 4:
		text, ok = fromUTF32(b[mark:], order)
	default:
		text = b[mark:]
	}
	if !ok || !utf8.Valid(text) {
		return nil, notJSON(b)
	}
	return text, nil
}

// guess gives the width of a code unit, the byte order, and the length of the mark.
func guess(b []byte) (width int, order binary.ByteOrder, mark int) {
	at := func(i int) byte {
		if i < len(b) {
			return b[i]
		}
		return 1
	}
	switch {
	case len(b) >= 4 && string(b[:4]) == "\xff\xfe\x00\x00":
		return 4, binary.LittleEndian, 4
	case len(b) >= 4 && string(b[:4]) == "\x00\x00\xfe\xff":
		return 4, binary.BigEndian, 4
	case len(b) >= 2 && string(b[:2]) == "\xff\xfe":
		return 2, binary.LittleEndian, 2
	case len(b) >= 2 && string(b[:2]) == "\xfe\xff":
		return 2, binary.BigEndian, 2
	case len(b) >= 3 && string(b[:3]) == "\xef\xbb\xbf":
		return 1, nil, 3
	case at(0) == 0 && at(1) == 0:
		return 4, binary.BigEndian, 0
	case at(0) == 0:
		return 2, binary.BigEndian, 0
	case at(1) == 0 && at(2) == 0 && at(3) == 0:
		return 4, binary.LittleEndian, 0
	case at(1) == 0:
		return 2, binary.LittleEndian, 0
	}
	return 1, nil, 0
}

func fromUTF16(b []byte, order binary.ByteOrder) (text []byte, ok bool) {
	if len(b)%2 != 0 {
		return nil, false
	}
	text = make([]byte, 0, len(b)/2)
	for ; len(b) > 0; b = b[2:] {
		r := rune(order.Uint16(b))
		if utf16.IsSurrogate(r) {
			if len(b) < 4 {
				return nil, false
			}
			if r = utf16.DecodeRune(r, rune(order.Uint16(b[2:]))); r == utf8.RuneError {
				return nil, false
			}
			b = b[2:]
		}
		text = utf8.AppendRune(text, r)
	}
	return text, true
}

func fromUTF32(b []byte, order binary.ByteOrder) (text []byte, ok bool) {
	if len(b)%4 != 0 {
		return nil, false
	}
	text = make([]byte, 0, len(b)/4)
	for ; len(b) > 0; b = b[4:] {
		c := order.Uint32(b)
		if c > utf8.MaxRune || !utf8.ValidRune(rune(c)) {
			return nil, false
		}
		text = utf8.AppendRune(text, rune(c))
	}
	return text, true
}
