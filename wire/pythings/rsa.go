package pythings

import (
	"errors"
	"math/big"
	"strings"
)

// Exponent is the public exponent of every srsa1 key.
const Exponent = 65537

// Bounds of an srsa1 key, in bits. Devices have a modulus of 1022 bits built in.
const (
	MinModulus = 512
	MaxModulus = 4096
)

// maxParts is how many strings of four digits the longest key gives.
const maxParts = (maxDigits + partSize - 1) / partSize

// partSize is how many digits are encrypted together.
const partSize = 4

// ErrNoKey: none of the private keys fits what a device has encrypted.
var ErrNoKey = errors.New("the payload key is encrypted with a key that is not held here")

var errPair = errors.New("not the primes of an RSA key with exponent 65537")

// PrivateKey is the server's half of srsa1: RSA without padding. It is no secret worth
// the name: what is encrypted has four digits at most.
type PrivateKey struct {
	n, p, q, dp, dq, qinv *big.Int
}

// NewPrivateKey makes the private key of two primes and Exponent.
func NewPrivateKey(p, q *big.Int) (*PrivateKey, error) {
	one, e := big.NewInt(1), big.NewInt(Exponent)
	if p == nil || q == nil || p.Cmp(one) <= 0 || q.Cmp(one) <= 0 || p.Cmp(q) == 0 {
		return nil, errPair
	}
	n := new(big.Int).Mul(p, q)
	if n.BitLen() < MinModulus || n.BitLen() > MaxModulus || !p.ProbablyPrime(10) || !q.ProbablyPrime(10) {
		return nil, errPair
	}
	k := &PrivateKey{n: n, p: new(big.Int).Set(p), q: new(big.Int).Set(q)}
	k.dp = new(big.Int).ModInverse(e, new(big.Int).Sub(p, one))
	k.dq = new(big.Int).ModInverse(e, new(big.Int).Sub(q, one))
	k.qinv = new(big.Int).ModInverse(q, p)
	if k.dp == nil || k.dq == nil || k.qinv == nil {
		return nil, errPair
	}
	return k, nil
}

// Modulus gives N, which devices need. The caller must not change it.
func (k *PrivateKey) Modulus() *big.Int { return k.n }

// decrypt gives c^d mod N, by the Chinese remainder theorem (RFC 8017, 5.1.2).
func (k *PrivateKey) decrypt(c *big.Int) *big.Int {
	m1 := new(big.Int).Exp(c, k.dp, k.p)
	m2 := new(big.Int).Exp(c, k.dq, k.q)
	h := m1.Sub(m1, m2)
	h.Mul(h, k.qinv).Mod(h, k.p)
	return h.Mul(h, k.q).Add(h, m2)
}

// Habit is whose way of doing things a device has.
type Habit uint8

// The two families of devices.
const (
	CPython     Habit = iota // keys in order, \uXXXX escapes
	MicroPython              // keys in any order, raw UTF-8, content-length in characters
)

// EncryptKey is what a device sends of its payload key, as key of a preregistration.
func EncryptKey(k Key, n *big.Int, habit Habit) []*big.Int {
	var parts []*big.Int
	e := big.NewInt(Exponent)
	for digits := k.Decimal(); digits != ""; {
		part := digits[:min(partSize, len(digits))]
		digits = digits[len(part):]
		if habit == MicroPython {
			part += strings.Repeat("\x00", partSize-len(part))
		}
		m := new(big.Int).SetBytes([]byte(part))
		parts = append(parts, m.Exp(m, e, n))
	}
	return parts
}

// DecryptKey gives the payload key of a preregistration and the private key that fits.
// Error: ErrNoKey.
func DecryptKey(parts []*big.Int, candidates ...*PrivateKey) (Key, *PrivateKey, error) {
	if len(parts) == 0 || len(parts) > maxParts {
		return Key{}, nil, ErrNoKey
	}
	for _, candidate := range candidates {
		if k, ok := candidate.key(parts); ok {
			return k, candidate, nil
		}
	}
	return Key{}, nil, ErrNoKey
}

// key decrypts all parts, or none when one does not become digits.
func (k *PrivateKey) key(parts []*big.Int) (Key, bool) {
	var digits strings.Builder
	for i, c := range parts {
		if c.Sign() < 0 || c.Cmp(k.n) >= 0 {
			return Key{}, false
		}
		m := k.decrypt(c)
		if m.BitLen() > 8*partSize {
			return Key{}, false
		}
		part := strings.TrimRight(string(m.Bytes()), "\x00")
		if part == "" || len(part) < partSize && i < len(parts)-1 {
			return Key{}, false
		}
		digits.WriteString(part)
	}
	key, err := ParseKey(digits.String())
	return key, err == nil
}
