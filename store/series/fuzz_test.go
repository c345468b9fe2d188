package series

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

func samePoints(a, b []Point) bool {
	return slices.EqualFunc(a, b, func(a, b Point) bool {
		return a.Time == b.Time && math.Float64bits(a.Value) == math.Float64bits(b.Value)
	})
}

func chunkSeeds() [][]Point {
	var constant, booleans, walk, doubles, singles []Point
	for i := range 240 {
		t := 1_790_000_000_000 + int64(i)*10_000
		constant = append(constant, Point{t, 21.5})
		booleans = append(booleans, Point{t, float64(i / 7 % 2)})
		walk = append(walk, Point{t + int64(i*i%13), float64(i*i%900) / 100})
		doubles = append(doubles, Point{t, math.Sqrt(float64(i))})
		singles = append(singles, Point{t, float64(float32(i) / 3)})
	}
	odd := []Point{
		{math.MinInt64, math.NaN()},
		{-1, math.Inf(-1)},
		{0, math.Copysign(0, -1)},
		{math.MaxInt64, 9e15},
	}
	return [][]Point{constant, booleans, walk, doubles, singles, odd, {{5, 1e-6}}, {{5, 9e15}, {6, 0.5}}}
}

// FuzzChunk: no bytes make the decoder panic or take much memory, and points
// that were decoded come back from an encoding of them.
func FuzzChunk(f *testing.F) {
	for _, points := range chunkSeeds() {
		data := encodeChunk(1, points)
		f.Add(points[0].Time, data[:len(data)-4])
	}
	f.Fuzz(func(t *testing.T, start int64, body []byte) {
		points, err := decodeBody(nil, start, body)
		if err != nil {
			return
		}
		if len(points) == 0 || len(points) > maxChunk {
			t.Fatalf("%d points", len(points))
		}
		again, err := decodeChunk(nil, 3, start, encodeChunk(3, points))
		if err != nil || !samePoints(points, again) {
			t.Errorf("%v came back as %v, %v", points, again, err)
		}
	})
}

// FuzzPoints: any points survive the head and the chunk bit for bit.
func FuzzPoints(f *testing.F) {
	for _, points := range chunkSeeds() {
		var b []byte
		for _, p := range points[:min(20, len(points))] {
			b = binary.LittleEndian.AppendUint64(b, uint64(p.Time))
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.Value))
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h := newHead(1)
		var want []Point
		for ; len(b) >= 16 && len(want) < maxChunk; b = b[16:] {
			p := Point{int64(binary.LittleEndian.Uint64(b)), math.Float64frombits(binary.LittleEndian.Uint64(b[8:]))}
			h.add(p.Time, p.Value)
			want = append(want, p)
		}
		if want = sorted(want); len(want) == 0 {
			return
		}
		if got := h.view().points(nil); !samePoints(want, got) {
			t.Errorf("the head made %v of %v", got, want)
		}
		got, err := decodeChunk(nil, 1, want[0].Time, encodeChunk(1, want))
		if err != nil || !samePoints(want, got) {
			t.Errorf("the chunk made %v of %v: %v", got, want, err)
		}
	})
}

// FuzzLogRow: no bytes make the decoder panic or take much memory, and a row
// that was decoded comes back from an encoding of it.
func FuzzLogRow(f *testing.F) {
	for _, points := range chunkSeeds() {
		r := row{sealed: []ID{1, -5}, deletes: []deletion{{3, math.MaxInt64}}}
		for i, p := range points {
			r.samples = append(r.samples, Sample{ID(i % 7), p.Time, p.Value})
		}
		data := appendRow(nil, 9, r)
		f.Add(data[:len(data)-4])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parseRowBody(body)
		if err != nil {
			return
		}
		again, err := parseRow(4, appendRow(nil, 4, r))
		same := slices.EqualFunc(r.samples, again.samples, func(a, b Sample) bool {
			return a.Series == b.Series && a.Time == b.Time && math.Float64bits(a.Value) == math.Float64bits(b.Value)
		})
		if err != nil || !same || !slices.Equal(r.sealed, again.sealed) || !slices.Equal(r.deletes, again.deletes) {
			t.Errorf("%v came back as %v, %v", r, again, err)
		}
	})
}

// TestChunkSizes holds what the format promises for the usual kinds of series.
func TestChunkSizes(t *testing.T) {
	seeds := chunkSeeds()
	for i, most := range []int{16, 100, 520, 1800, 1000} {
		if n := len(encodeChunk(1, seeds[i])); n > most {
			t.Errorf("chunk %d of 240 samples takes %d bytes, more than %d", i, n, most)
		}
	}
}
