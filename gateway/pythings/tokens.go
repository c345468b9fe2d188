package pythings

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// tokenFile holds the secret that seals tokens, in hexadecimal.
const tokenFile = "pythings-token.key"

// ErrToken: we did not make this token, or not with the secret that we have now.
var ErrToken = errors.New("token not found")

// Token is what a session's token says by itself. Devices hold on to theirs for ever,
// so it must be good even if all that we keep is lost.
type Token struct {
	Project   roost.ProjectID
	App       roost.AppID // "": none
	TID       string      // "": preregistered, no thing yet
	Run       string      // id of the run
	Started   time.Time   // in whole seconds
	ByAccount bool        // the thing brought an account id
	Encrypted bool        // Key is the session's payload key
	Key       wire.Key
}

// Preregistered tells that the token was given before the thing said who it is.
func (t Token) Preregistered() bool { return t.TID == "" }

// Tokens makes and reads tokens. It may be used by many at a time.
type Tokens struct{ seal cipher.AEAD }

// OpenTokens takes the secret from a folder and makes it at the first use. A secret
// that is there and can not be read is an error: with another one every device would
// have to be led to a new registration.
func OpenTokens(secrets string) (*Tokens, error) {
	path := filepath.Join(secrets, tokenFile)
	secret, err := readTokenKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		secret = make([]byte, 32)
		rand.Read(secret)
		err = keepSecret(path, []byte(hex.EncodeToString(secret)+"\n"))
	}
	if err != nil {
		return nil, fmt.Errorf("open the secret of tokens: %w", err)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, fmt.Errorf("open the secret of tokens: %w", err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("open the secret of tokens: %w", err)
	}
	return &Tokens{seal}, nil
}

func readTokenKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(secret) != 32 {
		return nil, fmt.Errorf("%s is not 64 hexadecimal digits", path)
	}
	return secret, nil
}

// A token before base64url, all but the first byte sealed by AES-256-GCM (which
// puts its nonce in front):
//
//	version 1 | nonce, 12 | flags, 1 | seconds since 1970, 5 | texts | K, 16, if encrypted | tag, 16
//
// Texts are project, run and TID, each after a byte with its length, and the app: 16
// bytes if flagUUID, else a text too.
const (
	tokenVersion = 1
	secondsSize  = 5
)

const (
	flagByAccount = 1 << iota
	flagEncrypted
	flagUUID
)

// Seal writes a token: letters, digits, '-' and '_', less than 200 of them when the
// TID has at most 36 bytes, and project and run have at most 16. No text may have more
// than 255 bytes.
func (s *Tokens) Seal(t Token) (string, error) {
	for _, text := range []string{string(t.Project), t.Run, t.TID, string(t.App)} {
		if len(text) > 255 {
			return "", errors.New("a text is too long for a token")
		}
	}
	version := []byte{tokenVersion}
	return base64.RawURLEncoding.EncodeToString(s.seal.Seal(version, nil, t.pack(), version)), nil
}

func (t Token) pack() []byte {
	uuid, isUUID := packUUID(string(t.App))
	b := make([]byte, 1, 128)
	for i, set := range []bool{t.ByAccount, t.Encrypted, isUUID} {
		if set {
			b[0] |= 1 << i
		}
	}
	b = append(b, binary.BigEndian.AppendUint64(nil, uint64(t.Started.Unix()))[8-secondsSize:]...)
	for _, text := range []string{string(t.Project), t.Run, t.TID} {
		b = append(append(b, byte(len(text))), text...)
	}
	if isUUID {
		b = append(b, uuid...)
	} else {
		b = append(append(b, byte(len(t.App))), t.App...)
	}
	if t.Encrypted {
		b = append(b, t.Key[:]...)
	}
	return b
}

// Open reads a token. Error: ErrToken.
func (s *Tokens) Open(text string) (Token, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	// base64 passes over line ends; a token has none.
	if err != nil || len(sealed) == 0 || sealed[0] != tokenVersion || strings.ContainsAny(text, "\r\n") {
		return Token{}, ErrToken
	}
	plain, err := s.seal.Open(nil, nil, sealed[1:], sealed[:1])
	if err != nil {
		return Token{}, ErrToken
	}
	return unpack(plain)
}

func unpack(b []byte) (t Token, err error) {
	r := reader{b: b}
	flags := r.next(1)[0]
	seconds := make([]byte, 8)
	copy(seconds[8-secondsSize:], r.next(secondsSize))
	t.Started = time.Unix(int64(binary.BigEndian.Uint64(seconds)), 0)
	t.Project, t.Run, t.TID = roost.ProjectID(r.text()), r.text(), r.text()
	if flags&flagUUID != 0 {
		t.App = roost.AppID(unpackUUID(r.next(16)))
	} else {
		t.App = roost.AppID(r.text())
	}
	t.ByAccount, t.Encrypted = flags&flagByAccount != 0, flags&flagEncrypted != 0
	if t.Encrypted {
		copy(t.Key[:], r.next(len(t.Key)))
	}
	if r.short || len(r.b) > 0 {
		return Token{}, ErrToken
	}
	return t, nil
}

// reader takes bytes off the front; past the end it gives zeros.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) next(n int) []byte {
	if len(r.b) < n {
		r.short, r.b = true, nil
		return make([]byte, n)
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) text() string { return string(r.next(int(r.next(1)[0]))) }

// packUUID makes 16 bytes of a UUID that is written as we write them; false if text
// is something else.
func packUUID(text string) ([]byte, bool) {
	if len(text) != 36 {
		return nil, false
	}
	b, err := hex.DecodeString(text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:])
	return b, err == nil && unpackUUID(b) == text
}

func unpackUUID(b []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
