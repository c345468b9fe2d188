package board

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
)

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

// beaten answers a heartbeat.
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
	said(&f.Firmware, q.Firmware)
	said(&f.IP, q.IP)
	if c.every > 0 {
		f.Interval = c.every
	}
	if at := port(q.Port); at > 0 {
		b.port = at
	}
	if err := b.keep(ctx, f); err != nil {
		return answer{}, err
	}
	if err := b.report(ctx, q.values()); err != nil {
		return answer{}, err
	}
	d.cfg.Releases.Contact(f.Ref, c.now)
	return b.bring(ctx, c), nil
}

// mostName is the longest name of a resource in bytes.
const mostName = 64

// values gives what a heartbeat tells as resources, by name. Telemetry comes before what
// the platform tells by the same name.
func (q *beat) values() []roost.Resource {
	all := map[string]json.RawMessage{"uptime_ms": q.Uptime, "free_mem": q.FreeMem, "rssi": q.RSSI}
	maps.Copy(all, q.Telemetry)
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
func (b *board) bring(ctx context.Context, c *call) answer {
	a := beaten{OK: true, Epoch: c.now.Unix()}
	due, lost := b.bringFiles(ctx, &a)
	if lost != nil {
		b.d.cfg.Log.Log(ctx, gateway.Fault(ctx), "hotfix not served", "thing", string(b.ref.Thing), "protocol", doorName, "err", lost)
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
	}}
}

// bringFiles puts into a heartbeat's answer the files of hotfixes that wait, and the
// app's own where one was taken back. It gives these hotfixes, as due does.
func (b *board) bringFiles(ctx context.Context, a *beaten) (due []*roost.Hotfix, err error) {
	if !slices.ContainsFunc(b.fixes, waits) {
		return nil, nil
	}
	commit, files, err := b.wanted(ctx) // before due: what the app has overtaken does not go out
	if err != nil {
		return nil, err
	}
	due = b.due(true)
	names := map[string]bool{}
	for _, h := range due {
		for _, f := range h.Files {
			names[f.Name] = names[f.Name] || !f.Over
		}
	}
	files = slices.DeleteFunc(files, func(f wantedFile) bool { return !names[f.name] })
	texts := map[string]string{}
	var order []string
	for _, f := range lacking(files, nil, true) {
		if texts[f.name], err = b.content(ctx, commit, f); err != nil {
			return due, err
		}
		order = append(order, f.name)
	}
	a.Files, a.Order = texts, order
	return due, nil
}

// restart gives the restart that a board is asked for, until it has booted: one whose
// answer was lost, or that lives on, gets it once more. Other commands fail.
func (b *board) restart(ctx context.Context) (roost.Command, bool) {
	for {
		cmd, ok := b.d.cfg.Commands.Fetched(b.ref)
		if !ok {
			cmd, ok = b.d.cfg.Commands.Fetch(ctx, b.ref)
		}
		if !ok || cmd.Kind == roost.Restart {
			return cmd, ok
		}
		err := b.d.cfg.Core.Answer(ctx, gateway.Answer{
			Ref: cmd.Ref, ID: cmd.ID, State: roost.Failed, Error: "A board takes no messages and has no shell here.",
		})
		if err != nil { // it stays given, and fails with the next heartbeat
			b.d.cfg.Log.Log(ctx, gateway.Fault(ctx), "end of a command lost", "thing", string(cmd.Thing), "protocol", doorName, "err", err)
			return roost.Command{}, false
		}
	}
}
