package exchange

import (
	"fmt"
	"net/netip"
	"runtime/debug"
	"slices"

	"github.com/roost-iot/roost/wire/coap"
)

// meta is what the answer to a request needs to know of it.
type meta struct {
	id     uint16
	token  coap.Token
	slot   slot
	conn   Conn       // that it came by
	block1 coap.Block // of the last block of an upload
	block2 coap.Block // asked for
	has1   bool
	has2   bool
}

// serve answers a request: from memory, from the block-wise state, or by the
// handler.
func (r *reader) serve(b []byte, remote netip.AddrPort) {
	e, m := r.e, &r.message
	slot, known := e.seen.admit(remote, m.ID, b, e.now())
	if known {
		r.repeat(slot, remote)
		return
	}
	q := &r.request
	*q = Request{
		Remote: remote, Type: m.Type, Code: m.Code, Options: m.Options, Payload: m.Payload,
		meta: meta{id: m.ID, token: m.Token, slot: slot, conn: r.conn},
	}
	a, done := r.refuse(q)
	if !done {
		a, done = e.blocks(q)
	}
	if !done {
		q.e = e
		a = r.handle(q)
	}
	switch {
	case a.Code != coap.Empty && q.reply.claim():
		r.out = e.compose(q, a, r.out[:0])
		r.send(r.out, remote)
		if q.Options.Has(coap.Observe) {
			r.flush() // before a notification
		}
	case q.reply != nil:
		q.reply.start()
	}
}

// handle runs the handler; its panic is answered 5.00 and logged, and ends
// nothing else.
func (r *reader) handle(q *Request) (a Response) {
	defer func() {
		if v := recover(); v != nil {
			r.e.c.Log.Error("handler panicked", "protocol", "coap", "remote", q.Remote,
				"err", fmt.Sprint(v), "stack", string(debug.Stack()))
			a = Response{Code: coap.InternalServerError}
		}
	}()
	r.e.count.requests.Add(1)
	return r.e.c.Handler(r.ctx, q)
}

// refuse rejects a request with a critical option nobody here understands:
// 4.02, or silence towards a non-confirmable one (RFC 7252, 5.4.1).
func (r *reader) refuse(q *Request) (Response, bool) {
	if q.Options.Has(coap.ProxyURI) || q.Options.Has(coap.ProxyScheme) {
		return Response{Code: coap.ProxyingNotSupported}, true
	}
	n, bad := q.Options.Unrecognized(r.e.understands)
	if !bad {
		return Response{}, false
	}
	r.e.count.rejected.Add(1)
	if q.Type == coap.NonConfirmable {
		r.sendEmpty(coap.Reset, q.meta.id, q.Remote)
		return Response{}, true
	}
	return Text(coap.BadOption, "Unsupported "+n.String()), true
}

func (e *Endpoint) understands(n coap.OptionNumber) bool {
	switch n {
	case coap.URIHost, coap.URIPort, coap.URIPath, coap.URIQuery, coap.Accept, coap.Block1, coap.Block2:
		return true
	}
	return slices.Contains(e.c.Critical, n)
}

// compose makes the answer to a request, to be sent at once: the acknowledgement of a
// confirmable one, else non-confirmable with the same token. It returns buf with its bytes.
func (e *Endpoint) compose(q *Request, a Response, buf []byte) []byte {
	m := coap.Message{Type: coap.Acknowledgement, ID: q.meta.id}
	if q.Type == coap.NonConfirmable {
		m.Type, m.ID = coap.NonConfirmable, e.newID()
	}
	e.dress(&m, q, e.register(q, a))
	buf = m.Append(buf)
	if q.Type == coap.Confirmable {
		e.seen.keep(q.meta.slot, buf)
	}
	return buf
}

// dress makes m the answer a to q: its token, its block.
func (e *Endpoint) dress(m *coap.Message, q *Request, a Response) {
	if q.meta.has1 && !a.Options.Has(coap.Block1) {
		a.Options = slices.Clone(a.Options) // the handler's slice stays as it is
		a.Options.SetBlock(coap.Block1, q.meta.block1)
	}
	if len(a.Payload) > e.c.ResponseBlockSize || q.meta.has2 {
		a = e.cut(q, a)
	}
	m.Token, m.Code, m.Options, m.Payload = q.meta.token, a.Code, a.Options, a.Payload
}
