package series_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/roost-iot/roost/store/series"
)

const benchSeries = 1000

// walks plays the readings of a fleet: a value of every series each 10 s,
// rounded to 0.01.
type walks struct {
	values [benchSeries]float64
	next   int
	rnd    *rand.Rand
	round  func(float64) float64
}

func newWalks() *walks {
	w := &walks{rnd: rand.New(rand.NewPCG(1, 2)), round: func(v float64) float64 { return math.Round(v*100) / 100 }}
	for i := range w.values {
		w.values[i] = 10 + w.rnd.Float64()*20
	}
	return w
}

const benchEpoch = 1_790_000_000_000

func (w *walks) fill(batch []series.Sample) {
	for i := range batch {
		id := w.next % benchSeries
		w.values[id] += w.rnd.NormFloat64() * 0.2
		batch[i] = series.Sample{
			Series: series.ID(id + 1),
			Time:   benchEpoch + int64(w.next/benchSeries)*10_000,
			Value:  w.round(w.values[id]),
		}
		w.next++
	}
}

// BenchmarkAppend appends batches of 500 samples of 1,000 interleaved series.
func BenchmarkAppend(b *testing.B) {
	b.Run("hundredths", func(b *testing.B) { benchAppend(b, newWalks()) })
	b.Run("doubles", func(b *testing.B) {
		w := newWalks()
		w.round = func(v float64) float64 { return v }
		benchAppend(b, w)
	})
}

func benchAppend(b *testing.B, w *walks) {
	f := newFile(b)
	d := f.open(b, series.Config{})
	batches := make([][]series.Sample, b.N)
	for i := range batches {
		batches[i] = make([]series.Sample, 500)
		w.fill(batches[i])
	}
	b.ResetTimer()
	for _, batch := range batches {
		if err := d.Append(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	n := float64(500 * b.N)
	b.ReportMetric(n/b.Elapsed().Seconds(), "samples/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/sample")
	f.close(b, d)
	b.ReportMetric(float64(f.size(b))/n, "B/sample")
}

// BenchmarkRange500 reads 500 consecutive points of one series out of 5 million samples.
func BenchmarkRange500(b *testing.B) {
	f, d := filled(b, 5_000_000)
	defer f.close(b, d)
	rnd := rand.New(rand.NewPCG(3, 4))
	var took []time.Duration
	for b.Loop() {
		id := series.ID(1 + rnd.IntN(benchSeries))
		from := int64(benchEpoch + rnd.IntN(4400)*10_000)
		n := 0
		began := time.Now()
		err := d.Range(b.Context(), id, from, from+5_000_000, func(series.Point) bool { n++; return true })
		took = append(took, time.Since(began))
		if err != nil || n != 500 {
			b.Fatal(n, err)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}

// BenchmarkThin5000 thins 5,000 points of a series to 100 buckets.
func BenchmarkThin5000(b *testing.B) {
	f, d := filled(b, 5_000_000)
	defer f.close(b, d)
	for b.Loop() {
		out, err := d.Thin(b.Context(), 7, benchEpoch, benchEpoch+50_000_000, 100)
		if err != nil || len(out) != 100 {
			b.Fatal(len(out), err)
		}
	}
}

// BenchmarkLast reads the newest point of a series.
func BenchmarkLast(b *testing.B) {
	f, d := filled(b, 500_000)
	defer f.close(b, d)
	for b.Loop() {
		if _, ok, err := d.Last(b.Context(), 7); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// BenchmarkOpen opens a store with a long log of 500,000 samples.
func BenchmarkOpen(b *testing.B) {
	f := newFile(b)
	d := f.open(b, series.Config{MaxLogBytes: 1 << 30})
	w := newWalks()
	batch := make([]series.Sample, 500)
	for range 1000 {
		w.fill(batch)
		if err := d.Append(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		f.crash(d)
		d = f.open(b, series.Config{MaxLogBytes: 1 << 30})
	}
	f.close(b, d)
}

func filled(b *testing.B, samples int) (*file, *series.DB) {
	f := newFile(b)
	d := f.open(b, series.Config{})
	w := newWalks()
	batch := make([]series.Sample, 5000)
	for range samples / len(batch) {
		w.fill(batch)
		if err := d.Append(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	return f, d
}
