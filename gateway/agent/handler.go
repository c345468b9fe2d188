package agent

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	wire "github.com/roost-iot/roost/wire/agent"
)

// Base is where all calls of things are.
const Base = "/d/1/"

const (
	// patience bounds how long a thing may take to send a request, or to read an answer.
	patience = 60 * time.Second
	// clearPatience is the same for a request in clear, of which anybody may begin any number.
	clearPatience = 15 * time.Second
	// maxClear is the longest request in clear, in bytes.
	maxClear = 4 << 10
)

// Bounds of what an address may ask that is no known thing.
const (
	guestBurst = 20
	guestEvery = 3 * time.Second
)

// call is one request.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	remote string
	now    time.Time
	body   []byte
}

// refusal is an error with its state and status.
type refusal struct {
	err    error
	state  string
	status int // 0: by the kind of err
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func refused(state string, status int, kind roost.ErrorKind, format string, args ...any) error {
	return &refusal{err: roost.Errorf(kind, format, args...), state: state, status: status}
}

var (
	errUnknown = refused(wire.StateUnknown, http.StatusNotFound, roost.NotFound,
		"No thing of this id has a key here: install it again, or let it join.")
	errHello  = refused(wire.StateHello, http.StatusUnauthorized, roost.Unauthorized, "This session is over; say hello again.")
	errTooFew = refused(wire.StateRequest, http.StatusBadRequest, roost.Invalid, "This is no call of docs/protocols/agent.md.")
)

// ServeHTTP serves everything below Base.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{w: w, r: r, remote: r.RemoteAddr, now: time.Now()}
	if digest, ok := strings.CutPrefix(r.URL.Path, wire.PathFiles); ok {
		if err := d.file(r.Context(), c, digest); err != nil {
			d.refuse(c, err)
		}
		return
	}
	clear := map[string]func(context.Context, *call) (any, error){
		wire.PathJoin: d.join, wire.PathHello: d.hello, wire.PathTime: d.time,
	}[r.URL.Path]
	sealed := map[string]func(context.Context, *call, *session, []byte) ([]byte, error){
		wire.PathRegister: d.register, wire.PathSync: d.sync,
	}[r.URL.Path]
	var err error
	switch {
	case clear == nil && sealed == nil:
		err = refused(wire.StateRequest, http.StatusNotFound, roost.NotFound, "There is no such call here.")
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		err = refused(wire.StateRequest, http.StatusMethodNotAllowed, roost.Invalid, "Ask by POST.")
	case clear != nil:
		err = d.serveClear(c, clear)
	default:
		err = d.serveSealed(c, sealed)
	}
	if err != nil {
		d.refuse(c, err)
	}
}

func (d *Door) serveClear(c *call, serve func(context.Context, *call) (any, error)) error {
	if err := d.read(c, maxClear, clearPatience); err != nil {
		return err
	}
	answer, err := serve(c.r.Context(), c)
	if err != nil {
		return err
	}
	d.lost(c, c.writeJSON(http.StatusOK, answer))
	return nil
}

// serveSealed opens a frame, has it served, and seals the answer.
func (d *Door) serveSealed(c *call, serve func(context.Context, *call, *session, []byte) ([]byte, error)) error {
	if err := d.read(c, wire.MaxBody, patience); err != nil {
		return err
	}
	s, counter, plain, err := d.open(c)
	if err != nil {
		return err
	}
	answer, err := serve(c.r.Context(), c, s, plain)
	if err != nil {
		return err
	}
	d.lost(c, c.write(http.StatusOK, "application/octet-stream", s.SealDown(c.r.URL.Path, counter, answer)))
	return nil
}

// open finds the session of a frame and reads it. Error: errHello.
func (d *Door) open(c *call) (*session, uint32, []byte, error) {
	id, _, err := wire.Head(c.body)
	if err != nil {
		return nil, 0, nil, errTooFew
	}
	s := d.sessions.find(id)
	if s == nil {
		return nil, 0, nil, errHello
	}
	counter, plain, err := s.OpenUp(c.r.URL.Path, c.body)
	if err != nil || !s.take(counter) {
		d.cfg.Log.Debug("frame refused", "thing", string(s.thing.ref.Thing), "protocol", doorName, "remote", c.remote, "err", err)
		return nil, 0, nil, errHello
	}
	d.sessions.prove(s)
	if !d.calls.Take(s.thing.ref.String(), c.now) {
		return nil, 0, nil, tooOften()
	}
	return s, counter, plain, nil
}

func tooOften() error {
	return refused(wire.StateLater, 0, roost.TooMany, "Too many calls; try again later.")
}

// read takes the body. Errors: roost.TooLarge, roost.Invalid, roost.Unavailable when too
// many are being read.
func (d *Door) read(c *call, most int64, patience time.Duration) error {
	defer d.bodies.Add(-1)
	if d.bodies.Add(1) > int64(d.cfg.Bodies) {
		c.w.Header().Set("Connection", "close") // what it sends is not read
		return refused(wire.StateLater, 0, roost.Unavailable, "Too many calls at once; try again later.")
	}
	return c.read(most, patience)
}

func (c *call) read(most int64, patience time.Duration) (err error) {
	_ = http.NewResponseController(c.w).SetReadDeadline(c.now.Add(patience)) // tests may have none
	c.body, err = io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, most))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return roost.Errorf(roost.TooLarge, "A request has at most %d bytes.", most)
	}
	if err != nil {
		return roost.Because(roost.Invalid, err, "The request did not come whole.")
	}
	_ = http.NewResponseController(c.w).SetReadDeadline(time.Time{}) // or a sync that waits would lose its connection
	return nil
}

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
	if status == http.StatusInternalServerError {
		d.cfg.Log.Log(c.r.Context(), gateway.Fault(c.r.Context()), "call failed", "protocol", doorName, "remote", c.remote, "path", c.r.URL.Path, "err", err)
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		c.w.Header().Set("Retry-After", "5")
	}
	d.lost(c, c.writeJSON(status, out))
}

func (d *Door) lost(c *call, err error) {
	if err != nil {
		d.cfg.Log.Debug("answer lost", "protocol", doorName, "remote", c.remote, "err", err)
	}
}

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

func (c *call) writeJSON(status int, body any) error {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	if err := to.Encode(body); err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	return c.write(status, "application/json", b.Bytes())
}

func (c *call) write(status int, kind string, body []byte) error {
	h := c.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	out := http.NewResponseController(c.w)
	_ = out.SetWriteDeadline(time.Now().Add(patience)) // tests may have none
	c.w.WriteHeader(status)
	if _, err := c.w.Write(body); err != nil {
		return fmt.Errorf("write an answer: %w", err)
	}
	if err := out.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("write an answer: %w", err)
	}
	_ = out.SetWriteDeadline(time.Time{}) // the connection goes on
	return nil
}

// host is an address without its port.
func host(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return address
}

// peer is who an address is one of: of IPv6 everybody has a whole network (RFC 6177).
func peer(address string) string {
	at, err := netip.ParseAddr(host(address))
	if err != nil || at.Unmap().Is4() {
		return host(address)
	}
	network, err := at.WithZone("").Prefix(64)
	if err != nil {
		return host(address)
	}
	return network.String()
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
