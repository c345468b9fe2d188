package coap

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

// maxName is the longest name of a resource, in bytes.
const maxName = 128

// What a node posts to /server may be wrong in these ways.
var (
	errNotText = roost.Errorf(roost.Invalid, "The payload is not UTF-8 text.")
	errNoColon = roost.Errorf(roost.Invalid, "Send NAME:VALUE.")
	errName    = roost.Errorf(roost.Invalid, "The name before the colon is empty, too long or has control characters.")
)

// parseValue splits "temperature:24.1°C" at its first colon; both parts lie in
// the payload.
func parseValue(payload []byte, most int) (name, text []byte, err error) {
	if !utf8.Valid(payload) {
		return nil, nil, errNotText
	}
	name, text, ok := bytes.Cut(payload, []byte{':'})
	switch {
	case !ok:
		return nil, nil, errNoColon
	case !goodName(name):
		return nil, nil, errName
	case len(text) > most:
		return nil, nil, roost.Errorf(roost.TooLarge, "A value has at most %d bytes.", most)
	}
	return name, text, nil
}

// goodName refuses what no page could show as a resource's name.
func goodName[T string | []byte](name T) bool {
	if len(name) == 0 || len(name) > maxName {
		return false
	}
	for i := range len(name) {
		if name[i] < 0x20 || name[i] == 0x7f {
			return false
		}
	}
	return true
}

// contentOf is the value in a node's response to a GET. Not ok: it is not a 2.05,
// or it is no text (CBOR, bytes), or too long; such content is not reported.
func contentOf(name string, a exchange.Response, most int) (v roost.Value, ok bool) {
	if a.Code != coap.Content {
		return "", false
	}
	switch f, _ := a.Options.Format(); f {
	case coap.CBOR, coap.OctetStream, coap.EXI, coap.CWT, coap.SenMLCBOR, coap.SenSMLCBOR, coap.LwM2MTLV:
		return "", false
	}
	text := bytes.TrimRight(a.Payload, "\x00")
	if len(text) > most || !utf8.Valid(text) || bytes.ContainsFunc(text, unreadable) {
		return "", false
	}
	if name == "imu" { // a firmware answers the GET with what it would push
		text = bytes.TrimPrefix(text, []byte("imu:"))
	}
	return roost.Text(string(text)), true
}

// unreadable tells bytes that only happen to be UTF-8 from text.
func unreadable(c rune) bool { return unicode.IsControl(c) && !unicode.IsSpace(c) }

// requestPath splits a resource's name into path and query; a slash in front does
// not make an empty segment.
func requestPath(name string) (path, query string) {
	path, query, _ = strings.Cut(name, "?")
	return "/" + strings.TrimLeft(path, "/"), query
}

// request is a confirmable request for the resource of that name.
func request(method coap.Code, name string, payload []byte) *exchange.Request {
	path, query := requestPath(name)
	r := &exchange.Request{Code: method, Payload: payload}
	r.Options.SetPath(path)
	if query != "" {
		r.Options.SetQuery(query)
	}
	return r
}
