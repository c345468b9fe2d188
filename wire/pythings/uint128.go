package pythings

import (
	"math/bits"
	"strconv"
)

// Powers of ten by which a uint128 is taken apart.
const (
	e10 uint64 = 1e10
	e11 uint64 = 1e11
	e19 uint64 = 1e19
)

// e32 is 10^32.
var e32 = uint128{0x4ee2d6d415b, 0x85acef8100000000}

func (n uint128) less(m uint128) bool {
	return n.hi < m.hi || n.hi == m.hi && n.lo < m.lo
}

// mulAdd gives n*by+plus; ok is false when 128 bits do not hold it.
func (n uint128) mulAdd(by, plus uint64) (_ uint128, ok bool) {
	hi, lo := bits.Mul64(n.lo, by)
	over, top := bits.Mul64(n.hi, by)
	hi, carry := bits.Add64(hi, top, 0)
	lo, small := bits.Add64(lo, plus, 0)
	hi, last := bits.Add64(hi, 0, small)
	return uint128{hi, lo}, over == 0 && carry == 0 && last == 0
}

// divMod divides by a 64-bit number.
func (n uint128) divMod(by uint64) (quotient uint128, rest uint64) {
	quotient.hi, rest = n.hi/by, n.hi%by
	quotient.lo, rest = bits.Div64(rest, n.lo, by)
	return quotient, rest
}

// appendDecimal writes n without leading zeros.
func (n uint128) appendDecimal(dst []byte) []byte {
	if n.hi == 0 {
		return strconv.AppendUint(dst, n.lo, 10)
	}
	rest, low := n.divMod(e19)
	top, middle := rest.divMod(e19)
	if top.lo == 0 {
		dst = strconv.AppendUint(dst, middle, 10)
	} else {
		dst = append(dst, '0'+byte(top.lo))
		dst = append19(dst, middle)
	}
	return append19(dst, low)
}

// append19 writes n, below 10^19, with 19 digits.
func append19(dst []byte, n uint64) []byte {
	var b [19]byte
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
	return append(dst, b[:]...)
}

// parseUint128 reads at most 39 decimal digits.
func parseUint128(digits []byte) (n uint128, ok bool) {
	for len(digits) > 0 {
		step := min(len(digits), 18)
		var part uint64
		scale := uint64(1)
		for _, c := range digits[:step] {
			if c < '0' || c > '9' {
				return n, false
			}
			part = part*10 + uint64(c-'0')
			scale *= 10
		}
		if n, ok = n.mulAdd(scale, part); !ok {
			return n, false
		}
		digits = digits[step:]
	}
	return n, true
}
