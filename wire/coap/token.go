package coap

import "encoding/hex"

// MaxToken is the longest token in bytes (RFC 7252, 3).
const MaxToken = 8

// Token ties a response to its request. It is comparable and so can be the key
// of a map; the zero Token is the empty one, which is legal.
type Token struct {
	n byte
	b [MaxToken]byte
}

// NewToken copies b. ErrTokenLength: b is longer than MaxToken.
func NewToken(b []byte) (Token, error) {
	var t Token
	if len(b) > MaxToken {
		return t, ErrTokenLength
	}
	t.n = byte(copy(t.b[:], b))
	return t, nil
}

// Token16 is the two-byte token with v's bytes, the upper one first.
func Token16(v uint16) Token {
	return Token{n: 2, b: [MaxToken]byte{byte(v >> 8), byte(v)}}
}

// Len is the length in bytes, 0 to MaxToken.
func (t Token) Len() int { return int(t.n) }

// Append adds the bytes of the token to dst.
func (t Token) Append(dst []byte) []byte { return append(dst, t.b[:t.n]...) }

// String gives the bytes in hexadecimal.
func (t Token) String() string { return hex.EncodeToString(t.b[:t.n]) }
