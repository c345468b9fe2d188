package pythings

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/roost-iot/roost"
)

var (
	// ErrCut: the body ends before its JSON does. MicroPython announces a body with
	// non-ASCII text too short: Missing says how many bytes to read on.
	ErrCut = errors.New("the body ends in the middle of its JSON")
	// ErrRequest: the body is not what a device sends.
	ErrRequest = errors.New("the body is not understood")
)

func badRequest(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRequest, fmt.Sprintf(format, args...))
}

// Missing tells how many bytes to read on when a body whose content-length was counted
// in characters has come so far. More may be missing once these have come: ask again
// until it is 0 or the body parses.
func Missing(body []byte, announced int) int {
	more := announced - len(body)
	for _, c := range body {
		if c&0xc0 == 0x80 {
			more++
		}
	}
	return max(more, 0)
}

// Request is the body of a call. In encrypted sessions its members are hidden in
// Encrypted until Open.
type Request struct {
	Token     string // "" if it has none
	Encrypted string // blocks; "" if the body is clear
	members   map[string]json.RawMessage
}

// ParseRequest reads a body. Members may come in any order; the last of two counts.
// Errors: ErrCut, ErrRequest, wrapped.
func ParseRequest(body []byte) (*Request, error) {
	members, err := object(body)
	if err != nil {
		return nil, err
	}
	r := &Request{members: members}
	if r.Token, err = r.text("token"); err != nil {
		return nil, err
	}
	if r.Encrypted, err = r.text("encrypted"); err != nil {
		return nil, err
	}
	return r, nil
}

// Open decrypts the members. The token stays the one that stood beside them.
// Errors: ErrDamaged, ErrRequest, wrapped.
func (r *Request) Open(c *Cipher) error {
	plain, err := c.Decrypt(nil, []byte(r.Encrypted))
	if err != nil {
		return err
	}
	members, err := object(plain)
	if errors.Is(err, ErrCut) {
		return badRequest("what was encrypted ends in the middle of its JSON")
	}
	if err != nil {
		return err
	}
	r.members = members
	return nil
}

// object reads a JSON object. Numbers keep their digits.
func object(body []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	err := json.Unmarshal(body, &members)
	switch {
	case err == nil && members != nil:
		return members, nil
	case err == nil:
		return nil, badRequest("an object was expected")
	case cut(body, err):
		return nil, ErrCut
	}
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil, badRequest("an object was expected")
	}
	return nil, badRequest("it is not JSON")
}

// cut tells that JSON failed at the end of the body only.
func cut(body []byte, err error) bool {
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	if !ok || syntax.Offset < int64(len(body)) {
		return false
	}
	dec := json.NewDecoder(strings.NewReader(string(body)))
	var v json.RawMessage
	err = dec.Decode(&v)
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// Has tells whether the body has a member that is not null.
func (r *Request) Has(member string) bool {
	raw, ok := r.members[member]
	return ok && string(raw) != "null"
}

// first gives the first of the members that is there; devices of older generations
// call some differently.
func (r *Request) first(names []string) (name string, raw json.RawMessage) {
	for _, name := range names {
		if r.Has(name) {
			return name, r.members[name]
		}
	}
	return names[0], nil
}

// text reads a text, "" if it is not there. A number is taken as it is written.
func (r *Request) text(names ...string) (string, error) {
	name, raw := r.first(names)
	if raw == nil {
		return "", nil
	}
	if raw[0] == '-' || isDigit(raw[0]) {
		return string(raw), nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", badRequest("%s is not a text", name)
	}
	return s, nil
}

// flag reads a truth value, false if it is not there.
func (r *Request) flag(names ...string) (bool, error) {
	name, raw := r.first(names)
	switch string(raw) {
	case "", "false", "0":
		return false, nil
	case "true", "1":
		return true, nil
	}
	return false, badRequest("%s is neither true nor false", name)
}

// value gives a member as it stands, "" if it is not there. Null is there.
func (r *Request) value(names ...string) roost.Value {
	for _, name := range names {
		if raw, ok := r.members[name]; ok {
			return roost.Value(raw)
		}
	}
	return ""
}

// Bounds of a preregistration's key.
const (
	maxKeyDigits = MaxModulus*302/1000 + 1 // a little over log10(2) for each bit
	mostKeyParts = 64
)

// integers reads a list of non-negative integers of any length, nil if it is not there.
func (r *Request) integers(name string) ([]*big.Int, error) {
	if !r.Has(name) {
		return nil, nil
	}
	var raws []json.RawMessage
	if json.Unmarshal(r.members[name], &raws) != nil {
		return nil, badRequest("%s is not a list", name)
	}
	if len(raws) > mostKeyParts {
		return nil, badRequest("%s has more than %d parts", name, mostKeyParts)
	}
	list := make([]*big.Int, len(raws))
	for i, raw := range raws {
		n, ok := integer(string(raw))
		if !ok {
			return nil, badRequest("part %d of %s is not a positive integer of at most %d digits", i+1, name, maxKeyDigits)
		}
		list[i] = n
	}
	return list, nil
}

// integer reads digits and nothing else.
func integer(s string) (*big.Int, bool) {
	if len(s) == 0 || len(s) > maxKeyDigits || strings.Trim(s, "0123456789") != "" {
		return nil, false
	}
	return new(big.Int).SetString(s, 10)
}
