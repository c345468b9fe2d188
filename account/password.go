package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/roost-iot/roost"
)

const (
	minPassword   = 10   // characters
	maxPassword   = 1024 // bytes
	hashesAtOnce  = 2    // bounds memory: 2 x 19 MiB
	hashesWaiting = 64
	keyLength     = 32
)

// Cost is the price of one argon2id hash. The zero value is OWASP's 19 MiB, t=2, p=1.
type Cost struct {
	MiB    uint32
	Passes uint32
}

// maxCost bounds what a hash in the store may ask for.
var maxCost = struct{ kib, passes uint32 }{kib: 256 << 10, passes: 16}

// hasher makes and checks passwords' hashes, few at a time.
type hasher struct {
	kib, passes uint32
	slots       chan struct{}
	waiting     atomic.Int32
	nobody      string // the hash of nobody's password: no text has it
}

func newHasher(c Cost) *hasher {
	if c == (Cost{}) {
		c = Cost{MiB: 19, Passes: 2}
	}
	h := &hasher{kib: c.MiB << 10, passes: c.Passes, slots: make(chan struct{}, hashesAtOnce)}
	var salt [16]byte
	var key [keyLength]byte
	rand.Read(salt[:])
	rand.Read(key[:])
	h.nobody = encodeHash(h.kib, h.passes, salt[:], key[:])
	return h
}

// hash gives "$argon2id$v=19$m=19456,t=2,p=1$salt$key" in unpadded base64.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	var salt [16]byte
	rand.Read(salt[:])
	key := argon2.IDKey([]byte(password), salt[:], h.passes, h.kib, 1, keyLength)
	return encodeHash(h.kib, h.passes, salt[:], key), nil
}

// matches tells whether hash is of password, and whether it was made at another
// cost than today's. "" is checked like any other hash and never matches.
func (h *hasher) matches(ctx context.Context, hash, password string) (ok, stale bool, err error) {
	if hash == "" {
		hash = h.nobody
	}
	kib, passes, salt, want, err := decodeHash(hash)
	if err != nil {
		return false, false, err
	}
	if err := h.enter(ctx); err != nil {
		return false, false, err
	}
	defer h.leave()
	got := argon2.IDKey([]byte(password), salt, passes, kib, 1, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, kib != h.kib || passes != h.passes, nil
}

func (h *hasher) enter(ctx context.Context) error {
	if h.waiting.Add(1) > hashesWaiting {
		h.waiting.Add(-1)
		return roost.Errorf(roost.Unavailable, "Too many people are signing in at once; try again in a moment.")
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to check a password: %w", ctx.Err())
	}
}

func (h *hasher) leave() { <-h.slots }

func encodeHash(kib, passes uint32, salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, kib, passes, b64(salt), b64(key))
}

func decodeHash(s string) (kib, passes uint32, salt, key []byte, err error) {
	bad := func(what string) (uint32, uint32, []byte, []byte, error) {
		return 0, 0, nil, nil, fmt.Errorf("read a password's hash: %s", what)
	}
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return bad("not argon2id")
	}
	if parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return bad("unknown version")
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &kib, &passes); n != 2 || err != nil {
		return bad("unknown parameters")
	}
	if kib < 8 || kib > maxCost.kib || passes < 1 || passes > maxCost.passes {
		return bad("parameters out of bounds")
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(parts[4])
	key, errKey := base64.RawStdEncoding.DecodeString(parts[5])
	if errSalt != nil || errKey != nil || len(salt) < 8 || len(key) < 16 || len(key) > 64 {
		return bad("broken salt or key")
	}
	return kib, passes, salt, key, nil
}

// checkPassword says what is wrong with a new password.
func checkPassword(name, password string) error {
	switch {
	case !utf8.ValidString(password):
		return roost.Errorf(roost.Invalid, "The password is not valid text.")
	case utf8.RuneCountInString(password) < minPassword:
		return roost.Errorf(roost.Invalid, "The password needs at least %d characters.", minPassword)
	case len(password) > maxPassword:
		return roost.Errorf(roost.Invalid, "The password is longer than %d bytes.", maxPassword)
	case roost.NameKey(password) == roost.NameKey(name):
		return roost.Errorf(roost.Invalid, "The password must not be the name.")
	}
	return nil
}
