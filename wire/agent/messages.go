package agent

import (
	"crypto/ecdh"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Paths of the calls; a file is below PathFiles.
const (
	PathJoin     = "/d/1/join"
	PathHello    = "/d/1/hello"
	PathTime     = "/d/1/time"
	PathRegister = "/d/1/register"
	PathSync     = "/d/1/sync"
	PathFiles    = "/d/1/files/"
)

// ErrMessage is wrapped by the errors of those who read a call or its answer: its JSON is
// not as it should be.
var ErrMessage = errors.New("this cannot be read")

// Join asks for a key. Its texts have at most 64 bytes.
type Join struct {
	MAC      string `json:"mac"` // 12 hex digits
	Pub      string `json:"pub"` // 64 hex digits
	Platform string `json:"platform"`
	Machine  string `json:"machine"`
	Python   string `json:"python"`
	Name     string `json:"name,omitempty"`
	Kind     string `json:"kind,omitempty"` // of an app: its app_type
}

// JoinAnswer gives an id, and what a key is made of.
type JoinAnswer struct {
	ID  string `json:"id"`
	Pub string `json:"pub"` // 64 hex digits
	MAC string `json:"mac"` // JoinMAC, in hex
}

// Hello begins a session; with the path of time it asks for the time.
type Hello struct {
	ID    string `json:"id"`    // at most 64 bytes
	Nonce string `json:"nonce"` // 32 hex digits
}

// HelloAnswer is what a session is made of.
type HelloAnswer struct {
	Session string `json:"session"` // 16 hex digits
	Nonce   string `json:"nonce"`   // 32 hex digits
	Now     int64  `json:"now"`     // ms since 1970
	MAC     string `json:"mac"`     // HelloMAC, in hex
}

// TimeAnswer tells the time.
type TimeAnswer struct {
	Now int64  `json:"now"` // ms since 1970
	MAC string `json:"mac"` // TimeMAC, in hex
}

// Refusal says what is wrong and what to do. It comes in clear, and nobody vouches for it.
type Refusal struct {
	Error string `json:"error"`
	State string `json:"state"`
}

// States of a Refusal.
const (
	StateWaiting  = "waiting"  // for approval
	StateIgnored  = "ignored"  // a person said so
	StateUnknown  = "unknown"  // no such id
	StateEnrolled = "enrolled" // joined already
	StateHello    = "hello"    // say hello again
	StateRequest  = "request"  // the request is wrong, and will be
	StateLater    = "later"    // try again
)

// ParseJoin reads what a thing without a key sends, and its public key. Errors wrap ErrMessage.
func ParseJoin(b []byte) (j Join, pub []byte, err error) {
	if err := read(b, &j); err != nil {
		return j, nil, err
	}
	pub, err = hex.DecodeString(j.Pub)
	if err != nil || len(pub) != KeySize {
		return j, nil, bad("pub is 64 hex digits")
	}
	if !isHex(j.MAC, 12) {
		return j, nil, bad("mac is 12 hex digits in lower case")
	}
	return j, pub, texts(64, j.Platform, j.Machine, j.Python, j.Name, j.Kind)
}

// ParseHello reads a hello, or a question for the time. Errors wrap ErrMessage.
func ParseHello(b []byte) (Hello, Nonce, error) {
	var h Hello
	var n Nonce
	if err := read(b, &h); err != nil {
		return h, n, err
	}
	if h.ID == "" || len(h.ID) > 64 || !utf8.ValidString(h.ID) {
		return h, n, bad("id is a text of up to 64 characters")
	}
	if !isHex(h.Nonce, 2*NonceSize) {
		return h, n, bad("nonce is 32 hex digits in lower case")
	}
	_, err := hex.Decode(n[:], []byte(h.Nonce))
	return h, n, err
}

// Accept checks the answer to a hello that had the nonce own, and makes the session of it.
// Errors: ErrTag when it is not of who has k; one that wraps ErrMessage.
func (a HelloAnswer) Accept(k Key, own Nonce) (*Session, error) {
	var id SessionID
	var n Nonce
	if !isHex(a.Session, 2*SessionSize) || !isHex(a.Nonce, 2*NonceSize) {
		return nil, bad("no session or no nonce in the answer to a hello")
	}
	_, _ = hex.Decode(id[:], []byte(a.Session)) // they are hex
	_, _ = hex.Decode(n[:], []byte(a.Nonce))
	if !MACText(a.MAC, k.HelloMAC(own, n, id, a.Now)) {
		return nil, ErrTag
	}
	return NewSession(k, own, n, id), nil
}

// Accept checks the answer to a joining by the pair that was made for it, and gives the
// key. Errors: ErrTag when it is not of who agreed on it; those of JoinKey; one that wraps
// ErrMessage.
func (a JoinAnswer) Accept(own *ecdh.PrivateKey) (Key, error) {
	pub, err := hex.DecodeString(a.Pub)
	if err != nil {
		return Key{}, bad("pub is 64 hex digits")
	}
	k, err := JoinKey(own, own.PublicKey().Bytes(), pub)
	if err != nil {
		return Key{}, err
	}
	if !MACText(a.MAC, k.JoinMAC(a.ID)) {
		return Key{}, ErrTag
	}
	return k, nil
}

// read decodes JSON of at most MaxBody bytes.
func read(b []byte, into any) error {
	if len(b) > MaxBody {
		return bad("it is longer than %d bytes", MaxBody)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return nil
}

// bad is an error that wraps ErrMessage.
func bad(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMessage}, args...)...)
}

// texts bounds texts in bytes.
func texts(most int, all ...string) error {
	for _, s := range all {
		if len(s) > most {
			return bad("a text of %d bytes; %d are the most", len(s), most)
		}
	}
	return nil
}
