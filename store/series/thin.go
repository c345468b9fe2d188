package series

import (
	"context"
	"errors"
	"math"
)

// Bucket sums up the points of a span of time.
type Bucket struct {
	Start         int64 // Unix ms
	Min, Max, Sum float64
	Count         int
	First, Last   float64
	LastTime      int64 // Unix ms, of Last
}

// maxBuckets bounds what one call of Thin gives.
const maxBuckets = 1 << 20

// Thin divides from <= time < to into equal spans and gives a bucket for each
// that has points. The spans are whole ms, so that there may be fewer than
// asked for. Points that are not a number are left out.
func (d *DB) Thin(ctx context.Context, id ID, from, to int64, buckets int) ([]Bucket, error) {
	if buckets < 1 || buckets > maxBuckets {
		return nil, errors.New("thin: the number of buckets is out of range")
	}
	if from >= to {
		return nil, nil
	}
	length := uint64(to) - uint64(from)
	span := length / uint64(buckets)
	if length%uint64(buckets) > 0 {
		span++
	}
	t := thinner{from: from, to: to, span: span}
	if err := d.runs(ctx, id, from, to, t.take); err != nil {
		return nil, err
	}
	return t.out, nil
}

type thinner struct {
	from, to int64
	span     uint64 // ms
	out      []Bucket
	end      int64 // of the newest bucket, exclusive
}

func (t *thinner) take(points []Point) bool {
	for _, p := range points {
		if math.IsNaN(p.Value) {
			continue
		}
		if len(t.out) == 0 || p.Time >= t.end {
			t.begin(p)
			continue
		}
		b := &t.out[len(t.out)-1]
		b.Min, b.Max = min(b.Min, p.Value), max(b.Max, p.Value)
		b.Sum += p.Value
		b.Count++
		b.Last, b.LastTime = p.Value, p.Time
	}
	return true
}

func (t *thinner) begin(p Point) {
	offset := (uint64(p.Time) - uint64(t.from)) / t.span * t.span
	start := int64(uint64(t.from) + offset)
	t.end = t.to
	if uint64(t.to)-uint64(start) > t.span {
		t.end = int64(uint64(start) + t.span)
	}
	v := p.Value
	t.out = append(t.out, Bucket{
		Start: start, Min: v, Max: v, Sum: v, Count: 1, First: v, Last: v, LastTime: p.Time,
	})
}
