package series

import (
	"context"
	"math"
	"slices"
)

// pageChunks is how many chunk rows a read takes from the file at a time: no
// transaction is open while the caller looks at samples.
const pageChunks = 64

// Range yields the points with from <= time < to, sorted by time, until yield
// says false. It includes what was appended before the call; it holds no lock
// while yielding.
func (d *DB) Range(ctx context.Context, id ID, from, to int64, yield func(Point) bool) error {
	return d.runs(ctx, id, from, to, func(points []Point) bool {
		for _, p := range points {
			if !yield(p) {
				return false
			}
		}
		return true
	})
}

// runs gives the points of a range in sorted runs; the slices are reused.
func (d *DB) runs(ctx context.Context, id ID, from, to int64, yield func([]Point) bool) error {
	// The head first: what is sealed in between is then met twice, not missed.
	open := within(d.open(id), from, to)
	var points []Point
	size := pageChunks / 8
	for from < to {
		chunks, err := page(ctx, d.stmts.forward, int64(id), from, to, size)
		if err != nil {
			return err
		}
		for _, c := range chunks {
			points = d.decode(points[:0], id, c)
			sealed := within(points, from, to)
			from = min(max(from, c.start, c.last), to-1) + 1
			mine := within(open, math.MinInt64, from)
			open = open[len(mine):]
			if !yield(merge(slices.Clip(sealed), mine)) {
				return nil
			}
		}
		if len(chunks) < size {
			break
		}
		size = pageChunks
	}
	yield(open)
	return nil
}

// open gives the points of the head of a series.
func (d *DB) open(id ID) []Point {
	d.mu.RLock()
	h := d.heads[id]
	if h == nil {
		d.mu.RUnlock()
		return nil
	}
	w := h.view()
	d.mu.RUnlock()
	return w.points(nil)
}

// Newest gives up to limit points with from <= time < to, the newest first.
func (d *DB) Newest(ctx context.Context, id ID, from, to int64, limit int) ([]Point, error) {
	if limit <= 0 || from >= to {
		return nil, nil
	}
	open := within(d.open(id), from, to)
	var sealed []Point // newest first
	before := to
	for len(sealed) < limit && from < before {
		size := min(pageChunks, 1+(limit-len(sealed))/d.config.ChunkSamples)
		chunks, err := page(ctx, d.stmts.backward, int64(id), before, size)
		if err != nil {
			return nil, err
		}
		for _, c := range chunks {
			points := within(d.decode(nil, id, c), from, before)
			slices.Reverse(points)
			sealed = append(sealed, points...)
			before = c.start
		}
		if len(chunks) < size {
			break
		}
	}
	slices.Reverse(sealed)
	points := merge(sealed, open)
	points = points[max(0, len(points)-limit):]
	slices.Reverse(points)
	return points, nil
}

// Last gives the newest point of a series, false without any.
func (d *DB) Last(ctx context.Context, id ID) (Point, bool, error) {
	points, err := d.Newest(ctx, id, math.MinInt64, math.MaxInt64, 1)
	if err != nil || len(points) == 0 {
		return Point{}, false, err
	}
	return points[0], true, nil
}
