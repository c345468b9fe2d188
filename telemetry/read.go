package telemetry

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/store/series"
)

// maxTexts bounds the text readings of one answer.
const maxTexts = 1000

// History is what one resource said in a span of time.
type History struct {
	Numbers []series.Bucket     // thinned, oldest first
	Texts   []roost.TextReading // newest first
}

// History gives the readings of one resource from "from" up to and without "to", numbers
// thinned to at most points buckets. A resource without readings has an empty History.
func (t *Telemetry) History(ctx context.Context, ref roost.Ref, resource string, from, to time.Time, points int) (h History, err error) {
	id, ok, err := t.store.FindSeries(ctx, ref, resource)
	if err != nil || !ok {
		return h, err
	}
	h.Numbers, err = t.numbers.Thin(ctx, series.ID(id), from.UnixMilli(), to.UnixMilli(), points)
	if err != nil {
		return h, fmt.Errorf("read numbers: %w", err)
	}
	h.Texts, err = t.store.Texts(ctx, id, from, to, maxTexts)
	if err != nil {
		return h, fmt.Errorf("read texts: %w", err)
	}
	return h, nil
}

// Drop deletes all readings and messages of a thing and its log, those that are pending
// too. When it fails it can be done again: the series go last.
func (t *Telemetry) Drop(ctx context.Context, ref roost.Ref) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.mu.Lock()
	t.pending.readings = slices.DeleteFunc(t.pending.readings, func(r roost.Reading) bool { return r.Ref == ref })
	t.dropTold(ref)
	if b := t.pending; b.empty() { // no flush will look at it
		t.pending = newBatch(nil)
		b.end()
	}
	t.mu.Unlock()
	t.names.forget(ref)
	if err := t.store.DropMessages(ctx, ref); err != nil {
		return fmt.Errorf("drop messages: %w", err)
	}
	if err := t.store.DropLines(ctx, ref); err != nil {
		return fmt.Errorf("drop log: %w", err)
	}
	ids, err := t.store.SeriesOf(ctx, ref)
	if err != nil {
		return fmt.Errorf("find series: %w", err)
	}
	for _, id := range ids {
		if err := t.numbers.Delete(ctx, series.ID(id), 1<<62); err != nil {
			return fmt.Errorf("delete readings: %w", err)
		}
	}
	if _, err := t.store.DropSeries(ctx, ref); err != nil {
		return fmt.Errorf("drop series: %w", err)
	}
	return nil
}
