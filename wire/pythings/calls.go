package pythings

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/roost-iot/roost"
)

// Names of the one key exchange and the one cipher.
const (
	KeyExchange = "srsa1"
	CipherName  = "aes128ecb"
)

// Preregister begins an encrypted session.
type Preregister struct {
	Key []*big.Int // see EncryptKey
	Kty string     // CipherName
	Ken string     // KeyExchange
}

// Register says who a device is and what runs on it. What it did not say is "".
type Register struct {
	TID        string
	AID        string // id of an app, or of an account
	AppVersion string // id of a commit, "0": none
	OS         string
	Pool       string
	Frozen     bool
	Platform   string
	Old        bool // a device of before 2017, whose answers are wrapped in "data"
}

// Report says how a part of a device is doing.
type Report struct {
	What   string
	Status string
	Msg    roost.Value // "" if it was not there
}

// Worker brings what the worker task returned.
type Worker struct {
	Msg roost.Value // "" if it was not there
	At  time.Time   // zero: now
}

// Get asks for the files of an app or an OS.
type Get struct {
	Version  string
	List     bool
	FileName string
	Platform string
}

// fields reads several members and keeps the first fault.
type fields struct {
	*Request
	err error
}

func (f *fields) into(dst *string, names ...string) {
	s, err := f.text(names...)
	*dst = s
	f.keep(err)
}

func (f *fields) flagInto(dst *bool, names ...string) {
	b, err := f.flag(names...)
	*dst = b
	f.keep(err)
}

func (f *fields) keep(err error) {
	if f.err == nil {
		f.err = err
	}
}

// Preregister reads the body of things/preregister. Error: ErrRequest, wrapped.
func (r *Request) Preregister() (p Preregister, err error) {
	f := fields{Request: r}
	f.into(&p.Kty, "kty")
	f.into(&p.Ken, "ken")
	p.Key, err = r.integers("key")
	f.keep(err)
	return p, f.err
}

// Register reads the body of things/register. Error: ErrRequest, wrapped.
func (r *Request) Register() (g Register, err error) {
	f := fields{Request: r}
	f.into(&g.TID, "tid")
	f.into(&g.AID, "aid")
	f.into(&g.AppVersion, "app_version", "running_app_version")
	f.into(&g.OS, "pythings_version", "running_pythings_version", "running_os_version")
	f.into(&g.Pool, "pool")
	f.into(&g.Platform, "platform", "system", "arch")
	f.flagInto(&g.Frozen, "frozen", "frozen_os")
	_, g.Old = r.members["running_app_version"]
	return g, f.err
}

// Report reads the body of things/report. Error: ErrRequest, wrapped.
func (r *Request) Report() (p Report, err error) {
	f := fields{Request: r}
	f.into(&p.What, "what")
	f.into(&p.Status, "status")
	p.Msg = r.value("msg", "message")
	return p, f.err
}

// Reply tells which message a management report answers, and with what ("null" if
// with nothing).
func (p Report) Reply() (mid string, reply roost.Value, ok bool) {
	var m struct {
		Mid string          `json:"mid"`
		Rep json.RawMessage `json:"rep"`
	}
	if len(p.Msg) == 0 || p.Msg[0] != '{' || json.Unmarshal([]byte(p.Msg), &m) != nil || m.Mid == "" {
		return "", "", false
	}
	if m.Rep == nil {
		m.Rep = json.RawMessage("null")
	}
	return m.Mid, roost.Value(m.Rep), true
}

// Worker reads the body of apps/worker. Error: ErrRequest, wrapped.
func (r *Request) Worker() (w Worker, err error) {
	w.Msg = r.value("msg")
	ts, err := r.text("ts")
	if err == nil && ts != "" {
		w.At, err = epoch(ts)
	}
	return w, err
}

// epoch reads seconds since 1970, to the microsecond.
func epoch(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > maxEpoch {
		return time.Time{}, badRequest("ts is not a time in seconds since 1970")
	}
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC(), nil
}

// maxEpoch is the end of the year 9999.
const maxEpoch = 253402300799

// Get reads the body of apps/get and pythings/get. Error: ErrRequest, wrapped.
func (r *Request) Get() (g Get, err error) {
	f := fields{Request: r}
	f.into(&g.Version, "version")
	f.into(&g.FileName, "file_name", "file")
	f.into(&g.Platform, "platform", "system", "arch")
	f.flagInto(&g.List, "list")
	return g, f.err
}
