package agent

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// Sizes in bytes.
const (
	KeySize     = 32
	NonceSize   = 16
	SessionSize = 8
)

// Key is the secret that a thing and Roost have in common: K.
type Key [KeySize]byte

// Nonce is drawn anew for each hello by either side.
type Nonce [NonceSize]byte

// SessionID names a session.
type SessionID [SessionSize]byte

// ErrKey says that a text is no key.
var ErrKey = errors.New("a key is 64 hex digits")

// NewKey draws a key.
func NewKey() Key {
	var k Key
	rand.Read(k[:])
	return k
}

// ParseKey reads 64 hex digits. Error: ErrKey.
func ParseKey(text string) (Key, error) {
	var k Key
	if len(text) != hex.EncodedLen(KeySize) {
		return k, ErrKey
	}
	if _, err := hex.Decode(k[:], []byte(text)); err != nil {
		return Key{}, ErrKey
	}
	return k, nil
}

// String is the key in hex, as it stands in a thing's file.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// NewNonce draws a nonce.
func NewNonce() Nonce {
	var n Nonce
	rand.Read(n[:])
	return n
}

// NewSessionID draws a name for a session.
func NewSessionID() SessionID {
	var s SessionID
	rand.Read(s[:])
	return s
}

func (s SessionID) String() string { return hex.EncodeToString(s[:]) }

// NewPair makes the key pair of one joining (RFC 7748).
func NewPair() (*ecdh.PrivateKey, error) {
	pair, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key pair: %w", err)
	}
	return pair, nil
}

// JoinKey makes K, the same at both ends of a joining: of thing and server, the public keys,
// one is own's and the other the peer's. Error: the peer's is of no use (RFC 7748, 6.1).
func JoinKey(own *ecdh.PrivateKey, thing, server []byte) (Key, error) {
	peer := server
	if string(own.PublicKey().Bytes()) == string(server) {
		peer = thing
	}
	public, err := ecdh.X25519().NewPublicKey(peer)
	if err != nil {
		return Key{}, fmt.Errorf("read a public key: %w", err)
	}
	secret, err := own.ECDH(public)
	if err != nil {
		return Key{}, fmt.Errorf("agree on a key: %w", err)
	}
	var k Key
	copy(k[:], derive(secret, string(thing)+string(server), "roost join", KeySize))
	return k, nil
}

// derive is HKDF-SHA256 (RFC 5869).
func derive(secret []byte, salt, info string, size int) []byte {
	out, err := hkdf.Key(sha256.New, secret, []byte(salt), info, size)
	if err != nil {
		panic(err) // only for sizes over 255 hashes
	}
	return out
}

// sum is HMAC-SHA256 over all parts, one behind the other.
func sum(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// JoinMAC proves to a thing that the answer to its joining comes from who agreed on K with it.
func (k Key) JoinMAC(id string) []byte { return sum(k[:], []byte("roost join"), []byte(id)) }

// Print is by what people know a key without seeing it: 10 hex digits, "1a2b3-c4d5e".
func (k Key) Print() string {
	p := hex.EncodeToString(sum(k[:], []byte("roost print"))[:5])
	return p[:5] + "-" + p[5:]
}

// HelloMAC proves to a thing that Roost has K, and what time it is: now, in ms since 1970.
func (k Key) HelloMAC(thing, server Nonce, s SessionID, now int64) []byte {
	return sum(k[:], []byte("roost hello"), thing[:], server[:], s[:], eight(now))
}

// TimeMAC proves to a thing what time it is: now, in ms since 1970.
func (k Key) TimeMAC(n Nonce, now int64) []byte {
	return sum(k[:], []byte("roost time"), n[:], eight(now))
}

func eight(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// Equal compares two MACs, in a time that does not tell where they differ.
func Equal(a, b []byte) bool { return hmac.Equal(a, b) }

// MACText tells whether text is mac in hex.
func MACText(text string, mac []byte) bool {
	b, err := hex.DecodeString(text)
	return err == nil && Equal(b, mac)
}
