package telemetry

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/roost-iot/roost"
)

// Bounds of a log line in bytes; what is longer is cut.
const (
	maxText   = 1000
	maxDetail = 16 << 10
)

// Write adds a line to the log of a thing, at the time it names or now, and tells the
// feed. It never waits and never fails: what there is no room for is left out, and the log
// of the thing says how many lines that were, as soon as there is.
func (t *Telemetry) Write(l roost.LogLine) {
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	if err := t.RecordLine(ctx, l); err != nil {
		t.leftOut(l.Ref)
	}
}

// RecordLine is Write for who can send a line again. Error: roost.Unavailable when too much
// is pending already.
func (t *Telemetry) RecordLine(ctx context.Context, l roost.LogLine) error {
	if err := t.ids.load(ctx, t.store); err != nil {
		return roost.Because(roost.Unavailable, err, "Log lines cannot be stored at present.")
	}
	if l.At.IsZero() {
		l.At = time.Now()
	}
	if l.Level == "" {
		l.Level = "info"
	}
	l.Text, l.Detail = clip(l.Text, maxText), clip(l.Detail, maxDetail)
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.pending
	if len(b.lines) >= t.cfg.MaxLines || b.bytes+lineBytes(&l) > maxPendingBytes {
		return roost.Errorf(roost.Unavailable, "Too many log lines at once; try again in a moment.")
	}
	t.addLine(l)
	return nil
}

// addLine makes a line pending; the caller holds mu.
func (t *Telemetry) addLine(l roost.LogLine) {
	b := t.pending
	t.ids.line++
	l.ID = t.ids.line
	b.lines = append(b.lines, l)
	b.bytes += lineBytes(&l)
	t.publish(&roost.Event{Kind: roost.LogWritten, Ref: l.Ref, At: l.At, Line: &l})
}

// maxLeftOut bounds the things whose lines are counted that were left out.
const maxLeftOut = 10_000

// leftOut counts a line of a thing for which there was no room.
func (t *Telemetry) leftOut(ref roost.Ref) {
	t.dropped.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left == nil {
		t.left = map[roost.Ref]int{}
	}
	if _, ok := t.left[ref]; ok || len(t.left) < maxLeftOut {
		t.left[ref]++
	}
}

// tellLeftOut says in the logs of things what they lack, now that something was written.
// some: something is pending for it.
func (t *Telemetry) tellLeftOut(ctx context.Context) (some bool) {
	t.mu.Lock()
	none := len(t.left) == 0
	t.mu.Unlock()
	if none || t.ids.load(ctx, t.store) != nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for ref, n := range t.left {
		if len(t.pending.lines) >= t.cfg.MaxLines/2 {
			break // the next batch has room, too
		}
		delete(t.left, ref)
		t.addLine(roost.LogLine{
			Ref: ref, At: time.Now(), Level: "warn", Text: fmt.Sprintf("%d lines of this log were left out: too much was to be written at once", n),
		})
		some = true
	}
	return some
}

// LogOf gives the log of a thing with ids under before (0: from the newest), newest
// first, at most 1,000 lines.
func (t *Telemetry) LogOf(ctx context.Context, ref roost.Ref, before int64, limit int) ([]roost.LogLine, error) {
	if limit < 1 || limit > maxMessages {
		limit = maxMessages
	}
	return t.store.Lines(ctx, ref, before, limit)
}

func lineBytes(l *roost.LogLine) int { return len(l.Text) + len(l.Detail) }

// clip cuts s to at most n bytes at the border of a character; what is no UTF-8 is replaced.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
