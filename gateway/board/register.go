package board

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/roost-iot/roost"
)

// maxMeta is the most bytes of what an app says of itself that are kept.
const maxMeta = 8 << 10

// Bounds of heartbeat intervals that boards tell, in milliseconds.
const (
	leastInterval = 100
	mostInterval  = 7 * 24 * 60 * 60 * 1000
)

// registration is what a board tells once after each boot.
type registration struct {
	DeviceID   string          `json:"device_id"`
	MAC        string          `json:"mac"`
	AppType    string          `json:"app_type"`
	DeviceType string          `json:"device_type"`
	Firmware   string          `json:"firmware"`
	Meta       json.RawMessage `json:"meta"`
	IP         string          `json:"ip"`
	Version    json.RawMessage `json:"version"`
	Interval   float64         `json:"heartbeat_ms"` // its own, if its app has chosen one
	Port       float64         `json:"http_port"`    // of its own HTTP server; 0: 80
}

// registered answers a registration.
type registered struct {
	OK       bool  `json:"ok"`
	Interval int64 `json:"heartbeat_ms"`
}

// register takes what a board says of itself after a boot.
func (d *Door) register(ctx context.Context, c *call) (answer, error) {
	var q registration
	if err := c.decode(&q); err != nil {
		return answer{}, err
	}
	c.every = interval(q.Interval)
	b, err := d.find(ctx, c, q.DeviceID, q.MAC)
	if err != nil {
		return answer{}, err
	}
	if err := b.hold(); err != nil {
		return answer{}, err
	}
	defer b.mu.Unlock()
	f := b.nextFacts()
	if !q.tell(&f) {
		d.write(f.Ref, "warn", fmt.Sprintf("tells a meta that is not kept: it is no object of at most %d bytes", maxMeta))
	}
	f.Interval, b.port = c.every, port(q.Port)
	if err := b.keep(ctx, f); err != nil {
		return answer{}, err
	}
	b.booted(ctx)
	if err := b.bindFirst(ctx, c); err != nil {
		return answer{}, err
	}
	if err := b.reportName(ctx); err != nil {
		return answer{}, err
	}
	d.cfg.Releases.Contact(f.Ref, c.now)
	d.write(f.Ref, "info", strings.TrimSpace("registered: firmware "+f.Firmware))
	return answer{body: registered{OK: true, Interval: d.interval(f.Ref).Milliseconds()}}, nil
}

// tell takes over what a registration says; ok is false when its meta cannot be kept.
func (q *registration) tell(f *roost.Board) (ok bool) {
	said(&f.AppType, q.AppType)
	said(&f.DeviceType, q.DeviceType)
	said(&f.Firmware, q.Firmware)
	said(&f.Version, roost.Value(q.Version).AsText())
	said(&f.IP, q.IP)
	if len(q.Meta) == 0 || string(q.Meta) == "null" {
		return true
	}
	meta, ok := object(q.Meta)
	if ok {
		f.Meta = meta
	}
	return ok
}

// bindFirst makes the app of its kind the board's when it has none, as one that registers
// without having booted; the caller holds b.mu.
func (b *board) bindFirst(ctx context.Context, c *call) error {
	app, ok := b.d.cfg.Releases.BoardApp(b.d.cfg.Project, b.facts.AppType)
	if _, known := b.d.cfg.Releases.Software(b.ref); !ok || known {
		return nil
	}
	return b.bind(ctx, app, "0", c.remote, false)
}

// reportName makes what a board calls itself a resource; the caller holds b.mu.
func (b *board) reportName(ctx context.Context) error {
	name, ok := nameIn(b.facts.Meta)
	if !ok {
		return nil
	}
	return b.report(ctx, []roost.Resource{{Name: "name", Value: name}})
}

// report tells what a board says as resources. Of what is roost.Invalid, one resource too
// many, the others are kept; that is no error.
func (b *board) report(ctx context.Context, values []roost.Resource) error {
	err := b.d.cfg.Core.Report(ctx, b.ref, values)
	if roost.KindOf(err) == roost.Invalid {
		return nil
	}
	return err
}

// said takes what a board told over what was known; silence changes nothing.
func said(known *string, told string) {
	if told = short(told); told != "" {
		*known = told
	}
}

// interval reads one in milliseconds; 0: none that can be.
func interval(ms float64) time.Duration {
	if !(ms >= leastInterval && ms <= mostInterval) {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// port reads one; 0: none that can be.
func port(n float64) uint16 {
	if !(n >= 1 && n <= 65535) {
		return 0
	}
	return uint16(n)
}

// object gives a JSON object as it is kept.
func object(raw json.RawMessage) (roost.Value, bool) {
	var b bytes.Buffer
	if len(raw) == 0 || raw[0] != '{' || json.Compact(&b, raw) != nil || b.Len() > maxMeta {
		return "", false
	}
	return roost.Value(b.String()), true
}

// nameIn gives what a board calls itself in its meta.
func nameIn(meta roost.Value) (roost.Value, bool) {
	var m struct {
		Name string `json:"name"`
	}
	if meta == "" || json.Unmarshal([]byte(meta), &m) != nil || short(m.Name) == "" {
		return "", false
	}
	return roost.Text(short(m.Name)), true
}
