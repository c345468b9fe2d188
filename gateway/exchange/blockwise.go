package exchange

import (
	"bytes"
	"context"

	"github.com/roost-iot/roost/wire/coap"
)

// upload sends m's payload in blocks and returns the response to the last one,
// or the first that says no (RFC 7959, 2.5). A remote may ask for smaller
// blocks, in a 2.31 or by a 4.13 to the first one.
func (e *Endpoint) upload(ctx context.Context, t *turn, m *coap.Message) (Response, error) {
	body, szx, at := m.Payload, coap.SZX(e.c.BlockSize), 0
	for {
		block := coap.Block{Num: uint32(at >> (szx + 4)), SZX: szx}
		end := min(at+block.Size(), len(body))
		block.More = end < len(body)
		if block.Num > coap.MaxBlockNum {
			return Response{}, ErrTooLarge
		}
		part := coap.Message{Type: m.Type, Code: m.Code, Options: m.Options.Clone(), Payload: body[at:end]}
		part.Options.SetBlock(coap.Block1, block)
		if at == 0 {
			part.Options.SetUint(coap.Size1, uint32(len(body)))
		}
		if block.More {
			part.Options.Remove(coap.Block2) // it concerns the response to the last one
		}
		a, err := e.once(ctx, t, &part)
		if err != nil {
			return Response{}, err
		}
		said, ok, err := a.Options.Block(coap.Block1)
		if err != nil {
			return Response{}, ErrBlock
		}
		smaller := ok && said.SZX < szx
		switch {
		case a.Code == coap.RequestEntityTooLarge && at == 0 && smaller:
			szx = said.SZX // and once more from the start
			continue
		case !block.More || !a.Code.IsSuccess():
			return a, nil
		case !ok || said.Num != block.Num:
			return Response{}, ErrBlock // it took a part for the whole
		case smaller:
			szx = said.SZX
		}
		at = end
	}
}

// fetchRest completes a response of which a is the first block (RFC 7959, 2.4).
// The rest is asked for with m's options and no payload.
func (e *Endpoint) fetchRest(ctx context.Context, t *turn, m *coap.Message, a Response) (Response, error) {
	block, ok, err := a.Options.Block(coap.Block2)
	if asked, set, _ := m.Options.Block(coap.Block2); !ok || set && asked.Num > 0 {
		return a, nil
	}
	if err != nil || block.Num != 0 {
		return Response{}, ErrBlock
	}
	body := a.Payload
	etag, _ := a.Options.Get(coap.ETag)
	for block.More {
		if len(body) > e.c.MaxBody {
			return Response{}, ErrTooLarge
		}
		if len(body)%block.Size() != 0 || len(body) == 0 {
			return Response{}, ErrBlock // a block in the middle that is not full
		}
		part := coap.Message{Type: m.Type, Code: m.Code, Options: m.Options.Clone()}
		part.Options.Remove(coap.Observe)
		part.Options.Remove(coap.Block1)
		part.Options.Remove(coap.Size1)
		part.Options.SetBlock(coap.Block2, coap.Block{Num: uint32(len(body) >> (block.SZX + 4)), SZX: block.SZX})
		next, err := e.once(ctx, t, &part)
		if err != nil {
			return Response{}, err
		}
		if block, err = follows(next, etag, len(body)); err != nil {
			return Response{}, err
		}
		body = append(body, next.Payload...)
	}
	if len(body) > e.c.MaxBody {
		return Response{}, ErrTooLarge
	}
	a.Payload = body
	a.Options.Remove(coap.Block2)
	return a, nil
}

// follows checks that next is the block at offset of the same representation.
func follows(next Response, etag []byte, offset int) (coap.Block, error) {
	block, ok, err := next.Options.Block(coap.Block2)
	if err != nil || !ok || !next.Code.IsSuccess() || block.Offset() != offset {
		return block, ErrBlock
	}
	if tag, _ := next.Options.Get(coap.ETag); !bytes.Equal(tag, etag) {
		return block, ErrBlock // the resource has changed meanwhile
	}
	return block, nil
}
