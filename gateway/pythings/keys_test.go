package pythings_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/pythings"
	wire "github.com/roost-iot/roost/wire/pythings"
)

func openKeys(t testing.TB, dir string) *pythings.Keys {
	t.Helper()
	keys, err := pythings.OpenKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func newPair(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	pair, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// reads tells whether keys read what a device sends that was told modulus.
func reads(keys *pythings.Keys, modulus *big.Int) bool {
	k := wire.NewKey()
	got, err := keys.Decrypt(wire.EncryptKey(k, modulus, wire.MicroPython))
	return err == nil && got == k
}

func TestOwnKeyIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	first := openKeys(t, dir)
	info, err := os.Stat(filepath.Join(dir, "pythings-rsa.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	again := openKeys(t, dir)
	if first.Modulus().Cmp(again.Modulus()) != 0 || first.Modulus().BitLen() != 1024 {
		t.Errorf("modulus %v, then %v", first.Modulus(), again.Modulus())
	}
	if !reads(again, first.Modulus()) {
		t.Error("what was sent under the first modulus is not read")
	}
	if list := again.List(); len(list) != 1 || list[0].Imported || list[0].Bits != 1024 {
		t.Errorf("%+v", list)
	}
}

func TestImportedKeysAreTriedToo(t *testing.T) {
	dir := t.TempDir()
	keys := openKeys(t, dir)
	one, two := newPair(t), newPair(t)
	eight, err := x509.MarshalPKCS8PrivateKey(two)
	if err != nil {
		t.Fatal(err)
	}
	if reads(keys, one.N) {
		t.Fatal("a foreign key is read")
	}
	for name, text := range map[string][]byte{
		"old-backend": pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(one)), "another": pemOf("PRIVATE KEY", eight),
	} {
		if info, err := keys.Import(name, text); err != nil || info.Name != name || info.Bits != 1024 || !info.Imported {
			t.Errorf("%+v, %v", info, err)
		}
	}
	for when, keys := range map[string]*pythings.Keys{"now": keys, "after a restart": openKeys(t, dir)} {
		for _, n := range []*big.Int{one.N, two.N, keys.Modulus()} {
			if !reads(keys, n) {
				t.Errorf("%s: not read under %v", when, n)
			}
		}
		list := keys.List()
		if len(list) != 3 || list[0].Imported || list[1].Name != "another" || list[2].Name != "old-backend" {
			t.Errorf("%s: %+v", when, list)
		}
	}
	if err := keys.Remove("another"); err != nil || reads(keys, two.N) || reads(openKeys(t, dir), two.N) {
		t.Errorf("removed: %v, still read", err)
	}
	if err := keys.Remove(""); roost.KindOf(err) != roost.NotFound {
		t.Errorf("our own key can be removed: %v", err)
	}
}

// Devices have 1022 bits built in, which crypto/rsa takes for too few.
func TestKeyOf1022BitsIsTaken(t *testing.T) {
	keys := openKeys(t, t.TempDir())
	n, text := shortPair(t)
	info, err := keys.Import("short", text)
	if err != nil || info.Bits != 1022 || info.Modulus.Cmp(n) != 0 || !reads(keys, n) {
		t.Errorf("%+v, %v", info, err)
	}
}

// shortPair makes a pair of 1022 bits.
func shortPair(t *testing.T) (n *big.Int, text []byte) {
	t.Helper()
	one, e := big.NewInt(1), big.NewInt(65537)
	for {
		p, err := rand.Prime(rand.Reader, 511)
		if err != nil {
			t.Fatal(err)
		}
		q, err := rand.Prime(rand.Reader, 511)
		if err != nil {
			t.Fatal(err)
		}
		p1, q1 := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
		d := new(big.Int).ModInverse(e, new(big.Int).Mul(p1, q1))
		n = new(big.Int).Mul(p, q)
		if n.BitLen() != 1022 || d == nil {
			continue
		}
		der, err := asn1.Marshal(struct {
			Version                     int
			N, E, D, P, Q, Dp, Dq, Qinv *big.Int
		}{0, n, e, d, p, q, new(big.Int).Mod(d, p1), new(big.Int).Mod(d, q1), new(big.Int).ModInverse(q, p)})
		if err != nil {
			t.Fatal(err)
		}
		return n, pemOf("RSA PRIVATE KEY", der)
	}
}

func TestBadKeysAreNamed(t *testing.T) {
	keys := openKeys(t, t.TempDir())
	pair := newPair(t)
	good := pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(pair))
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	notRSA, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	twisted := *pair
	twisted.N = new(big.Int).Add(pair.N, big.NewInt(2))
	for want, text := range map[string][]byte{
		"no PEM file":    []byte("hello"),
		"public key":     pemOf("PUBLIC KEY", x509.MarshalPKCS1PublicKey(&pair.PublicKey)),
		"passphrase":     pemOf("ENCRYPTED PRIVATE KEY", []byte{1}),
		"not an RSA one": pemOf("PRIVATE KEY", notRSA),
		"damaged":        pemOf("RSA PRIVATE KEY", []byte("x")),
		"damaged.":       pemOf("PRIVATE KEY", []byte("x")),
		"CERTIFICATE":    pemOf("CERTIFICATE", []byte{1}),
		"belong":         pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(&twisted)),
		"openssl rsa":    []byte(strings.Replace(string(good), "KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", 1)),
	} {
		if _, err := keys.Import("x", text); roost.KindOf(err) != roost.Invalid || !strings.Contains(roost.Message(err), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, name := range []string{"", "../x", "a b", strings.Repeat("n", 41), "-x"} {
		if _, err := keys.Import(name, good); roost.KindOf(err) != roost.Invalid {
			t.Errorf("name %q: %v", name, err)
		}
	}
	if _, err := keys.Import("a", good); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Import("a", good); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if _, err := keys.Import("b", good); roost.KindOf(err) != roost.Conflict {
		t.Errorf("the same under another name: %v", err)
	}
}

func TestUnreadableKeyFilesAreErrors(t *testing.T) {
	for _, name := range []string{"pythings-rsa.pem", "pythings-rsa-x.pem"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := pythings.OpenKeys(dir); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// E03
func TestForeignPreregistrationIsRefused(t *testing.T) {
	keys := openKeys(t, t.TempDir())
	_, err := keys.Decrypt(wire.EncryptKey(wire.NewKey(), newPair(t).N, wire.CPython))
	if !errors.Is(err, wire.ErrNoKey) {
		t.Error(err)
	}
}

func FuzzImport(f *testing.F) {
	keys := openKeys(f, f.TempDir())
	pair := newPair(f)
	f.Add(pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(pair)))
	if eight, err := x509.MarshalPKCS8PrivateKey(pair); err == nil {
		f.Add(pemOf("PRIVATE KEY", eight))
	}
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if info, err := keys.Import("fuzz", text); err == nil && !reads(keys, info.Modulus) {
			t.Errorf("%q is taken and does not work", text)
		}
	})
}
