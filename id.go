package roost

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"
)

// ProjectID names a project, what owns things, people's roles and keys.
type ProjectID string

// Home is the project that the first start makes.
const Home ProjectID = "home"

// ThingID names a thing within its project. It is safe in a URL path, in an
// MQTT topic level and in the id attribute of an HTML element.
type ThingID string

// Ref points at one thing of one project.
type Ref struct {
	Project ProjectID
	Thing   ThingID
}

// String gives "project/thing", for logs.
func (r Ref) String() string { return string(r.Project) + "/" + string(r.Thing) }

// maxID is the longest thing id in bytes; longer own ids are cut.
const maxID = 64

// CleanThingID turns what a device calls itself into a ThingID: letters,
// digits and "-_.:" stay, all else becomes "-". The result is "" when nothing
// is left. "alive" is not a thing's name to Pyaiot brokers (docs/protocols/pyaiot.md)
// and becomes "alive-".
func CleanThingID(own string) ThingID {
	own = strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			return c
		case c == '-' || c == '_' || c == '.' || c == ':':
			return c
		}
		return '-'
	}, strings.ToValidUTF8(own, "-"))
	if len(own) > maxID {
		own = own[:maxID]
	}
	if own == "alive" || own == "." || own == ".." {
		own += "-"
	}
	return ThingID(own)
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID gives 80 random bits as 16 characters, for commands, people and tokens.
func NewID() string {
	var b [10]byte
	rand.Read(b[:])
	return Spell(b[:])
}

// Spell writes bytes in the alphabet of ids: 5 bits for each of its 32 characters.
func Spell(b []byte) string { return idEncoding.EncodeToString(b) }

// NewUUID gives a random UUID (RFC 9562, version 4) as text.
func NewUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
