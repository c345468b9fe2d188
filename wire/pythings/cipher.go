package pythings

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// Sizes of the block format, in bytes of text and of what it becomes.
const (
	PieceSize = 12
	BlockSize = maxDigits
)

// fill makes up for what a piece or a block lacks. It can not be transported itself.
const fill = '&'

var (
	// ErrNotASCII: the text has bytes that the block format can not carry.
	ErrNotASCII = errors.New("only ASCII can be encrypted")
	// ErrDamaged: the blocks were not made with this key, or not by this cipher.
	ErrDamaged = errors.New("encrypted text can not be read")
)

// Cipher is aes128ecb in the compatibility mode that all devices use. A piece t of 12
// characters, the last one filled up with '&', becomes a block of 39:
//
//	C = t[0..3]   B = t[4..7]   A = t[8..11]      each a big-endian 32-bit integer
//	P = C + B*10^11 + A*10^22                     below 2^128
//	block = decimal(AES-128(K, P)), filled up with '&'
//
// It hides and protects little: see docs/protocols/pythings.md.
type Cipher struct{ aes cipher.Block }

// NewCipher makes the cipher of a key. It may be used by many at a time.
func NewCipher(k Key) *Cipher {
	block, err := aes.NewCipher(k[:])
	if err != nil {
		panic(err) // 16 bytes always do
	}
	return &Cipher{block}
}

// Survives tells whether text arrives as it was sent: '&' and NUL vanish on the way,
// and what is not ASCII can not be sent at all.
func Survives(text []byte) bool {
	for _, c := range text {
		if c == fill || c == 0 || c >= 0x80 {
			return false
		}
	}
	return true
}

// Encrypt appends the blocks of text to dst. Error: ErrNotASCII.
func (c *Cipher) Encrypt(dst, text []byte) ([]byte, error) {
	for _, b := range text {
		if b >= 0x80 {
			return dst, ErrNotASCII
		}
	}
	for len(text) >= PieceSize {
		dst = c.seal(dst, (*[PieceSize]byte)(text))
		text = text[PieceSize:]
	}
	if len(text) > 0 {
		last := [PieceSize]byte{fill, fill, fill, fill, fill, fill, fill, fill, fill, fill, fill, fill}
		copy(last[:], text)
		dst = c.seal(dst, &last)
	}
	return dst, nil
}

// seal appends the block of one piece.
func (c *Cipher) seal(dst []byte, t *[PieceSize]byte) []byte {
	p := uint128{lo: uint64(binary.BigEndian.Uint32(t[8:]))}
	p, _ = p.mulAdd(e11, uint64(binary.BigEndian.Uint32(t[4:])))
	p, _ = p.mulAdd(e11, uint64(binary.BigEndian.Uint32(t[0:])))
	b := p.bytes()
	c.aes.Encrypt(b[:], b[:])
	end := len(dst) + BlockSize
	dst = uint128From(b).appendDecimal(dst)
	for len(dst) < end {
		dst = append(dst, fill)
	}
	return dst
}

// Decrypt appends the text of blocks to dst. Error: ErrDamaged, wrapped with the
// place; dst is then as it was.
func (c *Cipher) Decrypt(dst, blocks []byte) ([]byte, error) {
	if len(blocks)%BlockSize != 0 {
		return dst, fmt.Errorf("%w: %d characters are not whole blocks of %d", ErrDamaged, len(blocks), BlockSize)
	}
	out := dst
	for i := 0; i < len(blocks); i += BlockSize {
		var ok bool
		if out, ok = c.open(out, blocks[i:i+BlockSize]); !ok {
			return dst, fmt.Errorf("%w: block %d", ErrDamaged, i/BlockSize+1)
		}
	}
	return out, nil
}

// open appends the text of one block.
func (c *Cipher) open(dst, block []byte) ([]byte, bool) {
	digits := block
	for len(digits) > 0 && digits[len(digits)-1] == fill {
		digits = digits[:len(digits)-1]
	}
	n, ok := parseUint128(digits)
	if !ok || len(digits) == 0 {
		return dst, false
	}
	b := n.bytes()
	c.aes.Decrypt(b[:], b[:])
	p := uint128From(b)
	if !p.less(e32) {
		return dst, false
	}
	// 32 digits: A in 10, '0', B in 10, '0', C in 10.
	rest, third := p.divMod(e11)
	first, second := rest.divMod(e11)
	if third >= e10 || second >= e10 {
		return dst, false
	}
	for _, group := range [...]uint64{third, second, first.lo} {
		if group > 0xffffffff {
			return dst, false
		}
		dst = appendGroup(dst, uint32(group))
	}
	return dst, true
}

// appendGroup writes four characters, without NULs at the front and without fill.
func appendGroup(dst []byte, group uint32) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		b := byte(group >> shift)
		if b == fill || b == 0 && group>>shift == 0 {
			continue
		}
		dst = append(dst, b)
	}
	return dst
}
