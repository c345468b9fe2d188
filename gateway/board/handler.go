package board

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
)

// base is where all calls of boards are.
const base = "/iot/"

// patience bounds how long a board may take to send a request, or to read an answer.
const patience = 60 * time.Second

// call is one request.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	remote string
	now    time.Time
	body   []byte
	every  time.Duration // the interval of its heartbeats that the board tells; 0: none
}

// answer is what a call is answered with.
type answer struct {
	body any
	sent func(err error) // called when it was written, or was not; nil: nobody needs to know
}

// refusal is an error with what a board needs besides.
type refusal struct {
	err    error
	device roost.ThingID // its id, "" if it has none
	kinds  []string      // of boards, that there are
}

// Error gives the error's own text.
func (r *refusal) Error() string { return r.err.Error() }

// Unwrap gives the error, whose Kind decides the status.
func (r *refusal) Unwrap() error { return r.err }

// ServeHTTP serves everything below /iot/.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{w: w, r: r, remote: r.RemoteAddr, now: time.Now()}
	path := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, base), "/")
	if file, ok := strings.CutPrefix(path, "files/"); ok {
		d.serveFile(c, file)
		return
	}
	serve := map[string]func(context.Context, *call) (answer, error){
		"boot": d.boot, "register": d.register, "heartbeat": d.heartbeat,
	}[path]
	if serve == nil {
		d.refuse(c, roost.Errorf(roost.NotFound, "There is no such call; boards have /iot/boot, /iot/register, /iot/heartbeat and /iot/files/."))
		return
	}
	if r.Method != http.MethodPost {
		c.refuseMethod(http.MethodPost, "Ask by POST.")
		return
	}
	if err := c.read(d.cfg.MaxBody); err != nil {
		d.refuse(c, err)
		return
	}
	a, err := serve(r.Context(), c)
	if err != nil {
		d.refuse(c, err)
		return
	}
	err = c.write(http.StatusOK, a.body)
	if a.sent != nil {
		a.sent(err)
	}
	if err != nil {
		d.cfg.Log.Debug("answer lost", "protocol", doorName, "remote", c.remote, "err", err)
	}
}

// read takes the body. Errors: roost.TooLarge, roost.Invalid.
func (c *call) read(most int) (err error) {
	_ = http.NewResponseController(c.w).SetReadDeadline(c.now.Add(patience)) // tests may have none
	c.body, err = io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, int64(most)))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return roost.Errorf(roost.TooLarge, "A request has at most %d bytes.", most)
	}
	if err != nil {
		return roost.Because(roost.Invalid, err, "The request did not come whole.")
	}
	return nil
}

// decode makes v of the body, which must be a JSON object. Error: roost.Invalid, with the
// field that is wrong.
func (c *call) decode(v any) error {
	err := json.Unmarshal(c.body, v)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field == "" {
			return roost.Errorf(roost.Invalid, "The request is not a JSON object.")
		}
		return roost.Errorf(roost.Invalid, "Field %s: %s is not what belongs there.", wrong.Field, wrong.Value)
	}
	if err != nil {
		return roost.Because(roost.Invalid, err, "The request is not JSON: %v.", err)
	}
	return nil
}

// missing names a field that a request lacks.
func missing(field string) error {
	return roost.Errorf(roost.Invalid, "The request has no %s.", field)
}

// failure is the answer to what cannot be.
type failure struct {
	Error    string   `json:"error"`
	DeviceID string   `json:"device_id,omitempty"`
	AppTypes []string `json:"app_types,omitempty"`
}

// refuse answers with an error. What went wrong inside goes to the log.
func (d *Door) refuse(c *call, err error) {
	status := statusOf(err)
	if status == http.StatusInternalServerError {
		d.cfg.Log.Log(c.r.Context(), gateway.Fault(c.r.Context()), "call failed", "protocol", doorName, "remote", c.remote, "path", c.r.URL.Path, "err", err)
	}
	f := failure{Error: roost.Message(err)}
	if r, ok := errors.AsType[*refusal](err); ok {
		f.DeviceID, f.AppTypes = string(r.device), r.kinds
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		c.w.Header().Set("Retry-After", "5")
	}
	if lost := c.write(status, f); lost != nil {
		d.cfg.Log.Debug("answer lost", "protocol", doorName, "remote", c.remote, "err", lost)
	}
}

// refuseMethod answers a call by a method that it has not; text says which it has.
func (c *call) refuseMethod(allowed, text string) {
	c.w.Header().Set("Allow", allowed)
	_ = c.write(http.StatusMethodNotAllowed, failure{Error: text}) // whoever asked may be gone
}

func statusOf(err error) int {
	switch roost.KindOf(err) {
	case roost.Invalid:
		return http.StatusBadRequest
	case roost.NotFound:
		return http.StatusNotFound
	case roost.Conflict:
		return http.StatusConflict
	case roost.Denied, roost.Unauthorized:
		return http.StatusForbidden
	case roost.Unavailable:
		return http.StatusServiceUnavailable
	case roost.TooLarge:
		return http.StatusRequestEntityTooLarge
	case roost.TooMany:
		return http.StatusTooManyRequests
	}
	return http.StatusInternalServerError
}

// write sends a JSON answer whole; the connection ends with it.
func (c *call) write(status int, body any) error {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	if err := to.Encode(body); err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Connection", "close")
	out := http.NewResponseController(c.w)
	_ = out.SetWriteDeadline(time.Now().Add(patience)) // tests may have none
	c.w.WriteHeader(status)
	if _, err := c.w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write an answer: %w", err)
	}
	if err := out.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("write an answer: %w", err)
	}
	return nil
}
