package exchange

import (
	"bytes"

	"github.com/roost-iot/roost/wire/coap"
)

// upload is a request body under way in blocks.
type upload struct{ body []byte }

// blocks looks at the block options of a request. done: the answer is a,
// without the handler. Otherwise q is what the handler gets: the whole body.
func (e *Endpoint) blocks(q *Request) (a Response, done bool) {
	var err1, err2 error
	q.meta.block1, q.meta.has1, err1 = q.Options.Block(coap.Block1)
	q.meta.block2, q.meta.has2, err2 = q.Options.Block(coap.Block2)
	switch {
	case err1 != nil || err2 != nil:
		q.meta.has1, q.meta.has2 = false, false
		return Text(coap.BadRequest, "Malformed block option"), true
	case q.meta.has1:
		if a, done = e.accept(q); done {
			q.meta.has2 = false
		}
		return a, done
	case len(q.Payload) > e.c.MaxBody:
		return e.entityTooLarge(), true
	case q.meta.has2 && q.meta.block2.Num > 0:
		return e.another(q)
	}
	return Response{}, false
}

func (e *Endpoint) entityTooLarge() Response {
	a := Response{Code: coap.RequestEntityTooLarge}
	a.Options.SetUint(coap.Size1, uint32(e.c.MaxBody))
	return a
}

// accept takes one block of an upload (RFC 7959, 2.5). The last one makes q the
// whole request.
func (e *Endpoint) accept(q *Request) (a Response, done bool) {
	b := q.meta.block1
	if size, ok := q.Options.Uint(coap.Size1); ok && size > uint32(e.c.MaxBody) {
		return e.entityTooLarge(), true
	}
	if b.More && len(q.Payload) != b.Size() || len(q.Payload) > b.Size() {
		return Text(coap.BadRequest, "Block of a wrong size"), true
	}
	if b.Num == 0 && !b.More {
		return Response{}, false // all of it
	}
	var fresh func() *upload
	key := keyOf(q)
	if b.Num == 0 {
		e.uploads.forget(key) // the remote starts again
		fresh = func() *upload { return new(upload) }
	}
	found := e.uploads.with(key, e.now(), fresh, func(u *upload) (keep bool) {
		a, done, keep = e.extend(u, q)
		return keep
	})
	switch {
	case !found && b.Num == 0:
		a = Response{Code: coap.ServiceUnavailable}
		a.Options.SetUint(coap.MaxAge, 10)
		return a, true
	case !found:
		return Text(coap.RequestEntityIncomplete, "No such transfer"), true
	}
	return a, done
}

// extend adds q's block to u, or finds that it has it already, or that it does
// not fit.
func (e *Endpoint) extend(u *upload, q *Request) (a Response, done, keep bool) {
	b, part := q.meta.block1, q.Payload
	at := b.Offset()
	switch {
	case at+len(part) > e.c.MaxBody:
		return e.entityTooLarge(), true, false
	case at == len(u.body):
		u.body = append(u.body, part...)
	case at+len(part) == len(u.body) && bytes.Equal(u.body[at:], part):
		// sent again under a new Message ID
	default:
		return Text(coap.RequestEntityIncomplete, "Block out of order"), true, false
	}
	if b.More {
		return Response{Code: coap.Continue}, true, true
	}
	q.Payload = u.body
	return Response{}, false, false
}
