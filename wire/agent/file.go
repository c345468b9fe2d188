package agent

import (
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// authScheme begins the Authorization of a request for a file.
const authScheme = "Roost "

// ErrAuthorization says that a header is no authorisation of a request for a file.
var ErrAuthorization = errors.New("this is no authorisation of a file")

// FileClaim is what the Authorization of a request for a file says:
// "Roost <session>.<counter>.<tag>".
type FileClaim struct {
	Session SessionID
	Counter uint32
	tag     [tagSize]byte
}

// AuthorizeFile is the Authorization of a request for path ("/d/1/files/<sha256>"), with
// the value of Range, "" for none.
func (s *Session) AuthorizeFile(path, ranged string, counter uint32) string {
	return fmt.Sprintf("%s%s.%d.%x", authScheme, s.ID, counter, s.fileTag(path, ranged, counter))
}

func (s *Session) fileTag(path, ranged string, counter uint32) []byte {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], counter)
	return sum(s.macUp[:], []byte("GET "+path+" "+ranged), s.ID[:], n[:])[:tagSize]
}

// ParseFileClaim reads an Authorization. Error: ErrAuthorization.
func ParseFileClaim(header string) (FileClaim, error) {
	var c FileClaim
	rest, ok := strings.CutPrefix(header, authScheme)
	parts := strings.Split(rest, ".")
	if !ok || len(parts) != 3 || len(parts[0]) != 2*SessionSize || len(parts[2]) != 2*tagSize {
		return c, ErrAuthorization
	}
	counter, err := strconv.ParseUint(parts[1], 10, 32)
	if err != nil {
		return c, ErrAuthorization
	}
	c.Counter = uint32(counter)
	if _, err := hex.Decode(c.Session[:], []byte(parts[0])); err != nil {
		return FileClaim{}, ErrAuthorization
	}
	if _, err := hex.Decode(c.tag[:], []byte(parts[2])); err != nil {
		return FileClaim{}, ErrAuthorization
	}
	return c, nil
}

// Authorizes tells whether c is of the holder of s, for this path and value of Range.
func (s *Session) Authorizes(c FileClaim, path, ranged string) bool {
	return c.Session == s.ID && Equal(c.tag[:], s.fileTag(path, ranged, c.Counter))
}

// FileStream hides the body of the answer to the request of this counter, and shows it
// again: from its first byte on, once.
func (s *Session) FileStream(counter uint32) cipher.Stream { return stream(s.down, counter) }

// ParseRange gives from which byte on "bytes=N-" asks; "" is from 0. false: header asks
// for something else.
func ParseRange(header string) (from int64, ok bool) {
	if header == "" {
		return 0, true
	}
	digits, ok := strings.CutPrefix(header, "bytes=")
	digits, open := strings.CutSuffix(digits, "-")
	if !ok || !open || digits == "" || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	from, err := strconv.ParseInt(digits, 10, 64)
	return from, err == nil
}
