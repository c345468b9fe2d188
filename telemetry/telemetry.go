// Package telemetry takes readings and keeps them: numbers and booleans as
// series of points, text and other JSON as they were sent. Writing is batched:
// a batch is one transaction, and whoever needs to know waits for it.
package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
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
	// Commit holds Record until its batch is on disk (durability "commit").
	Commit bool
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
}

// batchSize is how many readings end the wait for a batch early.
const batchSize = 5000

// maxAhead is how far into the future a reading's time may be; beyond it becomes now.
const maxAhead = 5 * time.Minute

// Telemetry is the room. Its methods may be called from many goroutines.
type Telemetry struct {
	store   Store
	numbers *series.DB
	cfg     Config
	log     *slog.Logger

	mu      sync.Mutex
	pending *batch
	spare   []roost.Reading // of a batch that was written: room for the next
	kick    chan struct{}   // tells Run that a batch is full
	broken  bool            // the last write failed
	under   *batch          // being written; nil: none

	writing sync.Mutex // held while a batch is written, or a thing dropped; taken before mu

	names names // which number a series has; only the writing goroutine adds

	recorded, refused, clamped, dropped atomic.Uint64
}

// batch is what one transaction writes.
type batch struct {
	readings []roost.Reading
	done     chan struct{}   // closed when written
	joined   []chan struct{} // of batches whose readings moved into this one
}

// newBatch makes a batch whose readings go where there is room for them, if any is.
func newBatch(room []roost.Reading) *batch {
	return &batch{readings: room[:0], done: make(chan struct{})}
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
		names: newNames(cfg.MaxSeries, log),
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
	full := len(b.readings) >= batchSize
	t.mu.Unlock()
	if full || t.cfg.Commit {
		select {
		case t.kick <- struct{}{}:
		default:
		}
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

// Stats is what the System page shows of readings, since the start.
type Stats struct {
	Recorded uint64 // written
	Refused  uint64 // turned away because too much was pending
	Clamped  uint64 // their time was too far in the future
	Dropped  uint64 // of resources beyond MaxSeries
	Pending  int
}

// Stats counts.
func (t *Telemetry) Stats() Stats {
	t.mu.Lock()
	pending := len(t.pending.readings)
	t.mu.Unlock()
	return Stats{Recorded: t.recorded.Load(), Refused: t.refused.Load(), Clamped: t.clamped.Load(), Dropped: t.dropped.Load(), Pending: pending}
}
