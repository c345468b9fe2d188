package pyaiot

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const vectorPrivate = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func vectorKeys(t testing.TB, secret string) Keys {
	t.Helper()
	k, err := ParseKeys([]byte("[keys]\nsecret = " + secret + "\nprivate = " + vectorPrivate + "\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestT02FernetVectors(t *testing.T) {
	var iv [16]byte
	for i := range iv {
		iv[i] = byte(i)
	}
	for secret, token := range map[string]string{
		"0123456789abcdefghijklmnopqrstuv": "gAAAAABcvq0AAAECAwQFBgcICQoLDA0OD8zTj7aYw76sT2BMihR6GOciCWkA4nbxrTYK29BZG-fVCbRy-ZMXykee23Cd5VfhduX006A2VznHJ2rYzrxPkQOMi4cBerRU1JxsmopjTqtL",
		"short":                            "gAAAAABcvq0AAAECAwQFBgcICQoLDA0OD7kTwTKKYYYNEG_YNFOXOHbxqd_2WHJaoDn1fg_yJK3w86mMXOj9sOHO2BcPNEziOQ==",
	} {
		k := vectorKeys(t, secret)
		if got := k.token(time.Unix(1556000000, 0), iv); got != token {
			t.Errorf("token of %s\n got %s\nwant %s", secret, got, token)
		}
		if err := k.CheckToken(token); err != nil {
			t.Errorf("token of %s: %v", secret, err)
		}
		if err := vectorKeys(t, "other").CheckToken(token); !errors.Is(err, ErrWrongSecret) {
			t.Errorf("token with another secret: %v", err)
		}
		if err := GenerateKeys().CheckToken(token); !errors.Is(err, ErrUndecryptable) {
			t.Errorf("token under another private key: %v", err)
		}
		for i := range token {
			if changed := token[:i] + "x" + token[i+1:]; changed != token && k.CheckToken(changed) == nil && token[i] != '=' {
				t.Errorf("token changed at %d is taken", i)
			}
		}
	}
	for _, bad := range []string{"", "abcdef", "gAAAAA==", strings.Repeat("A", 140)} {
		if err := vectorKeys(t, "s").CheckToken(bad); !errors.Is(err, ErrUndecryptable) {
			t.Errorf("token %q: %v", bad, err)
		}
	}
	if err := (Keys{}).CheckToken((Keys{}).Token(time.Now())); !errors.Is(err, ErrWrongSecret) {
		t.Errorf("an empty secret lets in: %v", err)
	}
}

func TestFreshTokens(t *testing.T) {
	k := GenerateKeys()
	a, b := k.Token(time.Now()), k.Token(time.Now())
	if a == b || len(a) != 140 || k.CheckToken(a) != nil || k.CheckToken(b) != nil {
		t.Errorf("%s\n%s", a, b)
	}
}

func TestT08KeyFilesAsConfigparserReadsThem(t *testing.T) {
	private := "private = " + vectorPrivate
	for text, secret := range map[string]string{
		"[keys]\nSecret: abc\nPRIVATE : " + vectorPrivate + "\n":               "abc",
		"# c\n; c\n[other]\nsecret=x\n[keys]\r\nsecret=abc\r\n" + private:      "abc",
		"[keys]\n" + private + "\nsecret = a # b ; c\n":                        "a # b ; c",
		"[keys]\n" + private + "\nsecret = a=b:c\n":                            "a=b:c",
		"[keys]\n" + private + "\nsecret = 100%%\n":                            "100%",
		"[keys]\n" + private + "\nname = x\nsecret = a%(Name)sb\n":             "axb",
		"[DEFAULT]\nsecret = abc\n[keys]\n" + private + "\n":                   "abc",
		"[keys]\n  " + private + "\n  secret = abc\n":                          "abc",
		"[keys]\nsecret = a\n\tb\n\n" + private:                                "a\nb",
		"\ufeff[keys]\nsecret : abc\n\n\n\n" + private:                         "abc",
		"[keys]\nsecret\t=\tabc\t\n" + private + "\n# secret = x\n[more]\na=1": "abc",
	} {
		k, err := ParseKeys([]byte(text))
		if err != nil || k.Secret != secret || k.Private[31] != 31 {
			t.Errorf("%q: secret %q, %v", text, k.Secret, err)
		}
	}
}

func TestMalformedKeyFilesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "no section [keys]",
		"secret = a":                         "no section before",
		"[Keys]\nsecret=a":                   "no section [keys]",
		"[keys]\nsecret = a":                 "no private",
		"[keys]\nprivate = " + vectorPrivate: "no secret",
		"[keys]\nsecret = a\nprivate = abc":  "32 bytes in URL-safe base64",
		"[keys]\nsecret = a\nprivate = AAAA": "32 bytes in URL-safe base64",
		"[keys]\nsecret = a\nsecret = b":     "twice",
		"[keys]\n[keys]":                     "twice",
		"[keys]\nsecret":                     "neither",
		"[keys]\nsecret = 5%\nprivate = a":   "%%",
		"[keys]\nsecret = %(secret)s":        "hang on each other",
		"[keys]\nsecret = %(nobody)s":        "%%",
	} {
		if _, err := ParseKeys([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestKeyFileIsForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "keys")
	k := GenerateKeys()
	if err := k.Save(path, false); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	want := "[keys]\nsecret = " + k.Secret + "\nprivate = " + base64.URLEncoding.EncodeToString(k.Private[:]) + "\n\n"
	if err != nil || string(text) != want {
		t.Errorf("%q, %v", text, err)
	}
	for name, mode := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): fs.ModeDir | 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	if again, err := LoadKeys(path); err != nil || again != k {
		t.Errorf("loaded %v, %v", again, err)
	}
	if err := GenerateKeys().Save(path, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("overwritten without being told: %v", err)
	}
	k.Secret = "50%"
	if err := k.Save(path, true); err != nil {
		t.Fatal(err)
	}
	if again, err := LoadKeys(path); err != nil || again != k {
		t.Errorf("loaded %v, %v", again, err)
	}
}

func TestGeneratedSecret(t *testing.T) {
	k := GenerateKeys()
	if len(k.Secret) != 32 || strings.Trim(k.Secret, secretChars) != "" || k.Secret == GenerateKeys().Secret {
		t.Errorf("secret %q", k.Secret)
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte("[keys]\nsecret = abc\nprivate = " + vectorPrivate + "\n\n"))
	f.Add([]byte("[DEFAULT]\na = %(b)s\n b\n[keys]\nsecret : %%\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := ParseKeys(b)
		if err != nil || strings.ContainsAny(k.Secret, "\n\r\v\f") || strings.TrimSpace(k.Secret) != k.Secret {
			return
		}
		if again, err := ParseKeys(k.Text()); err != nil || again != k {
			t.Errorf("%q came back as %q, %v", k.Secret, again.Secret, err)
		}
	})
}

func FuzzCheckToken(f *testing.F) {
	k := vectorKeys(f, "short")
	f.Add(k.Token(time.Now()))
	f.Add("abcdef")
	f.Fuzz(func(t *testing.T, token string) {
		if err := k.CheckToken(token); err == nil {
			if secret, err := k.decrypt(token); err != nil || string(secret) != "short" {
				t.Errorf("token %q let in", token)
			}
		}
	})
}
