package agent

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	wire "github.com/roost-iot/roost/wire/agent"
)

// How often the log tells of calls that were put off.
const (
	warnBurst = 5
	warnEvery = 10 * time.Second
)

// refusal is an error with what a thing is told besides: its state, and a status of its own.
type refusal struct {
	err    error
	state  string
	status int // 0: by the kind of err
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// refused is a refusal with a message for people; status 0: by kind.
func refused(state string, status int, kind roost.ErrorKind, format string, args ...any) error {
	return &refusal{err: roost.Errorf(kind, format, args...), state: state, status: status}
}

var (
	errUnknown = refused(wire.StateUnknown, http.StatusNotFound, roost.NotFound,
		"No thing of this id has a key here: install it again, or let it join.")
	errHello    = refused(wire.StateHello, http.StatusUnauthorized, roost.Unauthorized, "This session is over; say hello again.")
	errNoCall   = refused(wire.StateRequest, http.StatusBadRequest, roost.Invalid, "This is no call of docs/protocols/agent.md.")
	errTooOften = refused(wire.StateLater, http.StatusTooManyRequests, roost.TooMany, "Too many calls; try again later.")
)

// refuse answers with an error. What went wrong inside goes to the log.
func (d *Door) refuse(c *call, err error) {
	out := wire.Refusal{Error: roost.Message(err), State: stateOf(err)}
	status := statusOf(err)
	if r, ok := errors.AsType[*refusal](err); ok {
		out.State = r.state
		if r.status != 0 {
			status = r.status
		}
	}
	if errors.Is(err, wire.ErrMessage) {
		status, out.State, out.Error = http.StatusBadRequest, wire.StateRequest, err.Error()
	}
	d.logFault(c, status, err)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		c.w.Header().Set("Retry-After", "5")
	}
	d.lost(c, c.writeJSON(status, out))
}

// logFault logs what went wrong inside. Nothing is lost by a call that is to be repeated; while
// the disk is full all calls are, so not each of them is logged.
func (d *Door) logFault(c *call, status int, err error) {
	ctx := c.r.Context()
	switch level := gateway.Fault(ctx); {
	case status == http.StatusInternalServerError:
		d.cfg.Log.Log(ctx, level, "call failed", "protocol", doorName, "remote", c.remote, "path", c.r.URL.Path, "err", err)
	case status == http.StatusServiceUnavailable && level == slog.LevelError && caused(err) && d.warnings.Take("", c.now):
		d.cfg.Log.Warn("call put off", "protocol", doorName, "remote", c.remote, "path", c.r.URL.Path, "err", err)
	}
}

// caused tells that err has a cause that it does not tell to people.
func caused(err error) bool {
	e, ok := errors.AsType[*roost.Error](err)
	return ok && e.Cause != nil
}

// stateOf is the state of a refusal that has none of its own.
func stateOf(err error) string {
	switch roost.KindOf(err) {
	case roost.Invalid, roost.TooLarge:
		return wire.StateRequest
	case roost.NotFound:
		return wire.StateUnknown
	case roost.Denied:
		return wire.StateWaiting
	}
	return wire.StateLater
}

// statusOf is the HTTP status for the kind of err; 503 when the call was given up.
func statusOf(err error) int {
	switch roost.KindOf(err) {
	case roost.Invalid:
		return http.StatusBadRequest
	case roost.NotFound:
		return http.StatusNotFound
	case roost.Conflict:
		return http.StatusConflict
	case roost.Denied:
		return http.StatusForbidden
	case roost.Unauthorized:
		return http.StatusUnauthorized
	case roost.Unavailable:
		return http.StatusServiceUnavailable
	case roost.TooLarge:
		return http.StatusRequestEntityTooLarge
	case roost.TooMany:
		return http.StatusTooManyRequests
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
