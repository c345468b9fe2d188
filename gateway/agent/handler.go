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

// serveClear has a call in clear served.
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

// open finds the session of a frame and reads it. Errors: errHello, errNoCall, errTooOften.
func (d *Door) open(c *call) (*session, uint32, []byte, error) {
	id, _, err := wire.Head(c.body)
	if err != nil {
		return nil, 0, nil, errNoCall
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
		return nil, 0, nil, errTooOften
	}
	return s, counter, plain, nil
}

// read takes the body, of at most most bytes. Errors: roost.TooLarge, roost.Invalid,
// roost.Unavailable when too many are being read.
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

// lost notes that an answer could not be written, if err says so. The thing asks again.
func (d *Door) lost(c *call, err error) {
	if err != nil {
		d.cfg.Log.Debug("answer lost", "protocol", doorName, "remote", c.remote, "err", err)
	}
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

// write sends an answer whole, of a Content-Type.
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

// peer is who has an address: of IPv6 everybody has a whole network, here its first 64 bits
// (RFC 6177).
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
