package sqlite

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
)

// mostBoots is how many starts are kept of a thing; the oldest go.
const mostBoots = 50

// SaveBoot keeps a start of a thing. One whose name is there already gets what it said
// last; its time and what was before it stand.
func (s *Store) SaveBoot(ctx context.Context, b roost.Boot) error {
	return s.write(ctx, "save a start", func(t *txn) error {
		err := t.exec(`INSERT INTO boots (project, thing, boot, at_ms, reset, why, os, app, before_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (project, thing, boot) DO UPDATE SET reset = excluded.reset, why = excluded.why, os = excluded.os, app = excluded.app`,
			b.Project, b.Thing, b.Name, ms(b.At), b.Reset, b.Why, b.OS, b.App, b.Before.Milliseconds())
		if err != nil {
			return inProject(err, b.Project)
		}
		return t.exec(`DELETE FROM boots WHERE project = ?1 AND thing = ?2 AND id IN (SELECT id FROM boots
			WHERE project = ?1 AND thing = ?2 ORDER BY id DESC LIMIT -1 OFFSET ?3)`, b.Project, b.Thing, mostBoots)
	})
}

// Boots gives the starts that are kept of a thing, the latest first.
func (s *Store) Boots(ctx context.Context, ref roost.Ref) ([]roost.Boot, error) {
	return list(ctx, s, "read starts", func(row scanner) (b roost.Boot, err error) {
		var when, before int64
		err = row.Scan(&b.Project, &b.Thing, &b.Name, &when, &b.Reset, &b.Why, &b.OS, &b.App, &before)
		b.At, b.Before = at(when), time.Duration(before)*time.Millisecond
		return b, err
	}, `SELECT project, thing, boot, at_ms, reset, why, os, app, before_ms FROM boots WHERE project = ? AND thing = ? ORDER BY id DESC`,
		ref.Project, ref.Thing)
}
