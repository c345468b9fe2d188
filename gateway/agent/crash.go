package agent

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

// crashed puts what a thing tells of its last end into the inbox and its log; the caller
// holds t.turn. Error: roost.Unavailable: the thing keeps it until it was answered.
func (t *thing) crashed(ctx context.Context, k *wire.Crash, now time.Time) error {
	if k == nil || strings.TrimSpace(k.Text) == "" {
		return nil
	}
	c := t.crash(k.Part, k.Ver, k.Text)
	if c.At = now.UTC(); k.At > 0 && k.At < now.UnixMilli() {
		c.At = timeOf(k.At)
	}
	id := crashID(c)
	a := t.now()
	mark := a.Boot + ":" + id
	if k.At >= a.Booted.UnixMilli() { // it broke in this boot: once more in a line of the log
		mark = lineMark + mark
	}
	if a.Crashed != mark && a.Crashed != logMark+id {
		if err := t.inbox(ctx, id, c, func(a *roost.Agent) { a.Crashed = mark }); err != nil {
			return err
		}
		t.d.write(t.ref, "error", c.Part+" crashed: "+c.Error, c.Text)
	}
	part := roost.PartWorker
	if c.Part == wire.KindOS {
		part = roost.PartOS
	}
	if t.d.cfg.Releases.Report(t.ref, part, false, c.Error+"\n"+c.Text, now) {
		return t.d.cfg.Releases.Keep(ctx, t.ref)
	}
	return nil
}

const (
	// logMark stands before the id of a crash that came as a line of the log: the thing may
	// tell of it again after the boot that follows.
	logMark = "log:"
	// lineMark stands before the mark of a crash that a thing told of as it registered again,
	// in the boot in which it broke: the line of its log is still to come.
	lineMark = "line:"
)

// tracebackIn takes the traceback of a line of the log as a crash of the app. The line is of
// a time by the thing's clock, said: one that comes again may have been counted. Error:
// roost.Unavailable.
func (t *thing) tracebackIn(ctx context.Context, said int64, again bool, detail string, at time.Time) error {
	if !strings.Contains(detail, "Traceback") || again && said <= t.now().CrashLine {
		return nil
	}
	c := t.crash(wire.KindApp, t.now().App.Version, detail)
	if c.At = at; at.After(time.Now()) { // or it would be the latest for ever
		c.At = time.Now().UTC()
	}
	id := crashID(c)
	mark := func(a *roost.Agent) { a.Crashed, a.CrashLine = logMark+id, said }
	if a := t.now(); a.Crashed == lineMark+a.Boot+":"+id {
		return t.change(ctx, mark)
	}
	return t.inbox(ctx, id, c, mark)
}

// crash makes one of a traceback.
func (t *thing) crash(part, version, text string) roost.Crash {
	c := roost.Crash{Ref: t.ref, Version: version, Part: part, Text: strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))}
	if c.Part != wire.KindOS {
		c.Part = wire.KindApp
		s, _ := t.d.cfg.Releases.Software(t.ref)
		if s.App != roost.NoApp {
			c.App = s.App
		}
	}
	c.Error = c.Text[strings.LastIndexByte(c.Text, '\n')+1:]
	if len(c.Error) > 200 {
		c.Error = strings.ToValidUTF8(c.Error[:200], "")
	}
	return c
}

// crashID is the same for crashes of one version with one traceback.
func crashID(c roost.Crash) string {
	d := sha256.Sum256([]byte(strings.Join([]string{string(c.Project), string(c.App), c.Version, c.Part, c.Text}, "\x00")))
	return roost.Spell(d[:10])
}

// inbox keeps a crash in one with the mark by which it is known when it is told again.
// Error: roost.Unavailable.
func (t *thing) inbox(ctx context.Context, id string, c roost.Crash, mark func(a *roost.Agent)) error {
	return t.changeBy(mark, func(next roost.Agent) error { return t.d.cfg.Store.SaveCrash(ctx, id, c, next) })
}

// Crashes gives groups, the latest first, at most limit, 0 for the store's own: of an app, of a thing, of those that
// nobody has seen.
func (d *Door) Crashes(ctx context.Context, p roost.ProjectID, app roost.AppID, thing roost.ThingID, unseen bool, limit int) ([]roost.CrashGroup, error) {
	return d.cfg.Store.Crashes(ctx, p, app, thing, unseen, limit)
}

// SeeCrash marks a group seen; roost.NotFound.
func (d *Door) SeeCrash(ctx context.Context, p roost.ProjectID, id string) error {
	return d.cfg.Store.SeeCrash(ctx, p, id)
}

// DeleteCrash removes a group; roost.NotFound.
func (d *Door) DeleteCrash(ctx context.Context, p roost.ProjectID, id string) error {
	return d.cfg.Store.DeleteCrash(ctx, p, id)
}
