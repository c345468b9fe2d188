package pyaiot

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Keys are the two secrets that a broker shares with its gateways.
type Keys struct {
	Secret  string
	Private [32]byte // HMAC key, then AES key
}

const (
	secretSize  = 32
	secretChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// GenerateKeys makes new keys: a secret of 32 letters and digits, 32 random bytes.
func GenerateKeys() Keys {
	var k Keys
	rand.Read(k.Private[:])
	secret := make([]byte, 0, secretSize)
	for len(secret) < secretSize {
		var b [1]byte
		rand.Read(b[:])
		if int(b[0]) < 256/len(secretChars)*len(secretChars) { // else some letters come more often
			secret = append(secret, secretChars[int(b[0])%len(secretChars)])
		}
	}
	k.Secret = string(secret)
	return k
}

// ParseKeys reads the text of a key file.
func ParseKeys(text []byte) (Keys, error) {
	options, err := section(string(text), "keys")
	if err != nil {
		return Keys{}, fmt.Errorf("read key file: %w", err)
	}
	var k Keys
	var faults []error
	if k.Secret = options["secret"]; k.Secret == "" {
		faults = append(faults, errors.New("read key file: section [keys] has no secret"))
	}
	private, err := base64.URLEncoding.DecodeString(options["private"])
	switch {
	case options["private"] == "":
		faults = append(faults, errors.New("read key file: section [keys] has no private"))
	case err != nil || len(private) != len(k.Private):
		faults = append(faults, errors.New("read key file: private must be 32 bytes in URL-safe base64 (44 characters)"))
	}
	copy(k.Private[:], private)
	return k, errors.Join(faults...)
}

// Text is the key file: four lines, the last one empty.
func (k Keys) Text() []byte {
	secret := strings.ReplaceAll(k.Secret, "%", "%%")
	return fmt.Appendf(nil, "[keys]\nsecret = %s\nprivate = %s\n\n", secret, base64.URLEncoding.EncodeToString(k.Private[:]))
}

// ExpandPath puts the home folder in place of a leading "~".
func ExpandPath(path string) (string, error) {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("expand %s: %w", path, err)
	}
	return filepath.Join(home, path[1:]), nil
}

// LoadKeys reads a key file; "~" stands for the home folder.
func LoadKeys(path string) (Keys, error) {
	path, err := ExpandPath(path)
	if err != nil {
		return Keys{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Keys{}, fmt.Errorf("read key file: %w", err)
	}
	k, err := ParseKeys(text)
	if err != nil {
		return Keys{}, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// Save writes the key file for its owner's eyes alone: the folder is made with
// 0700, the file with 0600. A file that is there already is an fs.ErrExist error
// unless replace is set.
func (k Keys) Save(path string, replace bool) error {
	path, err := ExpandPath(path)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder of key file: %w", err)
	}
	if _, err := os.Lstat(path); err == nil && !replace {
		return fmt.Errorf("write key file %s: %w", path, fs.ErrExist)
	}
	f, err := os.CreateTemp(dir, ".keys-*") // made with 0600
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	defer os.Remove(f.Name()) // gone already after the rename
	_, err = f.Write(k.Text())
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	return nil
}
