package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/roost-iot/roost"
)

const runColumns = `SELECT project, thing, id, started_ms, last_contact_ms, ended_ms, app, pool, os, version, platform, frozen, encrypted,
	address, (SELECT json_group_array(json_object('part', part, 'ok', ok, 'known', known, 'said', said, 'at', at_ms, 'error', error,
		'errorAt', error_ms)) FROM run_statuses s WHERE s.project = runs.project AND s.thing = runs.thing AND s.run = runs.id)
	FROM runs `

// LastRuns gives the runs that have not ended.
func (s *Store) LastRuns(ctx context.Context) ([]roost.Run, error) {
	return list(ctx, s, "read last runs", scanRun, runColumns+`WHERE ended_ms = 0 ORDER BY rowid`)
}

// FindRun gives one; ok is false when it is not kept.
func (s *Store) FindRun(ctx context.Context, ref roost.Ref, id string) (roost.Run, bool, error) {
	return one(ctx, s, "read run", scanRun, runColumns+`WHERE project = ? AND thing = ? AND id = ?`, ref.Project, ref.Thing, id)
}

// RunByID gives the newest of that id, of whatever thing; ok is false when none is kept.
func (s *Store) RunByID(ctx context.Context, id string) (roost.Run, bool, error) {
	return one(ctx, s, "read run", scanRun, runColumns+`WHERE id = ? ORDER BY rowid DESC LIMIT 1`, id)
}

// Runs gives those of a thing that began before a time (zero: all), newest first, at most max (under 1: all).
func (s *Store) Runs(ctx context.Context, ref roost.Ref, before time.Time, max int) ([]roost.Run, error) {
	end := int64(math.MaxInt64)
	if !before.IsZero() {
		end = before.UnixMilli()
	}
	return list(ctx, s, "read runs", scanRun, runColumns+`WHERE project = ? AND thing = ? AND started_ms < ?
		ORDER BY rowid DESC LIMIT ? + 0`, ref.Project, ref.Thing, end, limit(max))
}

func scanRun(row scanner) (r roost.Run, err error) {
	var started, contact, ended int64
	var statuses string
	err = row.Scan(&r.Project, &r.Thing, &r.ID, &started, &contact, &ended, &r.App, &r.Pool, &r.OS, &r.Version, &r.Platform, &r.Frozen,
		&r.Encrypted, &r.Address, &statuses)
	if err != nil {
		return r, err
	}
	r.Started, r.LastContact, r.Ended = at(started), at(contact), at(ended)
	r.Statuses, err = readStatuses(statuses)
	return r, err
}

func readStatuses(text string) (map[roost.Part]roost.Status, error) {
	var rows []struct {
		Part        roost.Part
		OK, Known   int
		Said, Error string
		At, ErrorAt int64
	}
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, fmt.Errorf("read statuses: %w", err)
	}
	all := make(map[roost.Part]roost.Status, len(rows))
	for _, s := range rows {
		all[s.Part] = roost.Status{OK: s.OK != 0, Known: s.Known != 0, Text: s.Said, At: at(s.At), Error: s.Error, ErrorAt: at(s.ErrorAt)}
	}
	return all, nil
}

const (
	saveRun = `INSERT INTO runs (project, thing, id, started_ms, last_contact_ms, ended_ms, app, pool, os, version, platform, frozen,
			encrypted, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (project, thing, id) DO UPDATE SET started_ms = excluded.started_ms, last_contact_ms = excluded.last_contact_ms,
			ended_ms = excluded.ended_ms, app = excluded.app, pool = excluded.pool, os = excluded.os, version = excluded.version,
			platform = excluded.platform, frozen = excluded.frozen, encrypted = excluded.encrypted, address = excluded.address`
	saveStatus = `INSERT INTO run_statuses (project, thing, run, part, ok, known, said, at_ms, error, error_ms)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (project, thing, run, part) DO UPDATE SET ok = excluded.ok, known = excluded.known, said = excluded.said,
			at_ms = excluded.at_ms, error = excluded.error, error_ms = excluded.error_ms`
	trimRuns = `DELETE FROM runs WHERE project = ?1 AND thing = ?2 AND id NOT IN
		(SELECT id FROM runs WHERE project = ?1 AND thing = ?2 ORDER BY rowid DESC LIMIT ?3)`
)

// BeginRun saves the software of a thing and some of its runs, and removes all but the newest keep.
func (s *Store) BeginRun(ctx context.Context, w roost.Software, runs []roost.Run, keep int) error {
	return s.write(ctx, "begin run", func(t *txn) error {
		if err := t.saveSoftware(w); err != nil {
			return err
		}
		for _, r := range runs {
			if err := t.saveRun(r); err != nil {
				return err
			}
		}
		return t.exec(trimRuns, w.Project, w.Thing, keep)
	})
}

func (t *txn) saveRun(r roost.Run) error {
	err := t.exec(saveRun, r.Project, r.Thing, r.ID, ms(r.Started), ms(r.LastContact), ms(r.Ended), r.App, r.Pool, r.OS, r.Version,
		r.Platform, r.Frozen, r.Encrypted, r.Address)
	if err != nil {
		return err
	}
	return t.saveStatuses(r)
}

func (t *txn) saveStatuses(r roost.Run) error {
	for part, s := range r.Statuses {
		err := t.exec(saveStatus, r.Project, r.Thing, r.ID, part, s.OK, s.Known, s.Text, ms(s.At), s.Error, ms(s.ErrorAt))
		if err != nil {
			return err
		}
	}
	return nil
}

const touchRun = `UPDATE runs SET last_contact_ms = max(last_contact_ms, ?) WHERE project = ? AND thing = ? AND id = ?`

// TouchRuns saves LastContact and Statuses of runs that are still there, 500 in one transaction.
func (s *Store) TouchRuns(ctx context.Context, runs []roost.Run) error {
	return writeMany(ctx, s, "touch runs", runs, func(t *txn, r roost.Run) error {
		if n, err := t.change(touchRun, ms(r.LastContact), r.Project, r.Thing, r.ID); err != nil || n == 0 {
			return err
		}
		return t.saveStatuses(r)
	})
}
