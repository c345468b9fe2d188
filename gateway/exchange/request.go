package exchange

import (
	"bytes"
	"net/netip"

	"github.com/roost-iot/roost/wire/coap"
)

// Request is what a handler gets and a client sends. A handler's Request lies
// in the read buffer and is void once the handler has returned: Clone what is
// to be kept.
type Request struct {
	Remote  netip.AddrPort // who asks; of no meaning to a client
	Type    coap.Type      // Confirmable or NonConfirmable
	Code    coap.Code      // the method
	Options coap.Options
	Payload []byte

	meta  meta
	e     *Endpoint // of a request in a handler
	reply *Reply    // once asked for
}

// Get is a confirmable GET of a path such as "/led".
func Get(path string) *Request { return newRequest(coap.GET, path, nil) }

// Put is a confirmable PUT.
func Put(path string, payload []byte) *Request { return newRequest(coap.PUT, path, payload) }

// Post is a confirmable POST.
func Post(path string, payload []byte) *Request { return newRequest(coap.POST, path, payload) }

// Delete is a confirmable DELETE.
func Delete(path string) *Request { return newRequest(coap.DELETE, path, nil) }

func newRequest(code coap.Code, path string, payload []byte) *Request {
	r := &Request{Code: code, Payload: payload}
	r.Options.SetPath(path)
	return r
}

// Clone is a copy that outlives the handler.
func (r *Request) Clone() Request {
	c := *r
	c.Options, c.Payload = r.Options.Clone(), bytes.Clone(r.Payload)
	return c
}

// Response answers a request. The zero value is no answer at all.
type Response struct {
	Code    coap.Code
	Options coap.Options
	Payload []byte

	// Observable, set by a handler on the success response to a GET, lets the
	// client observe the resource (its path) if it asked to; see Notify.
	Observable bool
}

// Text is a response with a payload and no options.
func Text(code coap.Code, payload string) Response {
	return Response{Code: code, Payload: []byte(payload)}
}

func responseOf(m *coap.Message) Response {
	c := m.Clone()
	return Response{Code: c.Code, Options: c.Options, Payload: c.Payload}
}

// Mapped is the address as a dual-stack IPv6 socket shows it: ::ffff:10.0.0.2
// for 10.0.0.2.
func Mapped(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.AddrFrom16(a.As16())
	}
	return a
}

// unmapped is the form in which this package keeps every address.
func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
