// Package telemetry takes readings and keeps them: numbers and booleans as
// series of points, text and other JSON as they were sent. It keeps the messages of
// worker tasks and the logs of things as well. Writing is batched: a batch is one
// transaction, and whoever needs to know waits for it.
package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/store/series"
)

// Config bounds what is pending. Its zero value works.
type Config struct {
	// MaxPending is how many readings may wait to be written, 131,072 by default;
	// beyond it Record refuses.
	MaxPending int
	// BatchEvery is the longest that a reading waits for its batch, 50 ms by default.
	BatchEvery time.Duration
	// MaxSeries bounds the resources of which one thing has readings, 1,024 by default;
	// those of more are dropped. A thing that names new ones at every restart would
	// fill the disk.
	MaxSeries int
	// Commit holds Record and RecordMessage until the batch is on disk (durability "commit").
	Commit bool
	// MaxLines is how many log lines may wait to be written, 10,000 by default.
	MaxLines int
	// Messages is how many messages are kept of a thing, 100,000 by default.
	Messages int
	// Lines is how many lines are kept of the log of a thing, 1,000 by default.
	Lines int
	// Feed is told of messages and log lines; nil: nobody is.
	Feed *live.Feed
}

func (c *Config) fill() {
	if c.MaxPending <= 0 {
		c.MaxPending = 1 << 17
	}
	if c.BatchEvery <= 0 {
		c.BatchEvery = 50 * time.Millisecond
	}
	if c.MaxSeries <= 0 {
		c.MaxSeries = 1024
	}
	if c.MaxLines <= 0 {
		c.MaxLines = 10_000
	}
	if c.Messages <= 0 {
		c.Messages = 100_000
	}
	if c.Lines <= 0 {
		c.Lines = 1000
	}
}

// batchSize is how many readings end the wait for a batch early.
const batchSize = 5000

// maxAhead is how far into the future a reading's time may be; beyond it becomes now. Doors
// that keep the times of things to 5 minutes ahead have room to put entries behind each other.
const maxAhead = 6 * time.Minute

// Telemetry is the room. Its methods may be called from many goroutines.
type Telemetry struct {
	store   Store
	numbers *series.DB
	cfg     Config
	log     *slog.Logger

	mu      sync.Mutex
	pending *batch
	spare   []roost.Reading   // of a batch that was written: room for the next
	kick    chan struct{}     // tells Run that a batch is full
	broken  bool              // the last write failed
	under   *batch            // being written; nil: none
	left    map[roost.Ref]int // log lines for which there was no room, by thing

	writing sync.Mutex // held while a batch is written, or a thing dropped; taken before mu

	names names // which number a series has; only the writing goroutine adds

	ids  ids // of messages and lines; given under mu
	trim trimmer

	recorded, refused, clamped, dropped atomic.Uint64
}

// batch is what one transaction writes.
type batch struct {
	readings []roost.Reading
	messages []roost.WorkerMessage
	lines    []roost.LogLine
	bytes    int             // of messages and lines
	done     chan struct{}   // closed when written
	joined   []chan struct{} // of batches whose readings moved into this one
}

// newBatch makes a batch whose readings go where there is room for them, if any is.
func newBatch(room []roost.Reading) *batch {
	return &batch{readings: room[:0], done: make(chan struct{})}
}

// empty tells that b need not be written.
func (b *batch) empty() bool { return len(b.readings)+len(b.messages)+len(b.lines) == 0 }

// full tells that b is not to wait for more.
func (b *batch) full() bool { return len(b.readings)+len(b.messages) >= batchSize }

// prepend makes all of b, which could not be written, come before what l holds.
func (b *batch) prepend(l *batch) {
	b.readings = append(b.readings, l.readings...)
	b.messages = append(b.messages, l.messages...)
	b.lines = append(b.lines, l.lines...)
	b.bytes += l.bytes
	b.joined = append(b.joined, l.done)
}

// end lets go all who wait for b.
func (b *batch) end() {
	close(b.done)
	for _, done := range b.joined {
		close(done)
	}
}

// New makes the room over its two stores. Run must be running for anything to be written.
func New(store Store, numbers *series.DB, cfg Config, log *slog.Logger) *Telemetry {
	cfg.fill()
	return &Telemetry{
		store: store, numbers: numbers, cfg: cfg, log: log,
		pending: newBatch(nil), kick: make(chan struct{}, 1),
		names: newNames(cfg.MaxSeries, log), trim: newTrimmer(),
	}
}

// Record takes the values of one thing. With Config.Commit it returns when they are
// on disk. Errors: roost.Unavailable when too much is pending already, or the context's.
func (t *Telemetry) Record(ctx context.Context, ref roost.Ref, values []roost.Resource) error {
	if len(values) == 0 {
		return nil // nothing that a batch would be written for
	}
	ahead := time.Now().Add(maxAhead)
	t.mu.Lock()
	b := t.pending
	if len(b.readings)+len(values) > t.cfg.MaxPending {
		broken := t.broken
		t.mu.Unlock()
		t.refused.Add(uint64(len(values)))
		if broken {
			return roost.Errorf(roost.Unavailable, "Readings cannot be stored at present: the store does not take them.")
		}
		return roost.Errorf(roost.Unavailable, "Too many readings at once; try again in a moment.")
	}
	for _, v := range values {
		at := v.At
		if at.After(ahead) {
			at = ahead.Add(-maxAhead)
			t.clamped.Add(1)
		}
		b.readings = append(b.readings, roost.Reading{Ref: ref, Resource: v.Name, Value: v.Value, At: at})
	}
	full := b.full()
	t.mu.Unlock()
	return t.written(ctx, b, full)
}

// written gets b written soon if it is full, and waits for it with Config.Commit.
func (t *Telemetry) written(ctx context.Context, b *batch, full bool) error {
	if full || t.cfg.Commit {
		t.hurry()
	}
	if !t.cfg.Commit {
		return nil
	}
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hurry makes Run write what is pending.
func (t *Telemetry) hurry() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// Stats is what the System page shows of readings, since the start.
type Stats struct {
	Recorded uint64 // written, messages too
	Refused  uint64 // turned away because too much was pending
	Clamped  uint64 // their time was too far in the future
	Dropped  uint64 // of resources beyond MaxSeries; log lines for which there was no room
	Pending  int
}

// Stats counts.
func (t *Telemetry) Stats() Stats {
	t.mu.Lock()
	pending := len(t.pending.readings) + len(t.pending.messages)
	t.mu.Unlock()
	return Stats{Recorded: t.recorded.Load(), Refused: t.refused.Load(), Clamped: t.clamped.Load(), Dropped: t.dropped.Load(), Pending: pending}
}
