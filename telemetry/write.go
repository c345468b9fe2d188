package telemetry

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/store/series"
)

// retryEvery is how long a batch that could not be written waits for its next try.
const retryEvery = time.Second

// Run writes batches until ctx ends, then what is left.
func (t *Telemetry) Run(ctx context.Context) {
	var trimming sync.WaitGroup
	trimming.Go(func() { t.trimAll(ctx) })
	defer trimming.Wait()
	tick := time.NewTicker(t.cfg.BatchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-t.kick:
		case <-ctx.Done():
			last, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer stop()
			err := t.flush(last)
			if err == nil && t.tellLeftOut(last) {
				err = t.flush(last)
			}
			if err != nil {
				t.log.Error("readings lost at the end", "err", err)
			}
			return
		}
		t.flushOrRetry(ctx)
	}
}

// Settle returns when all that was recorded before is written. Errors: the context's.
func (t *Telemetry) Settle(ctx context.Context) error {
	var waits []chan struct{}
	t.mu.Lock()
	if t.under != nil {
		waits = append(waits, t.under.done)
	}
	if !t.pending.empty() {
		waits = append(waits, t.pending.done)
	}
	t.mu.Unlock()
	if len(waits) == 0 {
		return nil
	}
	t.hurry()
	for _, done := range waits {
		select {
		case <-done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// flushOrRetry writes what is pending; while the store refuses it tries again,
// and what comes meanwhile is pending up to its bound.
func (t *Telemetry) flushOrRetry(ctx context.Context) {
	err := t.flush(ctx)
	if err == nil {
		t.tellLeftOut(ctx)
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	t.log.Error("readings not stored; trying again", "pending", t.Stats().Pending, "err", err)
	select {
	case <-time.After(retryEvery):
	case <-ctx.Done():
	}
}

// flush writes the pending batch. One that cannot be written becomes pending
// again, in front of what came meanwhile.
func (t *Telemetry) flush(ctx context.Context) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.mu.Lock()
	b := t.pending
	if b.empty() {
		t.mu.Unlock()
		return nil
	}
	t.pending, t.spare, t.under = newBatch(t.spare), nil, b
	t.mu.Unlock()
	err := t.writeAll(ctx, b)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.broken, t.under = err != nil, nil
	if err != nil {
		b.prepend(t.pending)
		t.pending = b
		return err
	}
	b.end()
	if cap(b.readings) <= 4*batchSize {
		t.spare, b.readings = b.readings, nil
	}
	return nil
}

// writeAll writes a batch. Doing so twice does no harm.
func (t *Telemetry) writeAll(ctx context.Context, b *batch) error {
	if err := t.write(ctx, b.readings); err != nil {
		return err
	}
	clear(b.readings)
	b.readings = b.readings[:0]
	return t.writeTold(ctx, b)
}

// write sorts readings into numbers and texts and stores both. Writing the same
// batch twice does no harm: the last value at a time wins.
func (t *Telemetry) write(ctx context.Context, readings []roost.Reading) error {
	samples := make([]series.Sample, 0, len(readings))
	var texts []roost.TextReading
	dropped := 0
	for i := range readings {
		rd := &readings[i]
		s, err := t.names.number(ctx, t.store, rd.Ref, rd.Resource)
		if err != nil {
			return fmt.Errorf("name a series: %w", err)
		}
		if s == nil {
			dropped++
			continue
		}
		n, _, kind := rd.Value.Measure()
		switch {
		case kind == roost.KindNumber || kind == roost.KindBoolean:
			samples = append(samples, series.Sample{Series: series.ID(s.id), Time: rd.At.UnixMilli(), Value: n})
		case s.last != rd.Value: // a text that stays the same is not told again
			s.last = rd.Value
			texts = append(texts, roost.TextReading{Series: s.id, At: rd.At, Value: rd.Value})
		}
	}
	for len(samples) > 0 {
		n := min(len(samples), batchSize)
		if err := t.numbers.Append(ctx, samples[:n]); err != nil {
			t.names.forgetTexts(texts)
			return fmt.Errorf("append numbers: %w", err)
		}
		samples = samples[n:]
	}
	if len(texts) > 0 {
		if err := t.store.SaveTexts(ctx, texts); err != nil {
			t.names.forgetTexts(texts)
			return fmt.Errorf("save texts: %w", err)
		}
	}
	t.recorded.Add(uint64(len(readings) - dropped))
	t.dropped.Add(uint64(dropped))
	return nil
}
