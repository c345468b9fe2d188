package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"
)

// maxLogGrowth bounds by how much the log may outgrow Config.MaxLogBytes where the
// heads are larger than that: each fold writes the heads, each Open reads the log.
const maxLogGrowth = 4

// full is a head that the batch being appended fills.
type full struct {
	head  *head
	extra []Point // its samples of the batch, in order of arrival
	tail  tail    // after sealing
}

// Append stores a batch in one transaction; some hundred to a few thousand
// samples make the best use of it. Either all of the batch is stored or none.
func (d *DB) Append(ctx context.Context, batch []Sample) error {
	for _, s := range batch {
		if s.Time == math.MaxInt64 {
			return errors.New("append samples: a time is beyond all ranges")
		}
	}
	if len(batch) == 0 {
		return nil
	}
	if err := d.take(ctx); err != nil {
		return err
	}
	defer d.give()
	fulls := d.plan(batch)
	r := row{samples: batch}
	for _, f := range fulls {
		r.sealed = append(r.sealed, f.head.id)
	}
	size, err := d.commit(ctx, r, fulls)
	if err != nil {
		d.forget(batch)
		return fmt.Errorf("append samples: %w", err)
	}
	d.apply(batch, fulls)
	d.logged(size)
	return nil
}

// logged counts a log row of size bytes and wakes the keeper when the log is long.
func (d *DB) logged(size int) {
	d.seq++
	d.logBytes += size
	d.counts.logRows.Add(1)
	limit := max(d.config.MaxLogBytes, min(int(d.headBytes.Load()), maxLogGrowth*d.config.MaxLogBytes))
	if d.logBytes > limit {
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
}

// plan finds the head of every sample and says which heads will be full.
func (d *DB) plan(batch []Sample) []*full {
	d.touching = d.touching[:0]
	var fulls []*full
	now := time.Now().UnixMilli()
	for _, s := range batch {
		h := d.heads[s.Series] // only the turn's holder changes the map
		if h == nil {
			h = d.newHead(s.Series)
		}
		d.touching = append(d.touching, h)
		h.touched = now
		h.pending++
		if h.slot == 0 && h.len()+h.pending >= d.config.ChunkSamples {
			fulls = append(fulls, &full{head: h})
			h.slot = len(fulls)
		}
	}
	if len(fulls) == 0 {
		return nil
	}
	for i, s := range batch {
		if slot := d.touching[i].slot; slot > 0 {
			f := fulls[slot-1]
			f.extra = append(f.extra, Point{s.Time, s.Value})
		}
	}
	return fulls
}

func (d *DB) newHead(id ID) *head {
	h := newHead(id)
	d.mu.Lock()
	d.heads[id] = h
	d.mu.Unlock()
	return h
}

// forget undoes plan.
func (d *DB) forget(batch []Sample) {
	for i := range batch {
		h := d.touching[i]
		h.pending, h.slot = 0, 0
	}
}

// commit writes a log row and the chunks of the heads it fills; it gives the
// size of the row.
func (d *DB) commit(ctx context.Context, r row, fulls []*full) (int, error) {
	d.scratch = appendRow(d.scratch[:0], d.seq+1, r)
	err := d.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.StmtContext(ctx, d.stmts.addRow).ExecContext(ctx, d.seq+1, d.scratch); err != nil {
			return fmt.Errorf("write log row: %w", err)
		}
		for _, f := range fulls {
			if err := d.sealHead(ctx, tx, f); err != nil {
				return err
			}
		}
		return nil
	})
	return len(d.scratch), err
}

// apply takes the committed batch into the heads.
func (d *DB) apply(batch []Sample, fulls []*full) {
	late, grown := int64(0), 0
	d.mu.Lock()
	for _, f := range fulls {
		grown -= f.head.size()
		f.head.clear()
	}
	for i, s := range batch {
		h := d.touching[i]
		h.pending = 0
		if h.slot > 0 {
			continue
		}
		before := h.size()
		if h.n > 0 && s.Time <= h.last {
			late++
		}
		h.add(s.Time, s.Value)
		grown += h.size() - before
		if !h.dirty {
			h.dirty = true
			d.dirty = append(d.dirty, h.id)
		}
	}
	d.mu.Unlock()
	for _, f := range fulls {
		f.head.sealed(f.tail)
	}
	d.headBytes.Add(int64(grown))
	d.counts.late.Add(late)
	d.counts.appended.Add(int64(len(batch)))
}
