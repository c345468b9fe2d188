package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"github.com/roost-iot/roost/wire/coap"
)

// Do sends a request and waits for the response, whatever its code. Payloads
// longer than Config.BlockSize are sent in blocks, responses that come in
// blocks are put together. One request at a time (NStart) is open per remote;
// the others wait. A request with a Block2 option of a number above 0 gets that
// one block.
//
// Errors: ErrTimeout, ErrReset, ErrTooLarge, ErrBusy, ErrBlock, ErrOption,
// ErrClosed, ctx's, or what the socket said.
func (e *Endpoint) Do(ctx context.Context, remote netip.AddrPort, r *Request) (Response, error) {
	remote = unmapped(remote)
	m := coap.Message{Type: r.Type, Code: r.Code, Options: r.Options, Payload: r.Payload}
	a, err := e.do(ctx, remote, &m)
	if err != nil {
		return Response{}, fmt.Errorf("%v %s at %v: %w", r.Code, r.Options.Path(), remote, err)
	}
	return a, nil
}

func (e *Endpoint) do(ctx context.Context, remote netip.AddrPort, m *coap.Message) (Response, error) {
	if err := m.Check(); err != nil {
		return Response{}, err
	}
	t := &turn{e: e, remote: remote}
	if err := t.take(ctx); err != nil {
		return Response{}, err
	}
	defer t.give()
	var a Response
	var err error
	if len(m.Payload) > e.c.BlockSize {
		a, err = e.upload(ctx, t, m)
	} else {
		a, err = e.once(ctx, t, m)
	}
	if err != nil {
		return Response{}, err
	}
	return e.fetchRest(ctx, t, m, a)
}

// Send sends a non-confirmable request whose answer nobody waits for.
func (e *Endpoint) Send(remote netip.AddrPort, r *Request) error {
	m := coap.Message{
		Type: coap.NonConfirmable, Code: r.Code, ID: e.newID(),
		Token: coap.Token16(e.newID()), Options: r.Options, Payload: r.Payload,
	}
	if err := m.Check(); err != nil {
		return fmt.Errorf("send to %v: %w", remote, err)
	}
	if err := e.send(m.Append(nil), unmapped(remote)); err != nil {
		return fmt.Errorf("send to %v: %w", remote, err)
	}
	return nil
}

// once sends one request message and waits for its response. The turn is given
// back as soon as the remote has acknowledged without answering.
func (e *Endpoint) once(ctx context.Context, t *turn, m *coap.Message) (Response, error) {
	w := &wait{inbox: make(chan arrival, 1)}
	token, ok := e.open.join(t.remote, w)
	if !ok {
		return Response{}, ErrBusy
	}
	defer e.open.leave(t.remote, token)
	m.Token = token
	if err := t.take(ctx); err != nil {
		return Response{}, err
	}
	a, err := e.converse(ctx, t, m, w)
	return a.Response, err
}

// converse sends a request and waits for the first arrival in w.
func (e *Endpoint) converse(ctx context.Context, t *turn, m *coap.Message, w *wait) (arrival, error) {
	m.ID = e.newID()
	datagram := m.Append(nil)
	var settled chan outcome // never, for a non-confirmable one
	if m.Type == coap.Confirmable {
		settled = e.open.expect(t.remote, m.ID, m.Token).settle
		defer e.open.abandon(t.remote, m.ID)
	}
	if err := e.sendFirst(datagram, t.remote); err != nil {
		return arrival{}, err
	}
	resend := e.newResend(m.Type == coap.Confirmable)
	defer resend.timer.Stop()
	for {
		select {
		case a := <-w.inbox:
			return a, a.err
		case o := <-settled:
			if o == wasReset {
				return arrival{}, ErrReset
			}
			resend.rest(e.c.AnswerTimeout)
			if len(w.inbox) == 0 {
				t.give()
			}
		case <-resend.timer.C:
			if !resend.again() {
				return arrival{}, ErrTimeout
			}
			_ = e.send(datagram, t.remote)
		case <-ctx.Done():
			return arrival{}, ctx.Err()
		case <-e.end:
			return arrival{}, ErrClosed
		}
	}
}

// confirm sends a confirmable message that is no request and waits until it is
// acknowledged.
func (e *Endpoint) confirm(ctx context.Context, remote netip.AddrPort, m *coap.Message) error {
	m.Type, m.ID = coap.Confirmable, e.newID()
	datagram := m.Append(nil)
	settled := e.open.expect(remote, m.ID, m.Token).settle
	defer e.open.abandon(remote, m.ID)
	if err := e.sendFirst(datagram, remote); err != nil {
		return err
	}
	resend := e.newResend(true)
	defer resend.timer.Stop()
	for {
		select {
		case o := <-settled:
			if o == wasReset {
				return ErrReset
			}
			return nil
		case <-resend.timer.C:
			if !resend.again() {
				return ErrTimeout
			}
			_ = e.send(datagram, remote)
		case <-ctx.Done():
			return ctx.Err()
		case <-e.end:
			return ErrClosed
		}
	}
}

// sendFirst sends and tolerates what a later transmission may overcome: the
// ICMP answer to an earlier datagram, a full buffer, a neighbour not yet found.
func (e *Endpoint) sendFirst(b []byte, remote netip.AddrPort) error {
	err := e.send(b, remote)
	for _, passing := range []error{syscall.ECONNREFUSED, syscall.ENOBUFS, syscall.EHOSTUNREACH} {
		if errors.Is(err, passing) {
			return nil
		}
	}
	return err
}

// resend times retransmissions (RFC 7252, 4.2): the wait doubles each time.
type resend struct {
	timer *time.Timer
	wait  time.Duration
	left  int // transmissions
}

func (e *Endpoint) newResend(confirmable bool) *resend {
	r := &resend{wait: e.c.AnswerTimeout}
	if confirmable {
		r.wait, r.left = e.c.firstTimeout(), max(e.c.MaxRetransmit, 0)
	}
	r.timer = time.NewTimer(r.wait)
	return r
}

// again says, after the timer ran out, whether to send once more.
func (r *resend) again() bool {
	if r.left == 0 {
		return false
	}
	r.left--
	r.wait *= 2
	r.timer.Reset(r.wait)
	return true
}

// rest stops retransmitting and gives the answer d to come.
func (r *resend) rest(d time.Duration) {
	r.left = 0
	r.timer.Reset(d)
}
