package pyaiot

import (
	"errors"
	"strings"

	"github.com/roost-iot/roost"
)

// NamedKey is one pair of keys that a gateway may show, and whose it is.
type NamedKey struct {
	ID      string // by which its connections are cut; FileKey for that of the key file
	Name    string // of the gateway, as people gave it; "" if the key says nothing of it
	Project roost.ProjectID
	Keys
}

// FileKey is the ID of the key file's pair.
const FileKey = "key-file"

// CheckProtocols looks at the lines of Sec-WebSocket-Protocol, which carry the token
// behind the word "token". It gives the key that was shown, or what the 401 says.
func CheckProtocols(ring []NamedKey, lines []string) (key NamedKey, refusal string) {
	word, token, two := strings.Cut(strings.Join(lines, ","), ",")
	if !two || strings.Contains(token, ",") || strings.TrimSpace(word) != "token" {
		return key, "Invalid subprotocols"
	}
	key, err := CheckRing(ring, strings.TrimSpace(token))
	if err != nil {
		return key, "Invalid token"
	}
	return key, ""
}

// CheckRing gives the key that a token was made with. Errors: ErrUndecryptable,
// ErrWrongSecret.
func CheckRing(ring []NamedKey, token string) (NamedKey, error) {
	err := ErrUndecryptable
	for _, k := range ring {
		switch e := k.CheckToken(token); {
		case e == nil:
			return k, nil
		case errors.Is(e, ErrWrongSecret):
			err = e
		}
	}
	return NamedKey{}, err
}
