package exchange

import (
	"hash/fnv"
	"slices"

	"github.com/roost-iot/roost/wire/coap"
)

// download is a response under way in blocks: all of its body, and its options.
type download struct{ whole Response }

// cut makes a response that is too long for one message its first block, and
// keeps the whole for the blocks to come (RFC 7959, 2.4).
func (e *Endpoint) cut(q *Request, a Response) Response {
	szx := coap.SZX(e.c.ResponseBlockSize)
	if q.meta.has2 {
		szx = min(szx, q.meta.block2.SZX)
	}
	if len(a.Payload) <= 16<<szx {
		return slice(a, coap.Block{Num: q.meta.block2.Num, SZX: szx})
	}
	a.Options = slices.Clone(a.Options)
	if !a.Options.Has(coap.ETag) && a.Code.IsSuccess() {
		h := fnv.New32a()
		h.Write(a.Payload)
		a.Options.Add(coap.ETag, h.Sum(nil))
	}
	if q.meta.block2.Num > 0 {
		return slice(a, q.meta.block2)
	}
	key := keyOf(q)
	e.downloads.forget(key)
	e.downloads.makeRoom()
	kept := Response{Code: a.Code, Options: a.Options.Clone(), Payload: slices.Clone(a.Payload)}
	kept.Options.Remove(coap.Observe)
	kept.Options.Remove(coap.Block1)
	e.downloads.with(key, e.now(), func() *download { return &download{kept} }, func(*download) bool { return true })
	first := slice(a, coap.Block{SZX: szx})
	first.Options.SetUint(coap.Size2, uint32(len(a.Payload)))
	return first
}

// another answers the request for a later block from what cut kept. Of what is
// not kept any more a GET asks the handler anew; for anything else that would be
// to do it twice.
func (e *Endpoint) another(q *Request) (a Response, done bool) {
	b := q.meta.block2
	found := e.downloads.with(keyOf(q), e.now(), nil, func(d *download) (keep bool) {
		a = slice(d.whole, b)
		return true // the last block may be lost and asked for again
	})
	if found {
		q.meta.has2 = false // it is cut
		return a, true
	}
	if q.Code == coap.GET || q.Code == coap.FETCH {
		return Response{}, false
	}
	q.meta.has2 = false
	return Text(coap.RequestEntityIncomplete, "No such transfer"), true
}

// slice is block b of a response.
func slice(a Response, b coap.Block) Response {
	at := b.Offset()
	if at > 0 && at >= len(a.Payload) {
		if !a.Code.IsSuccess() {
			return a
		}
		return Text(coap.BadRequest, "No such block")
	}
	end := min(at+b.Size(), len(a.Payload))
	b.More = end < len(a.Payload)
	a.Payload = a.Payload[at:end]
	a.Options = slices.Clone(a.Options)
	a.Options.SetBlock(coap.Block2, b)
	return a
}
