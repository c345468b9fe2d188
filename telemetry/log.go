package telemetry

import (
	"context"
	"strings"
	"time"

	"github.com/roost-iot/roost"
)

// Bounds of a log line in bytes; what is longer is cut.
const (
	maxText   = 1000
	maxDetail = 16 << 10
)

// maxLines is how many log lines may wait to be written; more are dropped and counted.
const maxLines = 10_000

// Write adds a line to the log of a thing, at the time it names or now, and tells the
// feed. It never waits and never fails: a log that cannot be kept loses lines.
func (t *Telemetry) Write(l roost.LogLine) {
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	if err := t.ids.load(ctx, t.store); err != nil {
		t.dropped.Add(1)
		return
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
	if len(b.lines) >= maxLines || b.bytes+lineBytes(&l) > maxPendingBytes {
		t.dropped.Add(1)
		return
	}
	t.ids.line++
	l.ID = t.ids.line
	b.lines = append(b.lines, l)
	b.bytes += lineBytes(&l)
	t.publish(&roost.Event{Kind: roost.LogWritten, Ref: l.Ref, At: l.At, Line: &l})
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
