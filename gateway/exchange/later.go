package exchange

import (
	"context"
	"sync"
	"time"

	"github.com/roost-iot/roost/wire/coap"
)

// Reply answers a request after its handler has returned. Respond is called
// once; a Reply that never answers leaves nothing behind.
type Reply struct {
	Request Request // a copy that outlives the handler

	e     *Endpoint
	mu    sync.Mutex
	timer *time.Timer
	acked bool
	done  bool
}

// Later says that the handler will return the zero Response and answer by the
// Reply. A confirmable request is acknowledged empty when 100 ms (EmptyACK) have
// passed without an answer, or at once by Acknowledge.
func (r *Request) Later() *Reply {
	if r.e == nil || r.reply != nil {
		panic("exchange: Later called outside a handler or twice")
	}
	r.reply = &Reply{Request: r.Clone(), e: r.e}
	return r.reply
}

// claim takes the right to answer from a Reply whose handler has answered all
// the same, or panicked. False: the Reply was faster. A nil Reply has no say.
func (p *Reply) claim() bool {
	if p == nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.done || p.acked
	p.done = true
	return !was
}

// start arms the timer of the empty acknowledgement, once the handler is done.
func (p *Reply) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.acked || p.done || p.Request.Type != coap.Confirmable {
		return
	}
	p.timer = time.AfterFunc(p.e.c.EmptyACK, p.Acknowledge)
}

// Acknowledge tells the remote that the answer will take its time, so that it
// stops sending the request again.
func (p *Reply) Acknowledge() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.acked || p.done || p.Request.Type != coap.Confirmable {
		return
	}
	p.acked = true
	var b [4]byte
	m := coap.Message{Type: coap.Acknowledgement, ID: p.Request.meta.id}
	out := m.Append(b[:0])
	p.e.seen.keep(p.Request.meta.slot, out)
	_ = p.e.sendBy(p.Request.meta.conn, out, p.Request.Remote)
}

// Respond sends the answer. When the request was acknowledged before, it goes
// out as a confirmable message of its own, and Respond waits until the remote
// has it: ErrTimeout, ErrReset, ErrClosed or ctx's error say that it may not.
func (p *Reply) Respond(ctx context.Context, a Response) error {
	p.mu.Lock()
	separate := p.acked
	if p.done || a.Code == coap.Empty {
		p.mu.Unlock()
		return nil
	}
	p.done = true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	if !separate {
		q := &p.Request
		_ = p.e.sendBy(q.meta.conn, p.e.compose(q, a, nil), q.Remote) // lost: it asks again
		return nil
	}
	var m coap.Message
	p.e.dress(&m, &p.Request, p.e.register(&p.Request, a))
	return p.e.confirm(ctx, p.Request.Remote, &m)
}
