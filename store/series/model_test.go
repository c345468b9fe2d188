package series_test

import (
	"context"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roost-iot/roost/store/series"
)

// model is what the store must look like: the last value written, per time and series.
type model map[series.ID]map[int64]float64

func (m model) add(s series.Sample) {
	if m[s.Series] == nil {
		m[s.Series] = map[int64]float64{}
	}
	m[s.Series][s.Time] = s.Value
}

func (m model) between(id series.ID, from, to int64) []series.Point {
	var out []series.Point
	for _, t := range slices.Sorted(maps.Keys(m[id])) {
		if t >= from && t < to {
			out = append(out, series.Point{Time: t, Value: m[id][t]})
		}
	}
	return out
}

// sameBits compares values bit for bit: not-a-numbers and the sign of zero count.
var sameBits = cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })

var values = rapid.OneOf(
	rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(-5000, 5000).Draw(t, "n")) / 100 }),
	rapid.SampledFrom([]float64{0, 1}),
	rapid.SampledFrom([]float64{
		math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.Float64frombits(0x7ff8000000000123),
		math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53, 1<<53 + 2, -1 << 53, 9e15, 0.5, 1e-6, 1e-7, 4503599627370496.5,
	}),
	rapid.Float64(),
	rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.Float32().Draw(t, "single")) }),
)

var times = rapid.OneOf(
	rapid.Int64Range(0, 200),
	rapid.Int64Range(1_790_000_000_000, 1_790_000_000_400),
	rapid.Int64Max(math.MaxInt64-1),
)

// machine drives a store and its model with the same random steps.
type machine struct {
	tb     testing.TB
	file   *file
	config series.Config
	db     *series.DB
	model  model
	clock  int64
}

func (m *machine) sample(t *rapid.T) series.Sample {
	s := series.Sample{Series: series.ID(rapid.Int64Range(-1, 2).Draw(t, "series")), Value: values.Draw(t, "value")}
	if rapid.IntRange(0, 3).Draw(t, "order") > 0 { // mostly in the order of time
		m.clock += rapid.Int64Range(0, 20).Draw(t, "step")
		s.Time = 1_790_000_000_000 + m.clock
		return s
	}
	s.Time = times.Draw(t, "time")
	return s
}

func (m *machine) Append(t *rapid.T) {
	batch := make([]series.Sample, rapid.IntRange(1, 30).Draw(t, "samples"))
	for i := range batch {
		batch[i] = m.sample(t)
		m.model.add(batch[i])
	}
	if err := m.db.Append(context.Background(), batch); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) Flush(t *rapid.T) {
	if err := m.db.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) FoldPartly(t *rapid.T) {
	if err := m.db.FoldPartly(context.Background(), rapid.Int64Range(1, 20).Draw(t, "leave")); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) SealAll(t *rapid.T) {
	if err := m.db.SealAll(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) Reopen(*rapid.T) {
	m.file.close(m.tb, m.db)
	m.db = m.file.open(m.tb, m.config)
}

// Crash also wants the heads to come back as they were: a replay that merely
// finds the same samples would grow from one to the next.
func (m *machine) Crash(t *rapid.T) {
	heads := m.db.Heads()
	m.file.crash(m.db)
	m.db = m.file.open(m.tb, m.config)
	if diff := cmp.Diff(heads, m.db.Heads(), sameBits); diff != "" {
		t.Fatalf("heads after a crash (-want +got):\n%s", diff)
	}
}

func (m *machine) Delete(t *rapid.T) {
	id := series.ID(rapid.Int64Range(-1, 2).Draw(t, "series"))
	before := times.Draw(t, "before")
	if rapid.IntRange(0, 4).Draw(t, "whole") == 0 {
		before = math.MaxInt64
	}
	maps.DeleteFunc(m.model[id], func(at int64, _ float64) bool { return at < before })
	if err := m.db.Delete(context.Background(), id, before); err != nil {
		t.Fatal(err)
	}
}

// Check compares everything a reader can see.
func (m *machine) Check(t *rapid.T) {
	from, to := times.Draw(t, "from"), times.Draw(t, "to")
	limit := rapid.IntRange(0, 40).Draw(t, "limit")
	for id := series.ID(-1); id <= 2; id++ {
		whole := m.model.between(id, math.MinInt64, math.MaxInt64)
		if diff := cmp.Diff(whole, all(m.tb, m.db, id), sameBits); diff != "" {
			t.Fatalf("series %d (-want +got):\n%s", id, diff)
		}
		part := m.model.between(id, from, to)
		if diff := cmp.Diff(part, between(m.tb, m.db, id, from, to), sameBits); diff != "" {
			t.Fatalf("series %d from %d to %d (-want +got):\n%s", id, from, to, diff)
		}
		m.checkNewest(t, id, from, to, limit, part)
		last, ok, err := m.db.Last(context.Background(), id)
		if err != nil || ok != (len(whole) > 0) {
			t.Fatalf("last of series %d: %v, %v", id, ok, err)
		}
		if ok && !cmp.Equal(last, whole[len(whole)-1], sameBits) {
			t.Fatalf("last of series %d: %v, want %v", id, last, whole[len(whole)-1])
		}
	}
}

func (m *machine) checkNewest(t *rapid.T, id series.ID, from, to int64, limit int, part []series.Point) {
	part = slices.Clone(part[max(0, len(part)-limit):])
	slices.Reverse(part)
	got, err := m.db.Newest(context.Background(), id, from, to, limit)
	if err != nil {
		t.Fatal(err)
	}
	if len(part)+len(got) > 0 && !cmp.Equal(part, got, sameBits) {
		t.Fatalf("newest %d of series %d (-want +got):\n%s", limit, id, cmp.Diff(part, got, sameBits))
	}
}

func (m *machine) Thin(t *rapid.T) {
	from, to := times.Draw(t, "from"), times.Draw(t, "to")
	n := rapid.IntRange(1, 50).Draw(t, "buckets")
	for id := series.ID(-1); id <= 2; id++ {
		got, err := m.db.Thin(context.Background(), id, from, to, n)
		if err != nil {
			t.Fatal(err)
		}
		want := thin(m.model.between(id, from, to), from, to, n)
		if diff := cmp.Diff(want, got, sameBits); diff != "" {
			t.Fatalf("series %d from %d to %d in %d (-want +got):\n%s", id, from, to, n, diff)
		}
	}
}

func TestStoreIsLikeItsModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{tb: t, model: model{}, config: series.Config{ChunkSamples: rapid.IntRange(2, 24).Draw(rt, "chunk")}}
		m.file = newFile(t)
		m.db = m.file.open(t, m.config)
		defer func() { m.file.close(t, m.db) }()
		append1 := m.Append
		rt.Repeat(map[string]func(*rapid.T){
			"append": append1, "append more": append1, "append again": append1,
			"flush": m.Flush, "flush partly": m.FoldPartly, "seal": m.SealAll, "reopen": m.Reopen, "crash": m.Crash,
			"delete": m.Delete, "thin": m.Thin, "check": m.Check,
		})
		m.Check(rt)
		if s := m.db.Stats(); s.BadRows+s.BadChunks > 0 {
			rt.Fatalf("called corrupt what is not: %+v", s)
		}
	})
}
