package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
)

// sealHead writes the head and its extra samples as chunks, within tx; the head
// itself stays as it is until the transaction has been committed.
func (d *DB) sealHead(ctx context.Context, tx *sql.Tx, f *full) error {
	h := f.head
	points := h.view().points(nil)
	points = merge(points, sorted(f.extra))
	f.tail = h.tail
	if !f.tail.known {
		if err := d.findTail(ctx, tx, h.id, &f.tail); err != nil {
			return err
		}
	}
	if err := d.place(ctx, tx, h.id, points, &f.tail); err != nil {
		return err
	}
	if h.saved {
		if _, err := tx.StmtContext(ctx, d.stmts.dropOpen).ExecContext(ctx, int64(h.id)); err != nil {
			return fmt.Errorf("drop open row: %w", err)
		}
	}
	return nil
}

// sealed notes that the head's samples are in chunks now.
func (h *head) sealed(t tail) {
	h.pending, h.slot = 0, 0
	h.dirty, h.saved = false, false
	h.tail = t
}

func (h *head) size() int { return len(h.buf) + 16*len(h.late) }

func (d *DB) findTail(ctx context.Context, tx *sql.Tx, id ID, t *tail) error {
	*t = tail{known: true, last: math.MinInt64}
	err := tx.StmtContext(ctx, d.stmts.tailChunk).QueryRowContext(ctx, int64(id)).Scan(&t.last, &t.samples)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("find the newest chunk: %w", err)
	}
	return nil
}

// place writes sorted points among the chunks of a series: those newer than all
// chunks as new ones, the others into the chunks that cover their times.
func (d *DB) place(ctx context.Context, tx *sql.Tx, id ID, points []Point, t *tail) error {
	for len(points) > 0 {
		if t.samples == 0 || points[0].Time > t.last && t.samples >= d.config.ChunkSamples/2 {
			return d.putChunks(ctx, tx, id, points, t)
		}
		n, err := d.mergeInto(ctx, tx, id, points, t)
		if err != nil {
			return err
		}
		points = points[n:]
	}
	return nil
}

// putChunks writes points as chunks of about equal length, and keeps the tail.
func (d *DB) putChunks(ctx context.Context, tx *sql.Tx, id ID, points []Point, t *tail) error {
	for pieces := max(1, len(points)/d.config.ChunkSamples); pieces > 0; pieces-- {
		piece := points[:len(points)/pieces]
		points = points[len(piece):]
		start, last := piece[0].Time, latest(piece)
		_, err := tx.StmtContext(ctx, d.stmts.addChunk).ExecContext(ctx,
			int64(id), start, last, len(piece), encodeChunk(id, piece))
		if err != nil {
			return fmt.Errorf("write chunk: %w", err)
		}
		d.counts.sealed.Add(1)
		if last >= t.last || t.samples == 0 {
			t.last, t.samples = last, len(piece)
		}
	}
	return nil
}

// mergeInto works the points that belong to the same chunk as the first one into
// that chunk, and says how many there were. A chunk owns the times from its
// start up to the next chunk; the first chunk owns all before, too, and the
// newest all after, while it is small.
func (d *DB) mergeInto(ctx context.Context, tx *sql.Tx, id ID, points []Point, t *tail) (int, error) {
	var c stored
	err := tx.StmtContext(ctx, d.stmts.coverChunk).QueryRowContext(ctx, int64(id), points[0].Time).
		Scan(&c.id, &c.start, &c.last, &c.data)
	if err != nil {
		return 0, fmt.Errorf("find the chunk of a late sample: %w", err)
	}
	end := int64(math.MaxInt64)
	switch {
	case c.last < t.last:
		if end, err = d.nextStart(ctx, tx, id, c.start); err != nil {
			return 0, err
		}
	case t.samples >= d.config.ChunkSamples/2:
		end = t.last + 1 // what is newer makes new chunks
	}
	mine := within(points, points[0].Time, end)
	old := d.decode(nil, id, c)
	if _, err := tx.StmtContext(ctx, d.stmts.dropChunk).ExecContext(ctx, c.id); err != nil {
		return 0, fmt.Errorf("drop merged chunk: %w", err)
	}
	if err := d.putChunks(ctx, tx, id, merge(old, slices.Clip(mine)), t); err != nil {
		return 0, err
	}
	if len(old) > 0 {
		return len(mine), nil
	}
	return len(mine), d.findTail(ctx, tx, id, t) // it may have been the corrupt one
}

// nextStart is the start of the chunk after the one that starts at start.
func (d *DB) nextStart(ctx context.Context, tx *sql.Tx, id ID, start int64) (int64, error) {
	var next sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT min(start) FROM series_chunks WHERE series = ? AND start > ?`,
		int64(id), start).Scan(&next)
	if err != nil {
		return 0, fmt.Errorf("find the next chunk: %w", err)
	}
	if !next.Valid {
		return math.MaxInt64, nil
	}
	return next.Int64, nil
}

// decode appends a chunk's points to dst; a corrupt one is reported and gives none.
func (d *DB) decode(dst []Point, id ID, c stored) []Point {
	out, err := decodeChunk(dst, id, c.start, c.data)
	if err != nil {
		d.counts.badChunks.Add(1)
		d.log.Error("chunk of readings is corrupt and left out",
			"series", int64(id), "start", c.start, "last", c.last, "err", err)
	}
	return out
}
