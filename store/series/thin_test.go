package series_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roost-iot/roost/store/series"
)

// thin is Thin as one would write it down, in integers without an edge.
func thin(points []series.Point, from, to int64, n int) []series.Bucket {
	var out []series.Bucket
	if from >= to {
		return nil
	}
	length := new(big.Int).Sub(big.NewInt(to), big.NewInt(from))
	span := new(big.Int).Add(length, big.NewInt(int64(n-1)))
	span.Div(span, big.NewInt(int64(n)))
	for _, p := range points {
		if math.IsNaN(p.Value) {
			continue
		}
		start := new(big.Int).Sub(big.NewInt(p.Time), big.NewInt(from))
		start.Div(start, span).Mul(start, span).Add(start, big.NewInt(from))
		if len(out) == 0 || out[len(out)-1].Start != start.Int64() {
			out = append(out, series.Bucket{Start: start.Int64(), Min: p.Value, Max: p.Value, First: p.Value})
		}
		b := &out[len(out)-1]
		b.Min, b.Max = math.Min(b.Min, p.Value), math.Max(b.Max, p.Value)
		b.Count++
		b.Last, b.LastTime = p.Value, p.Time
		if b.Count == 1 {
			b.Sum = p.Value
		} else {
			b.Sum += p.Value
		}
	}
	return out
}

func TestThinSumsUpSpans(t *testing.T) {
	f := newFile(t)
	d := f.open(t, series.Config{})
	defer f.close(t, d)
	batch := []series.Sample{{1, 1000, 5}, {1, 1999, -1}, {1, 2000, 7}, {1, 2500, math.NaN()}, {1, 5000, 3}}
	if err := d.Append(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	got, err := d.Thin(t.Context(), 1, 1000, 5000, 4)
	if err != nil {
		t.Fatal(err)
	}
	want := []series.Bucket{
		{Start: 1000, Min: -1, Max: 5, Sum: 4, Count: 2, First: 5, Last: -1, LastTime: 1999},
		{Start: 2000, Min: 7, Max: 7, Sum: 7, Count: 1, First: 7, Last: 7, LastTime: 2000},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, n := range []int{0, -1, math.MaxInt} {
		if _, err := d.Thin(t.Context(), 1, 0, 10, n); err == nil {
			t.Errorf("thinned to %d buckets", n)
		}
	}
}
