package agent

import (
	"context"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

// heard is what of a queue is there already, by its time in ms.
type heard struct {
	messages map[int64]map[roost.Value]bool
	lines    map[int64]map[string]bool
}

// has tells that an entry, which was to be kept at a time, is there. Values are not
// looked for: the same value at the same time is one reading, however often it is written.
func (h heard) has(e *wire.Entry, at int64) bool {
	for line := range h.lines[at] {
		if strings.HasPrefix(line, notKept) {
			return true // it was left out
		}
	}
	if e.Fault != "" {
		return false
	}
	switch e.Kind {
	case wire.EntryMessage:
		return h.messages[at][e.Body]
	case wire.EntryLog:
		_, text, _, err := e.Line()
		return err == nil && h.lines[at][short(text)]
	}
	return false
}

// short is the beginning of a line: the end of a long one is not kept.
func short(text string) string { return text[:min(len(text), 500)] }

// seen looks for entries that may have come before, which were to be kept at these times.
func (t *thing) seen(ctx context.Context, again []wire.Entry, times []int64) (h heard, err error) {
	h = heard{messages: map[int64]map[roost.Value]bool{}, lines: map[int64]map[string]bool{}}
	var from, to int64 // of messages
	lines := false
	for i := range again {
		lines = lines || again[i].Kind == wire.EntryLog || again[i].Kind == wire.EntryMessage || again[i].Fault != ""
		if again[i].Kind != wire.EntryMessage {
			continue
		}
		if from == 0 {
			from, to = times[i], times[i]
		}
		from, to = min(from, times[i]), max(to, times[i])
	}
	if !lines {
		return h, nil
	}
	if err := t.d.cfg.Telemetry.Settle(ctx); err != nil { // what came a moment ago
		return h, err
	}
	if from != 0 {
		if err := t.seenMessages(ctx, h, timeOf(from), timeOf(to)); err != nil {
			return h, err
		}
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

// seenMessages puts all messages between two times into h.
func (t *thing) seenMessages(ctx context.Context, h heard, from, to time.Time) error {
	const page = 1000
	q := roost.MessageQuery{From: from, To: to, Oldest: true, Limit: page}
	for {
		there, err := t.d.cfg.Telemetry.Messages(ctx, t.ref, q)
		if err != nil {
			return err
		}
		for _, m := range there {
			at := m.At.UnixMilli()
			if h.messages[at] == nil {
				h.messages[at] = map[roost.Value]bool{}
			}
			h.messages[at][m.Data] = true
		}
		if len(there) < page {
			return nil
		}
		q.After = there[len(there)-1].ID
	}
}
