package series

import (
	"context"
	"time"
)

// SealAll seals all heads, as if they had been silent for long.
func (d *DB) SealAll(ctx context.Context) error {
	return d.sealSilent(ctx, time.Now().Add(time.Hour))
}

// FoldPartly folds the log, but leaves the newest log rows where they are, as a
// kill in the middle would.
func (d *DB) FoldPartly(ctx context.Context, leave int64) error {
	if err := d.take(ctx); err != nil {
		return err
	}
	upto, ids := d.seq, d.dirty
	d.dirty = nil
	d.give()
	if err := d.saveHeads(ctx, ids); err != nil {
		return err
	}
	return d.dropRows(ctx, upto-leave)
}

// Heads gives the points of all heads that have some.
func (d *DB) Heads() map[ID][]Point {
	out := map[ID][]Point{}
	for id := range d.heads {
		if points := d.open(id); len(points) > 0 {
			out[id] = points
		}
	}
	return out
}
