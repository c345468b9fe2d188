package pythings

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// ownBits is the size of our own pair. Devices raise to the power of 65537 ten times
// at every boot, in pure Python, and the modulus that their release brings has 1022
// bits: 1024 costs them the same and makes numbers of at most 309 digits, which is
// what they are known to send. A longer key would protect nothing: what is encrypted
// has four digits, which a listener finds by trying (docs/protocols/pythings.md).
const ownBits = 1024

// Files of private keys: our own pair, and imported ones with a name.
const (
	keyPrefix = "pythings-rsa"
	keySuffix = ".pem"
	ownFile   = keyPrefix + keySuffix
)

// mostKeys bounds what a preregistration costs that no key fits.
const mostKeys = 8

// KeyInfo is a private key as people may know it.
type KeyInfo struct {
	Name     string // "": our own
	Bits     int
	Imported bool
	Modulus  *big.Int // what devices need, in decimal
}

// Keys holds the private keys with which devices may have encrypted their payload key.
// It may be used by many at a time.
type Keys struct {
	dir string

	mu   sync.RWMutex
	held []heldKey // our own first
}

type heldKey struct {
	name string
	key  *wire.PrivateKey
}

// OpenKeys takes the keys from a folder and makes our own at the first use. A file
// that can not be read is an error, which names it.
func OpenKeys(secrets string) (*Keys, error) {
	k := &Keys{dir: secrets}
	own, err := readKey(filepath.Join(secrets, ownFile))
	if errors.Is(err, fs.ErrNotExist) {
		own, err = makeOwn(filepath.Join(secrets, ownFile))
	}
	if err != nil {
		return nil, fmt.Errorf("open our RSA key for PythingsOS devices: %w", err)
	}
	k.held = []heldKey{{"", own}}
	others, err := filepath.Glob(filepath.Join(secrets, keyPrefix+"-*"+keySuffix))
	if err != nil {
		return nil, fmt.Errorf("look for imported RSA keys: %w", err)
	}
	slices.Sort(others)
	for _, path := range others {
		key, err := readKey(path)
		if err != nil {
			return nil, fmt.Errorf("open an imported RSA key for PythingsOS devices: %w", err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), keyPrefix+"-"), keySuffix)
		k.held = append(k.held, heldKey{name, key})
	}
	return k, nil
}

func readKey(path string) (*wire.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

func makeOwn(path string) (*wire.PrivateKey, error) {
	pair, err := rsa.GenerateKey(rand.Reader, ownBits)
	if err != nil {
		return nil, fmt.Errorf("make an RSA key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: pkcs1Type, Bytes: x509.MarshalPKCS1PrivateKey(pair)})
	if err := keepSecret(path, text); err != nil {
		return nil, err
	}
	return wire.NewPrivateKey(pair.Primes[0], pair.Primes[1])
}

// Modulus gives what new devices need: N of our own pair.
func (k *Keys) Modulus() *big.Int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.held[0].key.Modulus()
}

// List gives all keys, our own first.
func (k *Keys) List() []KeyInfo {
	k.mu.RLock()
	defer k.mu.RUnlock()
	list := make([]KeyInfo, len(k.held))
	for i, h := range k.held {
		list[i] = KeyInfo{Name: h.name, Bits: h.key.Modulus().BitLen(), Imported: i > 0, Modulus: h.key.Modulus()}
	}
	return list
}

var keyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$`)

// Import takes up a private key that devices have been told elsewhere, as a PEM file
// (PKCS #1 or PKCS #8). A name that is taken gets the new key. Errors: roost.Invalid,
// roost.Conflict (the same key has another name), roost.TooMany.
func (k *Keys) Import(name string, text []byte) (KeyInfo, error) {
	if !keyName.MatchString(name) {
		return KeyInfo{}, roost.Errorf(roost.Invalid, "Name the key with up to 40 letters, digits, - and _.")
	}
	key, err := parseKey(text)
	if err != nil {
		return KeyInfo{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	at, known := slices.BinarySearchFunc(k.held, name, func(h heldKey, name string) int { return cmp.Compare(h.name, name) })
	for i, h := range k.held {
		if h.key.Modulus().Cmp(key.Modulus()) == 0 && (!known || i != at) {
			return KeyInfo{}, roost.Errorf(roost.Conflict, "This key is held already: %s.", cmp.Or(h.name, "it is the one that Roost made"))
		}
	}
	if !known && len(k.held) == mostKeys {
		return KeyInfo{}, roost.Errorf(roost.TooMany, "%d keys are held, and each is tried. Take one away first.", mostKeys)
	}
	if err := keepSecret(k.path(name), bytes.TrimSpace(text)); err != nil {
		return KeyInfo{}, err
	}
	if known {
		k.held[at].key = key
	} else {
		k.held = slices.Insert(k.held, at, heldKey{name, key})
	}
	return KeyInfo{Name: name, Bits: key.Modulus().BitLen(), Imported: true, Modulus: key.Modulus()}, nil
}

// Remove forgets an imported key. Errors: roost.NotFound.
func (k *Keys) Remove(name string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := slices.IndexFunc(k.held, func(h heldKey) bool { return h.name == name })
	if at <= 0 {
		return roost.Errorf(roost.NotFound, "No imported key is called %q.", name)
	}
	if err := os.Remove(k.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget an imported key: %w", err)
	}
	k.held = slices.Delete(k.held, at, at+1)
	return nil
}

func (k *Keys) path(name string) string {
	return filepath.Join(k.dir, keyPrefix+"-"+name+keySuffix)
}

// Decrypt gives the payload key of a preregistration. Error: wire.ErrNoKey.
func (k *Keys) Decrypt(parts []*big.Int) (wire.Key, error) {
	k.mu.RLock()
	candidates := make([]*wire.PrivateKey, len(k.held))
	for i, h := range k.held {
		candidates[i] = h.key
	}
	k.mu.RUnlock()
	key, _, err := wire.DecryptKey(parts, candidates...)
	return key, err
}
