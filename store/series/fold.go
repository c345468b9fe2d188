package series

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const (
	foldHeads = 100             // open rows written in one transaction
	foldRows  = 100             // log rows deleted in one
	patience  = time.Second     // after a failed fold
	rounds    = 5 * time.Minute // between looks for silent heads, at most
)

// keep folds the log when woken and seals silent heads, until ctx ends.
func (d *DB) keep(ctx context.Context) {
	tick := time.NewTicker(min(rounds, max(time.Millisecond, d.config.SealAfter/4)))
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
			err = d.Flush(ctx)
		case <-tick.C:
			err = d.sealSilent(ctx, time.Now().Add(-d.config.SealAfter))
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		d.log.Error("folding the log of readings failed", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(patience):
		}
	}
}

// Flush folds the log: writes the changed heads as open rows, in short
// transactions, and deletes the log rows that they cover. Nothing depends on it
// but the size of the log and the time of the next Open.
func (d *DB) Flush(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case d.folding <- struct{}{}:
	}
	defer func() { <-d.folding }()
	if err := d.take(ctx); err != nil {
		return err
	}
	upto, bytes, ids := d.seq, d.logBytes, d.dirty
	d.dirty = nil
	d.give()
	for len(ids) > 0 {
		some := ids[:min(foldHeads, len(ids))]
		if err := d.saveHeads(ctx, some); err != nil {
			d.redirty(ctx, ids)
			return err
		}
		ids = ids[len(some):]
	}
	if err := d.dropRows(ctx, upto); err != nil {
		return err
	}
	if err := d.take(ctx); err != nil {
		return err
	}
	d.logBytes -= bytes
	d.give()
	d.counts.folds.Add(1)
	return nil
}

// redirty gives back the heads that a fold could not save.
func (d *DB) redirty(ctx context.Context, ids []ID) {
	if d.take(context.WithoutCancel(ctx)) == nil { // else closed: the log has them
		d.dirty = append(d.dirty, ids...)
		d.give()
	}
}

// saveHeads writes heads as open rows, each as of the newest log row.
func (d *DB) saveHeads(ctx context.Context, ids []ID) error {
	if err := d.take(ctx); err != nil {
		return err
	}
	defer d.give()
	var written []*head
	err := d.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		put, drop := tx.StmtContext(ctx, d.stmts.putOpen), tx.StmtContext(ctx, d.stmts.dropOpen)
		for _, id := range ids {
			h := d.heads[id]
			if h == nil || !h.dirty {
				continue
			}
			var err error
			if points := h.view().points(nil); len(points) > 0 {
				_, err = put.ExecContext(ctx, int64(id), d.seq, points[0].Time, encodeChunk(id, points))
			} else if h.saved {
				_, err = drop.ExecContext(ctx, int64(id))
			}
			if err != nil {
				return fmt.Errorf("write open row: %w", err)
			}
			written = append(written, h)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("fold heads: %w", err)
	}
	for _, h := range written {
		h.dirty, h.saved = false, h.len() > 0
	}
	return nil
}

// dropRows deletes the log rows up to number upto.
func (d *DB) dropRows(ctx context.Context, upto int64) error {
	for {
		if err := d.take(ctx); err != nil {
			return err
		}
		var n int64
		err := d.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
			res, err := tx.StmtContext(ctx, d.stmts.dropRows).ExecContext(ctx, upto, foldRows)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
		d.give()
		if err != nil {
			return fmt.Errorf("fold the log: %w", err)
		}
		d.counts.logRows.Add(-n)
		if n < foldRows {
			return nil
		}
	}
}

// sealSilent seals the heads without samples since before, and forgets them.
func (d *DB) sealSilent(ctx context.Context, before time.Time) error {
	if err := d.take(ctx); err != nil {
		return err
	}
	var ids []ID
	for id, h := range d.heads {
		if h.touched < before.UnixMilli() {
			ids = append(ids, id)
		}
	}
	d.give()
	for len(ids) > 0 {
		some := ids[:min(foldHeads/2, len(ids))]
		if err := d.sealHeads(ctx, some, before); err != nil {
			return fmt.Errorf("seal silent heads: %w", err)
		}
		ids = ids[len(some):]
	}
	return nil
}

func (d *DB) sealHeads(ctx context.Context, ids []ID, before time.Time) error {
	if err := d.take(ctx); err != nil {
		return err
	}
	defer d.give()
	var r row
	var fulls []*full
	for _, id := range ids {
		h := d.heads[id]
		if h == nil || h.touched >= before.UnixMilli() {
			continue
		}
		fulls = append(fulls, &full{head: h})
		if h.len() > 0 || h.dirty || h.saved {
			r.sealed = append(r.sealed, id)
		}
	}
	if len(r.sealed) > 0 {
		size, err := d.commit(ctx, r, fulls)
		if err != nil {
			return err
		}
		d.logged(size)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range fulls {
		d.headBytes.Add(-int64(f.head.size()))
		delete(d.heads, f.head.id)
	}
	return nil
}
