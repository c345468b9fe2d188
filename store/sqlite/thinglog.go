package sqlite

import (
	"context"
	"math"

	"github.com/roost-iot/roost"
)

const saveLine = `INSERT INTO thing_log (id, project, thing, at_ms, level, line, detail) VALUES (?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO NOTHING`

// SaveLines keeps lines of the logs of things by their ids, 500 in one transaction.
// Those whose id is there already, and those of unknown projects, are left out.
func (s *Store) SaveLines(ctx context.Context, batch []roost.LogLine) error {
	return writeMany(ctx, s, "save log lines", batch, func(t *txn, l roost.LogLine) error {
		err := t.exec(saveLine, l.ID, l.Project, l.Thing, ms(l.At), l.Level, l.Text, l.Detail)
		if isForeign(err) {
			return nil
		}
		return err
	})
}

// LastLine is the highest id that a line ever had, 0 if there was none.
func (s *Store) LastLine(ctx context.Context) (int64, error) { return s.lastOf(ctx, "thing_log") }

const selectLines = `SELECT id, project, thing, at_ms, level, line, detail FROM thing_log
	WHERE project = ? AND thing = ? AND id < ? ORDER BY id DESC LIMIT ? + 0`

// Lines gives the log of a thing with ids under before (0: from the newest), newest
// first, at most max (under 1: all).
func (s *Store) Lines(ctx context.Context, ref roost.Ref, before int64, max int) ([]roost.LogLine, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	return list(ctx, s, "read log", func(row scanner) (l roost.LogLine, err error) {
		var when int64
		err = row.Scan(&l.ID, &l.Project, &l.Thing, &when, &l.Level, &l.Text, &l.Detail)
		l.At = at(when)
		return l, err
	}, selectLines, ref.Project, ref.Thing, before, limit(max))
}

const (
	oldestLine = `SELECT id FROM thing_log WHERE project = ? AND thing = ? ORDER BY id DESC LIMIT 1 OFFSET ? + 0`
	trimLine   = `DELETE FROM thing_log WHERE id IN (SELECT id FROM thing_log
		WHERE project = ? AND thing = ? AND id < ? ORDER BY id LIMIT ? + 0)`
)

// TrimLines deletes the log of a thing but its newest keep lines.
func (s *Store) TrimLines(ctx context.Context, ref roost.Ref, keep int) error {
	oldest, found, err := one(ctx, s, "find log lines to trim", scanID, oldestLine, ref.Project, ref.Thing, keep-1)
	if err != nil || !found {
		return err
	}
	return s.deleteAll(ctx, "trim log", trimLine, ref.Project, ref.Thing, oldest)
}

// DropLines deletes the log of a thing.
func (s *Store) DropLines(ctx context.Context, ref roost.Ref) error {
	return s.deleteAll(ctx, "drop log", trimLine, ref.Project, ref.Thing, int64(math.MaxInt64))
}
