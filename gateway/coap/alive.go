package coap

import (
	"bytes"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/roost-iot/roost"
)

// maxUID is the longest id that a node may give itself, in bytes.
const maxUID = 128

// greeting is what a node says at /alive.
type greeting struct {
	uid   string // "" of old firmware: its address tells which it is
	reset bool   // it has just booted
}

// parseGreeting reads "alive:UID", "reset:UID", "Alive" or "reset". The word
// stands before the first colon, whatever its case, the uid behind the last.
func parseGreeting(payload []byte) (greeting, error) {
	payload = bytes.TrimRight(payload, "\x00") // C strings sent with their end
	if !utf8.Valid(payload) || bytes.ContainsFunc(payload, unicode.IsControl) {
		return greeting{}, roost.Errorf(roost.Invalid, "The payload is not plain text.")
	}
	s := string(payload)
	word, _, hasUID := strings.Cut(s, ":")
	var g greeting
	switch {
	case strings.EqualFold(word, "alive"):
	case strings.EqualFold(word, "reset"):
		g.reset = true
	default:
		return greeting{}, roost.Errorf(roost.Invalid, "Say alive:ID or reset:ID.")
	}
	if !hasUID {
		return g, nil
	}
	g.uid = s[strings.LastIndexByte(s, ':')+1:]
	switch {
	case strings.TrimSpace(g.uid) == "":
		return greeting{}, roost.Errorf(roost.Invalid, "The id behind the colon is empty.")
	case len(g.uid) > maxUID:
		return greeting{}, roost.Errorf(roost.Invalid, "An id has at most %d bytes.", maxUID)
	}
	return g, nil
}

// uidOf names a node that gives no id by its address, always the same.
func uidOf(a netip.Addr) string { return string(roost.CleanThingID("coap-" + a.String())) }
