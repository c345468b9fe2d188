package series_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/roost-iot/roost/store/series"
)

// TestReadersSeeAllThatWasAppended: while several goroutines append, fold and
// seal, a reader sees every sample appended before its call, once and in order.
func TestReadersSeeAllThatWasAppended(t *testing.T) {
	f := newFile(t)
	d := f.open(t, busy)
	defer f.close(t, d)
	const writers, samples = 4, 1500
	var written [writers]atomic.Int64
	var writing, helping sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for w := range writers {
		writing.Go(func() { appendRun(t, d, series.ID(w), samples, &written[w]) })
		helping.Go(func() {
			for ctx.Err() == nil {
				checkPrefix(t, d, series.ID(w), &written[w])
			}
		})
	}
	helping.Go(func() {
		for ctx.Err() == nil {
			if err := errors.Join(d.Flush(t.Context()), d.SealAll(t.Context())); err != nil {
				t.Error(err)
				return
			}
		}
	})
	writing.Wait()
	stop()
	helping.Wait()
	for w := range writers {
		if n := checkPrefix(t, d, series.ID(w), &written[w]); n != samples {
			t.Errorf("series %d has %d samples", w, n)
		}
	}
}

// appendRun appends samples at 0, 1, 2, ... in batches of 5, each out of order.
func appendRun(t *testing.T, d *series.DB, id series.ID, samples int64, written *atomic.Int64) {
	for at := int64(0); at < samples; at += 5 {
		var batch []series.Sample
		for _, i := range []int64{1, 0, 3, 4, 2} {
			batch = append(batch, series.Sample{Series: id, Time: at + i, Value: float64(at + i)})
		}
		if err := d.Append(t.Context(), batch); err != nil {
			t.Error(err)
			return
		}
		written.Store(at + 5)
	}
}

func checkPrefix(t *testing.T, d *series.DB, id series.ID, written *atomic.Int64) int64 {
	least := written.Load()
	next := int64(0)
	err := d.Range(t.Context(), id, 0, math.MaxInt64, func(p series.Point) bool {
		if p.Time != next || p.Value != float64(next) {
			t.Errorf("series %d: got %v instead of %d", id, p, next)
			return false
		}
		next++
		return true
	})
	if err != nil || next < least {
		t.Errorf("series %d: saw %d samples of %d: %v", id, next, least, err)
	}
	return next
}

func TestClosedStoreSaysSo(t *testing.T) {
	f := newFile(t)
	d := f.open(t, series.Config{})
	f.close(t, d)
	batch := []series.Sample{{Series: 1}}
	for name, err := range map[string]error{
		"append": d.Append(t.Context(), batch), "flush": d.Flush(t.Context()),
		"delete": d.Delete(t.Context(), 1, 5), "close": d.Close(t.Context()),
	} {
		if !errors.Is(err, series.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFailedAppendLeavesNoTrace: what Append refused is neither read nor replayed.
func TestFailedAppendLeavesNoTrace(t *testing.T) {
	f := newFile(t)
	d := f.open(t, series.Config{ChunkSamples: 4})
	want := model{}
	run(t, d, want, 0, 3)
	f.exec(t, `CREATE TRIGGER full BEFORE INSERT ON series_chunks BEGIN SELECT raise(ABORT, 'disk full'); END; UPDATE series_log SET seq = seq`)
	err := d.Append(t.Context(), []series.Sample{{Series: 1, Time: 7, Value: 7}, {Series: 2, Time: 7, Value: 7}})
	if err == nil {
		t.Fatal("appended to a full disk")
	}
	if err := d.Append(t.Context(), []series.Sample{{Series: 1, Time: math.MaxInt64}}); err == nil {
		t.Error("took a time that no range reaches")
	}
	sameAs(t, d, want, 1)
	f.exec(t, `DROP TRIGGER full; UPDATE series_log SET seq = seq`)
	run(t, d, want, 50_000, 1)
	run(t, d, want, 90_000, 1)
	sameAs(t, d, want, 1)
	sameAs(t, d, want, 2)
	f.crash(d)
	d = f.open(t, series.Config{})
	defer f.close(t, d)
	sameAs(t, d, want, 1)
	sameAs(t, d, want, 2)
}

func TestAppendGivesUpWithItsContext(t *testing.T) {
	f := newFile(t)
	d := f.open(t, series.Config{})
	defer f.close(t, d)
	tx, err := f.writer.Begin() // another writer of the file is at work
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() { failed <- d.Append(ctx, []series.Sample{{Series: 1}}) }()
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("append: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if got := all(t, d, 1); len(got) != 0 {
		t.Errorf("stored %v nevertheless", got)
	}
}
