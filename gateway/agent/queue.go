package agent

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

// takeQueue takes the entries of a sync and gives the time up to which they are on disk;
// the caller holds t.turn. Entries that may have come before are looked for first. What is
// of no use is left out with a line in the log: it would hold up all that follows. Error:
// roost.Unavailable when nothing can be kept.
func (t *thing) takeQueue(ctx context.Context, q wire.Sync) (upto int64, err error) {
	if len(q.Queue) == 0 {
		return 0, nil
	}
	again := max(q.Again, t.stale(q.Queue)) // a call that was held up on its way brings what came since
	times, err := t.timesOf(ctx, q.Queue, again)
	if err != nil {
		return 0, err
	}
	seen, err := t.seen(ctx, q.Queue[:again], times)
	if err != nil {
		return 0, err
	}
	for i := range q.Queue {
		e := &q.Queue[i]
		if i < again && seen.has(e, times[i]) {
			upto = e.At
			continue
		}
		if err = t.takeEntry(ctx, e, timeOf(times[i]), i < again); err != nil {
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
	t.took(upto)
	return upto, nil
}

// stale counts the entries at the head of a queue that are not newer than what the thing
// sent since it booted.
func (t *thing) stale(queue []wire.Entry) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n < len(queue) && queue[n].At <= t.newest {
		n++
	}
	return n
}

// took notes that the entries to a time were taken.
func (t *thing) took(upto int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.newest = max(t.newest, upto)
}

// notKept begins the line about an entry that is left out.
const notKept = "sent something that is not kept: "

// takeEntry gives an entry to the rooms, at a time. again: parts of it may have been taken
// before. Error: one after which it is worth sending again.
func (t *thing) takeEntry(ctx context.Context, e *wire.Entry, at time.Time, again bool) error {
	fault, err := e.Fault, error(nil)
	if fault == "" {
		switch e.Kind {
		case wire.EntryValues:
			err = t.report(ctx, at, e.Body)
		case wire.EntryMessage:
			err = t.message(ctx, at, e.Body)
		case wire.EntryLog:
			err = t.line(ctx, e, at, again)
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
	if fault == "" {
		return nil
	}
	return t.d.cfg.Telemetry.RecordLine(ctx, roost.LogLine{Ref: t.ref, At: at, Level: "warn", Text: notKept + fault})
}

func timeOf(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// report records the values of an object at a time.
func (t *thing) report(ctx context.Context, at time.Time, object roost.Value) error {
	settable := map[string]bool{}
	for _, name := range t.now().Settable {
		settable[name] = true
	}
	var values []roost.Resource
	for _, p := range wire.Scalars(object) {
		values = append(values, roost.Resource{Name: p.Name, Value: p.Value, At: at, Writable: settable[p.Name]})
	}
	if len(values) == 0 {
		return nil
	}
	return t.d.cfg.Core.Report(ctx, t.ref, values)
}

// message keeps a worker message. Its numbers become readings too, and that first: where
// the message is, they are. An error may be of some of these only, roost.Invalid or
// roost.TooLarge: the message is kept then.
func (t *thing) message(ctx context.Context, at time.Time, body roost.Value) error {
	unfit := t.report(ctx, at, body)
	switch roost.KindOf(unfit) {
	case roost.Invalid, roost.TooLarge: // the message itself is good
	default:
		if unfit != nil {
			return unfit
		}
	}
	s, _ := t.d.cfg.Releases.Software(t.ref)
	err := t.d.cfg.Telemetry.RecordMessage(ctx, roost.WorkerMessage{Ref: t.ref, App: s.App, At: at, Data: body})
	if err != nil {
		return err
	}
	return unfit
}

// line keeps a line of the thing's log. What it tells of a crash comes first: where the line
// is, that is.
func (t *thing) line(ctx context.Context, e *wire.Entry, at time.Time, again bool) error {
	level, text, detail, _ := e.Line() // a fault stood in e.Fault
	if level == "error" {
		if err := t.tracebackIn(ctx, e.At, again, detail, at); err != nil {
			return err
		}
	}
	return t.d.cfg.Telemetry.RecordLine(ctx, roost.LogLine{Ref: t.ref, At: at, Level: level, Text: text, Detail: detail})
}
