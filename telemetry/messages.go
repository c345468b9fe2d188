package telemetry

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/roost-iot/roost"
)

// MessageQuery says which messages of a thing are wanted.
type MessageQuery = roost.MessageQuery

const (
	// maxMessage is the longest message in bytes.
	maxMessage = 64 << 10
	// maxMessages bounds the messages of one answer.
	maxMessages = 1000
	// maxPendingBytes bounds the messages and log lines that wait to be written.
	maxPendingBytes = 64 << 20
)

// RecordMessage keeps what the worker task of a thing sent, at the time it names or
// now. Two messages of the same time are two. The feed is told at once; with
// Config.Commit RecordMessage returns when the message is on disk. Errors:
// roost.Invalid for what is no JSON, roost.TooLarge over 64 KiB, roost.Unavailable
// when too much is pending already, or the context's.
func (t *Telemetry) RecordMessage(ctx context.Context, m roost.WorkerMessage) error {
	switch {
	case len(m.Data) > maxMessage:
		return roost.Errorf(roost.TooLarge, "A message has at most 64 KiB; this one has %d bytes.", len(m.Data))
	case !json.Valid([]byte(m.Data)):
		return roost.Errorf(roost.Invalid, "A message is JSON.")
	}
	if err := t.ids.load(ctx, t.store); err != nil {
		return roost.Because(roost.Unavailable, err, "Messages cannot be stored at present.")
	}
	now := time.Now()
	if m.At.IsZero() {
		m.At = now
	} else if m.At.After(now.Add(maxAhead)) {
		m.At = now
		t.clamped.Add(1)
	}
	t.mu.Lock()
	b := t.pending
	if len(b.messages) >= t.cfg.MaxPending || b.bytes+len(m.Data) > maxPendingBytes {
		t.mu.Unlock()
		t.refused.Add(1)
		return roost.Errorf(roost.Unavailable, "Too many messages at once; try again in a moment.")
	}
	t.ids.message++
	m.ID = t.ids.message
	b.messages = append(b.messages, m)
	b.bytes += len(m.Data)
	t.publish(&roost.Event{Kind: roost.MessageArrived, Ref: m.Ref, At: m.At, Message: &m}) // under mu: in the order of ids
	full := b.full()
	t.mu.Unlock()
	return t.written(ctx, b, full)
}

func (t *Telemetry) publish(e *roost.Event) {
	if t.cfg.Feed != nil {
		t.cfg.Feed.Publish(e)
	}
}

// Messages gives messages of a thing, at most 1,000. What was recorded less than
// Config.BatchEvery ago may not be among them.
func (t *Telemetry) Messages(ctx context.Context, ref roost.Ref, q MessageQuery) ([]roost.WorkerMessage, error) {
	if q.Limit < 1 || q.Limit > maxMessages {
		q.Limit = maxMessages
	}
	return t.store.Messages(ctx, ref, q)
}

// CountMessages counts the messages that are kept of all things of a project.
func (t *Telemetry) CountMessages(ctx context.Context, project roost.ProjectID) (int64, error) {
	return t.store.CountMessages(ctx, project)
}

// writeTold writes messages and log lines of a batch, and marks whose are to be trimmed.
func (t *Telemetry) writeTold(ctx context.Context, b *batch) error {
	if len(b.messages) > 0 {
		if err := t.store.SaveMessages(ctx, b.messages); err != nil {
			return fmt.Errorf("save messages: %w", err)
		}
	}
	if len(b.lines) > 0 {
		if err := t.store.SaveLines(ctx, b.lines); err != nil {
			return fmt.Errorf("save log lines: %w", err)
		}
	}
	for i := range b.messages {
		t.trim.count(b.messages[i].Ref, ofMessages, t.cfg.Messages)
	}
	for i := range b.lines {
		t.trim.count(b.lines[i].Ref, ofLines, t.cfg.Lines)
	}
	t.recorded.Add(uint64(len(b.messages)))
	b.messages, b.lines = nil, nil
	return nil
}

// dropTold forgets pending messages and log lines of a thing; the caller holds mu and writing.
func (t *Telemetry) dropTold(ref roost.Ref) {
	b := t.pending
	b.messages = slices.DeleteFunc(b.messages, func(m roost.WorkerMessage) bool { return m.Ref == ref })
	b.lines = slices.DeleteFunc(b.lines, func(l roost.LogLine) bool { return l.Ref == ref })
	b.bytes = 0
	for i := range b.messages {
		b.bytes += len(b.messages[i].Data)
	}
	for i := range b.lines {
		b.bytes += lineBytes(&b.lines[i])
	}
	delete(t.left, ref)
	t.trim.forget(ref)
}
