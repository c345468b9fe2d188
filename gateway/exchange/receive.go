package exchange

import (
	"errors"
	"net/netip"

	"github.com/roost-iot/roost/wire/coap"
)

// receive takes one datagram to whom it concerns.
func (r *reader) receive(b []byte, remote netip.AddrPort) {
	e, m := r.e, &r.message
	if len(b) > e.c.MaxDatagram {
		r.tooLarge(b, remote)
		return
	}
	if err := m.Parse(b); err != nil {
		r.malformed(b, remote, err)
		return
	}
	switch {
	case m.Code == coap.Empty:
		r.empty(remote)
	case m.Code.IsRequest() && m.Type <= coap.NonConfirmable && e.c.Handler != nil:
		r.serve(b, remote)
	case m.Code.IsResponse() && m.Type != coap.Reset:
		r.answer(b, remote)
	default: // a reserved class, a request to a client, an ACK with a request
		r.reject(remote)
	}
}

// empty handles a ping, an acknowledgement or a reset.
func (r *reader) empty(remote netip.AddrPort) {
	e, m := r.e, &r.message
	switch m.Type {
	case coap.Confirmable:
		r.sendEmpty(coap.Reset, m.ID, remote) // RFC 7252, 4.3: the answer to a ping
	case coap.Acknowledgement:
		e.open.settle(remote, m.ID, acked)
	case coap.Reset:
		if !e.open.settle(remote, m.ID, wasReset) {
			e.watched.refused(remote, m.ID)
		}
	}
}

// answer handles a response: piggybacked, separate, or a notification.
func (r *reader) answer(b []byte, remote netip.AddrPort) {
	e, m := r.e, &r.message
	if m.Type == coap.Acknowledgement {
		if e.open.piggybacked(remote, m.ID, m.Token) {
			e.open.settle(remote, m.ID, acked)
			e.deliver(remote, m)
		}
		return
	}
	slot, known := e.seen.admit(remote, m.ID, b, e.now())
	if known {
		r.repeat(slot, remote)
		return
	}
	wanted := e.deliver(remote, m)
	switch {
	case m.Type == coap.Confirmable && wanted:
		r.out = (&coap.Message{Type: coap.Acknowledgement, ID: m.ID}).Append(r.out[:0])
	case m.Type == coap.Confirmable || m.Options.Has(coap.Observe) && !wanted:
		// RFC 7641, 3.6: a notification nobody waits for is reset.
		r.out = (&coap.Message{Type: coap.Reset, ID: m.ID}).Append(r.out[:0])
	default:
		return
	}
	e.seen.keep(slot, r.out)
	r.send(r.out, remote)
}

// deliver hands a response to who waits for it. False: nobody does, or it has a
// critical option that is not understood (RFC 7252, 5.4.1). A 4.02 may show the
// option that it is about, as libcoap's does.
func (e *Endpoint) deliver(remote netip.AddrPort, m *coap.Message) bool {
	if _, bad := m.Options.Unrecognized(understoodInResponse); bad && m.Code != coap.BadOption {
		e.open.spoil(remote, m.Token)
		return false
	}
	return e.open.deliver(remote, m, e)
}

func understoodInResponse(n coap.OptionNumber) bool {
	switch n {
	case coap.Block1, coap.Block2:
		return true
	}
	return false
}

// repeat answers a message seen before with what it was answered the first
// time, if anything.
func (r *reader) repeat(slot slot, remote netip.AddrPort) {
	r.e.count.duplicates.Add(1)
	r.out = r.e.seen.recall(slot, r.out[:0])
	if len(r.out) > 0 {
		r.send(r.out, remote)
	}
}

// reject resets a confirmable message that makes no sense here and ignores any
// other (RFC 7252, 4.2, 4.3).
func (r *reader) reject(remote netip.AddrPort) {
	r.e.count.rejected.Add(1)
	if r.message.Type == coap.Confirmable {
		r.sendEmpty(coap.Reset, r.message.ID, remote)
	}
}

// malformed resets what is confirmable and no message, and ignores the rest.
func (r *reader) malformed(b []byte, remote netip.AddrPort, err error) {
	e := r.e
	e.count.malformed.Add(1)
	e.noise.debug(e.c.Log, e.now(), "malformed message", remote, err)
	if t, id, ok := coap.Header(b); ok && t == coap.Confirmable {
		r.sendEmpty(coap.Reset, id, remote)
	}
}

var errDatagram = errors.New("datagram longer than this endpoint reads")

// tooLarge answers a confirmable request that did not fit the read buffer.
func (r *reader) tooLarge(b []byte, remote netip.AddrPort) {
	m := &r.message
	err := m.Parse(b) // of what there is
	if err != nil || m.Type != coap.Confirmable || !m.Code.IsRequest() || r.e.c.Handler == nil {
		r.malformed(b, remote, errDatagram)
		return
	}
	a := coap.Message{Type: coap.Acknowledgement, Code: coap.RequestEntityTooLarge, ID: m.ID, Token: m.Token}
	a.Options.SetUint(coap.Size1, uint32(r.e.c.MaxBody))
	r.out = a.Append(r.out[:0])
	r.send(r.out, remote)
}
