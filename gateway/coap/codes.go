package coap

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

// errWaiting is what a thing is told that nobody has let in yet.
var errWaiting = roost.Errorf(roost.Unauthorized, "waiting for approval")

// codeOf is the one place where a kind of error becomes a response code.
func codeOf(k roost.ErrorKind) coap.Code {
	switch k {
	case roost.Invalid:
		return coap.BadRequest
	case roost.NotFound:
		return coap.NotFound
	case roost.Conflict:
		return coap.Conflict
	case roost.Denied:
		return coap.Forbidden
	case roost.Unauthorized:
		return coap.Unauthorized
	case roost.Unavailable:
		return coap.ServiceUnavailable
	case roost.TooLarge:
		return coap.RequestEntityTooLarge
	case roost.TooMany:
		return coap.TooManyRequests
	}
	return coap.InternalServerError
}

// retryAfter is when a node that was turned away may come again, in seconds.
const retryAfter = 30

// refusal answers a request with an error: its code and, as diagnostic payload,
// its sentence. Codes that mean "later" carry Max-Age.
func refusal(err error) exchange.Response {
	a := exchange.Text(codeOf(roost.KindOf(err)), roost.Message(err))
	if a.Code == coap.ServiceUnavailable || a.Code == coap.TooManyRequests {
		a.Options.SetUint(coap.MaxAge, retryAfter)
	}
	return a
}

// kindOf is the way back: what kind of error a thing's answer is.
func kindOf(c coap.Code) roost.ErrorKind {
	switch c {
	case coap.NotFound:
		return roost.NotFound
	case coap.Unauthorized, coap.Forbidden:
		return roost.Denied
	case coap.Conflict, coap.PreconditionFailed, coap.RequestEntityIncomplete:
		return roost.Conflict
	case coap.RequestEntityTooLarge:
		return roost.TooLarge
	case coap.TooManyRequests:
		return roost.TooMany
	}
	if c.Class() == 4 {
		return roost.Invalid
	}
	return roost.Unavailable
}

// answered makes the thing's refusal a sentence for people.
func answered(a exchange.Response) error {
	if said := diagnostic(a.Payload); said != "" {
		return roost.Errorf(kindOf(a.Code), "The thing answered %v: %s", a.Code, said)
	}
	return roost.Errorf(kindOf(a.Code), "The thing answered %v.", a.Code)
}

// diagnostic is a thing's error text, made fit to be shown: one line of at most
// 200 characters.
func diagnostic(payload []byte) string {
	said := strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == unicode.ReplacementChar {
			return ' '
		}
		return c
	}, string(payload))
	said = strings.Join(strings.Fields(said), " ")
	if r := []rune(said); len(r) > 200 {
		said = string(r[:200]) + "…"
	}
	return said
}

// unreached makes a failed exchange a sentence for people. A context's error stays
// one: the command's own clock has run out.
func unreached(err error) error {
	switch {
	case errors.Is(err, exchange.ErrTimeout):
		return roost.Because(roost.Unavailable, err, "The thing did not answer.")
	case errors.Is(err, exchange.ErrReset):
		return roost.Because(roost.Unavailable, err, "The thing rejected the message.")
	case errors.Is(err, exchange.ErrBusy):
		return roost.Because(roost.TooMany, err, "Too many requests wait for the thing already.")
	case errors.Is(err, exchange.ErrTooLarge):
		return roost.Because(roost.TooLarge, err, "The thing takes or sends more than fits.")
	case errors.Is(err, exchange.ErrClosed):
		return roost.Because(roost.Unavailable, err, "Roost stopped before the thing had answered.")
	case errors.Is(err, exchange.ErrBlock), errors.Is(err, exchange.ErrOption):
		return roost.Because(roost.Unavailable, err, "The thing's answer made no sense.")
	}
	return fmt.Errorf("ask the thing: %w", err)
}
