package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/roost-iot/roost"
)

// AllSoftware gives that of all things of all projects.
func (s *Store) AllSoftware(ctx context.Context) ([]roost.Software, error) {
	return list(ctx, s, "read software", scanSoftware, `SELECT project, thing, app, pool, by_account, own, again, platform, frozen,
		os, version, encrypted, updated_ms FROM software ORDER BY project, thing`)
}

func scanSoftware(row scanner) (w roost.Software, err error) {
	var own string
	var updated int64
	err = row.Scan(&w.Project, &w.Thing, &w.App, &w.Pool, &w.ByAccount, &own, &w.Again, &w.Platform, &w.Frozen,
		&w.OS, &w.Version, &w.Encrypted, &updated)
	if err != nil {
		return w, err
	}
	w.Updated = at(updated)
	if own != "{}" {
		err = json.Unmarshal([]byte(own), &w.Own)
	}
	if err != nil {
		return w, fmt.Errorf("settings of thing %q: %w", w.Thing, err)
	}
	return w, nil
}

const saveSoftware = `INSERT INTO software (project, thing, app, pool, by_account, own, again, platform, frozen, os, version, encrypted,
		updated_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (project, thing) DO UPDATE SET app = excluded.app, pool = excluded.pool, by_account = excluded.by_account,
		own = excluded.own, again = excluded.again, platform = excluded.platform, frozen = excluded.frozen, os = excluded.os,
		version = excluded.version, encrypted = excluded.encrypted, updated_ms = excluded.updated_ms`

func (t *txn) saveSoftware(w roost.Software) error {
	own := "{}"
	if w.Own != (roost.SettingsChange{}) {
		b, err := json.Marshal(w.Own)
		if err != nil {
			return fmt.Errorf("encode settings: %w", err)
		}
		own = string(b)
	}
	err := t.exec(saveSoftware, w.Project, w.Thing, w.App, w.Pool, w.ByAccount, own, w.Again, w.Platform, w.Frozen,
		w.OS, w.Version, w.Encrypted, ms(w.Updated))
	return inProject(err, w.Project)
}

// SaveSoftware inserts or replaces that of one thing.
func (s *Store) SaveSoftware(ctx context.Context, w roost.Software) error {
	return s.writeSmall(ctx, "save software", func(t *txn) error { return t.saveSoftware(w) })
}

// DeleteSoftware removes that of a thing, with its runs.
func (s *Store) DeleteSoftware(ctx context.Context, ref roost.Ref) error {
	return s.writeSmall(ctx, "delete software", func(t *txn) error {
		return t.exec(`DELETE FROM software WHERE project = ? AND thing = ?`, ref.Project, ref.Thing)
	})
}
