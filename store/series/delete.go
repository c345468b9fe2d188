package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
)

const dropAtOnce = 500 // chunks deleted in one transaction

// Delete removes the samples of a series before a time; all of them with
// math.MaxInt64. It works in short steps, oldest first: cut short, it leaves the
// newer samples, and can be called again.
func (d *DB) Delete(ctx context.Context, id ID, before int64) error {
	for {
		n, err := d.deleteChunks(ctx, id, before)
		if err != nil {
			return fmt.Errorf("delete samples: %w", err)
		}
		if n < dropAtOnce {
			break
		}
	}
	if err := d.deleteRest(ctx, id, before); err != nil {
		return fmt.Errorf("delete samples: %w", err)
	}
	return nil
}

// deleteChunks deletes some of the chunks that lie before a time as a whole.
func (d *DB) deleteChunks(ctx context.Context, id ID, before int64) (n int64, err error) {
	if err := d.take(ctx); err != nil {
		return 0, err
	}
	defer d.give()
	if h := d.heads[id]; h != nil {
		h.tail = tail{}
	}
	err = d.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.StmtContext(ctx, d.stmts.dropBefore).ExecContext(ctx, int64(id), before, before, dropAtOnce)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}

// deleteRest shortens the chunk that spans the time, and the head.
func (d *DB) deleteRest(ctx context.Context, id ID, before int64) error {
	if err := d.take(ctx); err != nil {
		return err
	}
	defer d.give()
	h := d.heads[id]
	if h != nil {
		h.tail = tail{}
	}
	d.scratch = appendRow(d.scratch[:0], d.seq+1, row{deletes: []deletion{{id, before}}})
	err := d.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := d.shorten(ctx, tx, id, before); err != nil {
			return err
		}
		if h == nil {
			return nil
		}
		_, err := tx.StmtContext(ctx, d.stmts.addRow).ExecContext(ctx, d.seq+1, d.scratch)
		return err
	})
	if err != nil || h == nil {
		return err
	}
	d.mu.Lock()
	size := h.size()
	h.cut(before)
	d.headBytes.Add(int64(h.size() - size))
	d.mu.Unlock()
	if !h.dirty {
		h.dirty = true
		d.dirty = append(d.dirty, id)
	}
	d.logged(len(d.scratch))
	return nil
}

// shorten rewrites the first chunk of a series without the samples before a time.
func (d *DB) shorten(ctx context.Context, tx *sql.Tx, id ID, before int64) error {
	var c stored
	err := tx.StmtContext(ctx, d.stmts.coverChunk).QueryRowContext(ctx, int64(id), int64(math.MinInt64)).
		Scan(&c.id, &c.start, &c.last, &c.data)
	if errors.Is(err, sql.ErrNoRows) || err == nil && c.start >= before {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the first chunk: %w", err)
	}
	points := within(d.decode(nil, id, c), before, math.MaxInt64)
	if _, err := tx.StmtContext(ctx, d.stmts.dropChunk).ExecContext(ctx, c.id); err != nil || len(points) == 0 {
		return err
	}
	return d.putChunks(ctx, tx, id, points, &tail{})
}
