package pythings

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
)

// Key is K, the payload key of a session: a 128-bit integer, big-endian.
type Key [16]byte

// NewKey gives a random key, as a device makes one at every boot.
func NewKey() Key {
	var k Key
	rand.Read(k[:])
	return k
}

// maxDigits is how long a 128-bit integer is in decimal.
const maxDigits = 39

var errKey = errors.New("a payload key is a decimal number below 2^128")

// ParseKey reads a key as it is written in decimal.
func ParseKey(decimal string) (Key, error) {
	if decimal == "" || len(decimal) > maxDigits {
		return Key{}, errKey
	}
	n, ok := parseUint128([]byte(decimal))
	if !ok {
		return Key{}, errKey
	}
	return n.bytes(), nil
}

// Decimal writes the key in decimal, without leading zeros.
func (k Key) Decimal() string {
	return string(uint128From(k).appendDecimal(nil))
}

// uint128 is an unsigned integer of 128 bits.
type uint128 struct{ hi, lo uint64 }

func uint128From(b [16]byte) uint128 {
	return uint128{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (n uint128) bytes() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:8], n.hi)
	binary.BigEndian.PutUint64(b[8:], n.lo)
	return b
}
