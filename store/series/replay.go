package series

import (
	"context"
	"fmt"
	"time"
)

// replay fills the heads from the open rows and the log rows.
func (d *DB) replay(ctx context.Context) error {
	if err := d.loadOpen(ctx); err != nil {
		return err
	}
	rows, err := d.writer.QueryContext(ctx, `SELECT seq, data FROM series_log ORDER BY seq`)
	if err != nil {
		return fmt.Errorf("read the log of readings: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		var seq int64
		var data []byte
		if err := rows.Scan(&seq, &data); err != nil {
			return fmt.Errorf("read a log row of readings: %w", err)
		}
		d.seq = max(d.seq, seq)
		d.logBytes += len(data)
		d.counts.logRows.Add(1)
		r, err := parseRow(seq, data)
		if err != nil {
			d.counts.badRows.Add(1)
			d.log.Error("log row of readings is corrupt and left out", "row", seq, "bytes", len(data), "err", err)
			continue
		}
		d.redo(seq, r)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the log of readings: %w", err)
	}
	d.settle()
	return nil
}

// loadOpen makes a head of every open row.
func (d *DB) loadOpen(ctx context.Context) error {
	rows, err := d.writer.QueryContext(ctx, `SELECT series, seq, start, data FROM series_open`)
	if err != nil {
		return fmt.Errorf("read open rows: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var points []Point
	for rows.Next() {
		var id, seq, start int64
		var data []byte
		if err := rows.Scan(&id, &seq, &start, &data); err != nil {
			return fmt.Errorf("read an open row: %w", err)
		}
		d.seq = max(d.seq, seq)
		h := newHead(ID(id))
		h.saved = true
		d.heads[h.id] = h
		if points, err = decodeChunk(points[:0], h.id, start, data); err != nil {
			d.counts.badRows.Add(1)
			d.log.Error("open row of readings is corrupt and left out", "series", id, "start", start, "err", err)
			continue
		}
		h.openSeq = seq
		for _, p := range points {
			h.add(p.Time, p.Value)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read open rows: %w", err)
	}
	return nil
}

// redo takes log row seq into the heads that do not have it yet.
func (d *DB) redo(seq int64, r row) {
	of := func(id ID) *head {
		h := d.heads[id]
		if h == nil {
			h = newHead(id)
			d.heads[id] = h
		}
		return h
	}
	for _, s := range r.samples {
		if h := of(s.Series); seq > h.openSeq {
			h.add(s.Time, s.Value)
			h.dirty = true
		}
	}
	for _, id := range r.sealed {
		if h := of(id); seq > h.openSeq {
			h.clear()
			h.dirty = false
		}
	}
	for _, del := range r.deletes {
		if h := of(del.series); seq > h.openSeq {
			h.cut(del.before)
			h.dirty = true
		}
	}
}

// settle drops the empty heads and counts the others.
func (d *DB) settle() {
	now := time.Now().UnixMilli()
	for id, h := range d.heads {
		if h.len() == 0 && !h.saved {
			delete(d.heads, id)
			continue
		}
		h.touched = now
		d.headBytes.Add(int64(h.size()))
		if h.dirty {
			d.dirty = append(d.dirty, id)
		}
	}
}

// cut drops the points before a time.
func (h *head) cut(before int64) {
	points := h.view().points(nil)
	if kept := within(points, before, latest(points)+1); len(kept) < len(points) {
		h.rebuild(kept)
	}
}
