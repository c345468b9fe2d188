package board

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
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

type registered struct {
	OK       bool  `json:"ok"`
	Interval int64 `json:"heartbeat_ms"`
}

// find gives the board of an id that it was given at its first boot, as it comes back.
func (d *Door) find(ctx context.Context, c *call, id, mac string) (*board, error) {
	if id == "" {
		return nil, missing("device_id")
	}
	if !d.calls.Take("id "+short(id), c.now) {
		return nil, tooOften()
	}
	t, _, ok := d.cfg.Registry.Get(roost.Ref{Project: d.cfg.Project, Thing: roost.ThingID(id)})
	if !ok || t.Identity.Door != doorName {
		return nil, roost.Errorf(roost.NotFound, "There is no board %q here; it gets its id when it boots.", short(id))
	}
	if clean, _ := cleanMAC(mac); mac != "" && clean != t.Identity.Own {
		return nil, roost.Errorf(roost.Conflict, "Board %s has another MAC: two boards use one id.", short(id))
	}
	admits := false
	if w, ok := d.cfg.Releases.Wanted(t.Ref); ok {
		admits = w.App.Admits
	}
	return d.arrive(ctx, c, t.Identity.Own, t.Thing, admits)
}

// register takes what a board says of itself after a boot.
func (d *Door) register(ctx context.Context, c *call) (answer, error) {
	var q registration
	if err := c.decode(&q); err != nil {
		return answer{}, err
	}
	b, err := d.find(ctx, c, q.DeviceID, q.MAC)
	if err != nil {
		return answer{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.facts
	if f.MAC == "" {
		t, _, _ := d.cfg.Registry.Get(f.Ref)
		f.MAC = t.Identity.Own
	}
	said(&f.AppType, q.AppType)
	said(&f.DeviceType, q.DeviceType)
	said(&f.Firmware, q.Firmware)
	said(&f.Version, roost.Value(q.Version).AsText())
	said(&f.IP, q.IP)
	f.Interval, b.port = interval(q.Interval), port(q.Port)
	if meta, ok := object(q.Meta); ok {
		f.Meta = meta
	} else if len(q.Meta) > 0 && string(q.Meta) != "null" {
		d.write(f.Ref, "warn", fmt.Sprintf("tells a meta that is not kept: it is no object of at most %d bytes", maxMeta))
	}
	if err := b.keep(ctx, f); err != nil {
		return answer{}, err
	}
	b.booted(ctx)
	if app, ok := d.cfg.Releases.BoardApp(d.cfg.Project, f.AppType); ok {
		if _, known := d.cfg.Releases.Software(f.Ref); !known {
			if err := b.bind(ctx, app, "0", c.remote, false); err != nil {
				return answer{}, err
			}
		}
	}
	if name, ok := nameIn(f.Meta); ok {
		if err := d.cfg.Core.Report(ctx, f.Ref, []roost.Resource{{Name: "name", Value: name}}); err != nil && roost.KindOf(err) != roost.Invalid {
			return answer{}, err
		}
	}
	d.cfg.Releases.Contact(f.Ref, c.now)
	d.write(f.Ref, "info", strings.TrimSpace("registered: firmware "+f.Firmware))
	return answer{body: registered{OK: true, Interval: d.interval(f.Ref).Milliseconds()}}, nil
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

// beat is a heartbeat.
type beat struct {
	DeviceID  string                     `json:"device_id"`
	MAC       string                     `json:"mac"`
	Uptime    json.RawMessage            `json:"uptime_ms"`
	FreeMem   json.RawMessage            `json:"free_mem"`
	RSSI      json.RawMessage            `json:"rssi"`
	IP        string                     `json:"ip"`
	Firmware  string                     `json:"firmware"`
	Interval  float64                    `json:"heartbeat_ms"`
	Port      float64                    `json:"http_port"`
	Telemetry map[string]json.RawMessage `json:"telemetry"`
}

type beaten struct {
	OK      bool              `json:"ok"`
	Epoch   int64             `json:"epoch"`
	Files   map[string]string `json:"files,omitempty"`
	Order   []string          `json:"order,omitempty"`
	Restart bool              `json:"restart,omitempty"`
}

// heartbeat takes telemetry, and gives a board its hotfixes and a restart.
func (d *Door) heartbeat(ctx context.Context, c *call) (answer, error) {
	var q beat
	if err := c.decode(&q); err != nil {
		return answer{}, err
	}
	b, err := d.find(ctx, c, q.DeviceID, q.MAC)
	if err != nil {
		return answer{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.facts
	if f.MAC == "" {
		t, _, _ := d.cfg.Registry.Get(f.Ref)
		f.MAC = t.Identity.Own
	}
	said(&f.Firmware, q.Firmware)
	said(&f.IP, q.IP)
	if every := interval(q.Interval); every > 0 {
		f.Interval = every
	}
	if at := port(q.Port); at > 0 {
		b.port = at
	}
	if err := b.keep(ctx, f); err != nil {
		return answer{}, err
	}
	if err := d.cfg.Core.Report(ctx, f.Ref, q.values()); err != nil && roost.KindOf(err) != roost.Invalid {
		return answer{}, err // with Invalid, one resource too many, the others are kept
	}
	d.cfg.Releases.Contact(f.Ref, c.now)
	return b.bring(ctx, c)
}

// mostName is the longest name of a resource in bytes.
const mostName = 64

// values gives what a heartbeat tells as resources, by name. Telemetry comes before what
// the platform tells by the same name.
func (q *beat) values() []roost.Resource {
	all := map[string]json.RawMessage{"uptime_ms": q.Uptime, "free_mem": q.FreeMem, "rssi": q.RSSI}
	for name, v := range q.Telemetry {
		all[name] = v
	}
	var out []roost.Resource
	for name, raw := range all {
		var b bytes.Buffer
		if name == "" || len(name) > mostName || name != short(name) || len(raw) == 0 || string(raw) == "null" || json.Compact(&b, raw) != nil {
			continue
		}
		out = append(out, roost.Resource{Name: name, Value: roost.Value(b.String())})
	}
	slices.SortFunc(out, func(a, b roost.Resource) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// bring gives a board what waits for it; the caller holds b.mu.
func (b *board) bring(ctx context.Context, c *call) (answer, error) {
	a := beaten{OK: true, Epoch: c.now.Unix()}
	due := b.due(true)
	var lost error
	if len(due) > 0 {
		if lost = b.bringFiles(ctx, &a, due); lost != nil {
			a.Order = nil
			b.d.cfg.Log.Log(ctx, gateway.Fault(ctx), "hotfix not served", "thing", string(b.ref.Thing), "protocol", doorName, "err", lost)
		}
	}
	cmd, restart := b.restart(ctx)
	a.Restart = restart
	return answer{body: a, sent: func(err error) {
		if err != nil && restart {
			b.d.cfg.Commands.PutBack(cmd.Ref, cmd.ID)
		}
		if err == nil && len(a.Order) > 0 {
			b.d.write(b.ref, "info", "gets by its heartbeat: "+strings.Join(a.Order, ", "))
		}
		b.given(context.WithoutCancel(ctx), due, errors.Join(lost, err), c.now)
	}}, nil
}

// bringFiles puts into a heartbeat's answer the files of hotfixes that wait, and the
// app's own where one was taken back.
func (b *board) bringFiles(ctx context.Context, a *beaten, due []*roost.Hotfix) error {
	commit, files, err := b.wanted(ctx)
	if err != nil {
		return err
	}
	names := map[string]bool{}
	for _, h := range due {
		for _, f := range h.Files {
			names[f.Name] = names[f.Name] || !f.Over
		}
	}
	files = slices.DeleteFunc(files, func(f wantedFile) bool { return !names[f.name] })
	need := lacking(files, nil, true)
	texts := map[string]string{}
	for _, f := range need {
		if texts[f.name], err = b.content(ctx, commit, f); err != nil {
			return err
		}
		a.Order = append(a.Order, f.name)
	}
	a.Files = texts
	return nil
}

// restart gives the restart that a board is asked for, until it has booted.
func (b *board) restart(ctx context.Context) (roost.Command, bool) {
	if cmd, ok := b.d.cfg.Commands.Fetched(b.ref); ok {
		return cmd, cmd.Kind == roost.Restart // it got no answer, or it lives on: once more
	}
	for {
		cmd, ok := b.d.cfg.Commands.Fetch(ctx, b.ref)
		if !ok || cmd.Kind == roost.Restart {
			return cmd, ok
		}
		_ = b.d.cfg.Core.Answer(ctx, gateway.Answer{
			Ref: cmd.Ref, ID: cmd.ID, State: roost.Failed, Error: "A board takes no messages and has no shell here.",
		})
	}
}
