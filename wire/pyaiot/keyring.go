package pyaiot

import (
	"errors"

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
