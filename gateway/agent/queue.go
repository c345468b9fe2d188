package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

// takeQueue takes the entries of a sync and gives the time up to which they are on disk;
// the caller holds t.turn. Entries that were sent before are looked for first. What is
// of no use is left out with a line in the log: it would hold up all that follows. Error:
// roost.Unavailable when nothing can be kept.
func (t *thing) takeQueue(ctx context.Context, q wire.Sync) (upto int64, err error) {
	if len(q.Queue) == 0 {
		return 0, nil
	}
	seen, err := t.seen(ctx, q.Queue[:q.Again])
	if err != nil {
		return 0, err
	}
	for i := range q.Queue {
		e := &q.Queue[i]
		if i < q.Again && seen.has(e) {
			upto = e.At
			continue
		}
		if err = t.takeEntry(ctx, e); err != nil {
			break
		}
		upto = e.At
	}
	if upto == 0 {
		return 0, err
	}
	if err := t.d.cfg.Telemetry.Settle(ctx); err != nil {
		return 0, err
	}
	return upto, nil
}

// takeEntry gives an entry to the rooms. Error: one after which it is worth sending again.
func (t *thing) takeEntry(ctx context.Context, e *wire.Entry) error {
	fault, err := e.Fault, error(nil)
	if fault == "" {
		switch e.Kind {
		case wire.EntryValues:
			err = t.report(ctx, e.At, e.Body)
		case wire.EntryMessage:
			err = t.message(ctx, e)
		case wire.EntryLog:
			level, text, detail, _ := e.Line() // a fault stood in e.Fault
			t.d.cfg.Telemetry.Write(roost.LogLine{Ref: t.ref, At: timeOf(e.At), Level: level, Text: text, Detail: detail})
			if level == "error" {
				t.tracebackIn(ctx, detail, timeOf(e.At))
			}
		}
	}
	switch roost.KindOf(err) {
	case roost.Invalid, roost.TooLarge:
		fault = roost.Message(err)
	default:
		if err != nil {
			return err
		}
	}
	if fault != "" {
		t.d.write(t.ref, "warn", fmt.Sprintf("sent something that is not kept: %s", fault), "")
	}
	return nil
}

func timeOf(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// report records the values of an object at a time.
func (t *thing) report(ctx context.Context, at int64, object roost.Value) error {
	settable := map[string]bool{}
	for _, name := range t.now().Settable {
		settable[name] = true
	}
	var values []roost.Resource
	for _, p := range wire.Scalars(object) {
		values = append(values, roost.Resource{Name: p.Name, Value: p.Value, At: timeOf(at), Writable: settable[p.Name]})
	}
	if len(values) == 0 {
		return nil
	}
	return t.d.cfg.Core.Report(ctx, t.ref, values)
}

// message keeps a worker message; its numbers become readings too.
func (t *thing) message(ctx context.Context, e *wire.Entry) error {
	s, _ := t.d.cfg.Releases.Software(t.ref)
	err := t.d.cfg.Telemetry.RecordMessage(ctx, roost.WorkerMessage{Ref: t.ref, App: s.App, At: timeOf(e.At), Data: e.Body})
	if err != nil {
		return err
	}
	if err := t.report(ctx, e.At, e.Body); err != nil { // the message itself is kept
		t.d.cfg.Log.Warn("readings lost", "thing", string(t.ref.Thing), "protocol", doorName, "err", err)
	}
	return nil
}

// heard is what of a queue is there already.
type heard struct {
	messages map[int64]bool
	lines    map[int64]map[string]bool
}

// has tells that an entry is there. Values are not looked for: the same value at the same
// time is one reading, however often it is written.
func (h heard) has(e *wire.Entry) bool {
	switch e.Kind {
	case wire.EntryMessage:
		return h.messages[e.At]
	case wire.EntryLog:
		_, text, _, err := e.Line()
		return err == nil && h.lines[e.At][short(text)]
	}
	return false
}

// short is the beginning of a line: the end of a long one is not kept.
func short(text string) string { return text[:min(len(text), 500)] }

// seen looks for entries that were sent before.
func (t *thing) seen(ctx context.Context, again []wire.Entry) (h heard, err error) {
	var messages, lines bool
	for i := range again {
		messages = messages || again[i].Kind == wire.EntryMessage
		lines = lines || again[i].Kind == wire.EntryLog
	}
	if !messages && !lines {
		return h, nil
	}
	if err := t.d.cfg.Telemetry.Settle(ctx); err != nil { // what came a moment ago
		return h, err
	}
	h = heard{messages: map[int64]bool{}, lines: map[int64]map[string]bool{}}
	if messages {
		there, err := t.d.cfg.Telemetry.Messages(ctx, t.ref, roost.MessageQuery{From: timeOf(again[0].At), To: timeOf(again[len(again)-1].At)})
		if err != nil {
			return h, err
		}
		for _, m := range there {
			h.messages[m.At.UnixMilli()] = true
		}
	}
	if !lines {
		return h, nil
	}
	there, err := t.d.cfg.Telemetry.LogOf(ctx, t.ref, 0, 0)
	for _, l := range there {
		at := l.At.UnixMilli()
		if h.lines[at] == nil {
			h.lines[at] = map[string]bool{}
		}
		h.lines[at][short(l.Text)] = true
	}
	return h, err
}
