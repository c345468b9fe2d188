package series

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// A value token is one value by itself, in a uvarint whose low four bits say how:
//
//	0..6   zigzag(n)<<4 | scale: the value is n / 10^scale
//	14     four bytes follow: an IEEE 754 single that widens to the value
//	15     eight bytes follow: the IEEE 754 double, bit for bit
const (
	maxScale    = 6
	tokenSingle = 14
	tokenDouble = 15
)

var pow10 = [maxScale + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6}

// decimalAt gives n with v == n / 10^scale bit for bit, if there is one below 2^53.
func decimalAt(v float64, scale uint8) (n int64, ok bool) {
	p := pow10[scale]
	x := v * p
	if !(x > -(1<<53) && x < 1<<53) { // also not a number
		return 0, false
	}
	if x < 0 {
		n = int64(x - 0.5)
	} else {
		n = int64(x + 0.5)
	}
	if float64(n)/p != v || n == 0 && math.Signbit(v) {
		return 0, false
	}
	return n, true
}

// decimal gives n and the scale of v: hint if it fits, else the smallest.
func decimal(v float64, hint uint8) (n int64, scale uint8, ok bool) {
	if hint <= maxScale {
		if n, ok = decimalAt(v, hint); ok {
			return n, hint, true
		}
	}
	for scale = 0; scale <= maxScale; scale++ {
		if n, ok = decimalAt(v, scale); ok {
			return n, scale, true
		}
	}
	return 0, 0, false
}

func zigzag(n int64) uint64   { return uint64(n)<<1 ^ uint64(n>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func trailingZeros(v uint64) uint { return uint(bits.TrailingZeros64(v)) }
func bitLen(v uint64) uint        { return uint(bits.Len64(v)) }

// single says whether v widens from a 32-bit float bit for bit.
func single(v float64) (uint32, bool) {
	f := float32(v)
	return math.Float32bits(f), math.Float64bits(float64(f)) == math.Float64bits(v)
}

// appendInexact appends the token, shifted left by shift, of a value without a decimal form.
func appendInexact(dst []byte, v float64, shift uint, flag uint64) []byte {
	if s, ok := single(v); ok {
		dst = binary.AppendUvarint(dst, tokenSingle<<shift|flag)
		return binary.LittleEndian.AppendUint32(dst, s)
	}
	dst = binary.AppendUvarint(dst, tokenDouble<<shift|flag)
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
}

// cursor reads varints and fixed numbers; the first that is not there sets bad.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) uvarint() uint64 {
	if len(c.b) > 0 && c.b[0] < 0x80 {
		v := c.b[0]
		c.b = c.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.b, c.bad = nil, true
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) varint() int64 { return unzigzag(c.uvarint()) }

func (c *cursor) bytes(n int) []byte {
	if n > len(c.b) {
		c.b, c.bad = nil, true
		return make([]byte, n)
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

// value reads what follows a value token already read; scale is 0xff unless decimal.
func (c *cursor) value(token uint64) (v float64, n int64, scale uint8) {
	switch kind := token & 15; {
	case kind <= maxScale:
		n = unzigzag(token >> 4)
		return float64(n) / pow10[kind], n, uint8(kind)
	case kind == tokenSingle:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(c.bytes(4)))), 0, noScale
	case kind == tokenDouble:
		return math.Float64frombits(binary.LittleEndian.Uint64(c.bytes(8))), 0, noScale
	}
	c.bad = true
	return 0, 0, noScale
}

const noScale = 0xff
