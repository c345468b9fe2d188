package sqlite

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
)

// A text of a series that was dropped meanwhile is left out.
const saveText = `INSERT INTO texts (series, at_ms, value)
	SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM series WHERE id = ?1)
	ON CONFLICT (series, at_ms) DO UPDATE SET value = excluded.value`

// SaveTexts keeps text readings, 500 in one transaction; a second one at the
// same millisecond of the same series replaces the first. Those of unknown
// series are left out.
func (s *Store) SaveTexts(ctx context.Context, batch []roost.TextReading) error {
	return writeMany(ctx, s, "save texts", batch, func(t *txn, r roost.TextReading) error {
		return t.exec(saveText, r.Series, r.At.UnixMilli(), r.Value)
	})
}

const selectTexts = `SELECT series, at_ms, value FROM texts
	WHERE series = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms DESC LIMIT ? + 0`

// Texts gives the text readings of one series from "from" up to and without
// "to", newest first, at most max (under 1: all).
func (s *Store) Texts(ctx context.Context, series int64, from, to time.Time, max int) ([]roost.TextReading, error) {
	return list(ctx, s, "read texts", scanText, selectTexts, series, from.UnixMilli(), to.UnixMilli(), limit(max))
}

// ExpireTexts deletes the text readings of one series before a time.
func (s *Store) ExpireTexts(ctx context.Context, series int64, before time.Time) error {
	return s.writeSmall(ctx, "expire texts", func(t *txn) error {
		return t.exec(`DELETE FROM texts WHERE series = ? AND at_ms < ?`, series, before.UnixMilli())
	})
}

func scanText(row scanner) (r roost.TextReading, err error) {
	var when int64
	err = row.Scan(&r.Series, &when, &r.Value)
	r.At = time.UnixMilli(when).UTC()
	return r, err
}
