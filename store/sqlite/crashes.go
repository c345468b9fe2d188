package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/roost-iot/roost"
)

// mostCrashes bounds the groups that are kept of a project; those heard of longest ago go.
const mostCrashes = 1000

// SaveCrash counts a crash in the group of an id, which it makes, and keeps what is known of
// its thing then: both or neither. What was seen before is unseen again.
func (s *Store) SaveCrash(ctx context.Context, id string, c roost.Crash, of roost.Agent) error {
	facts, err := json.Marshal(of)
	if err != nil {
		return fmt.Errorf("encode facts: %w", err)
	}
	return s.write(ctx, "save crash", func(t *txn) error {
		if err := t.saveAgent(of, facts); err != nil {
			return err
		}
		err := t.exec(`INSERT INTO crashes (project, id, app, version, part, error, text, count, first_ms, last_ms, seen)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?8, 0)
			ON CONFLICT (project, id) DO UPDATE SET count = count + 1, last_ms = max(last_ms, excluded.last_ms), seen = 0`,
			c.Project, id, c.App, c.Version, c.Part, c.Error, c.Text, ms(c.At))
		if err != nil {
			return inProject(err, c.Project)
		}
		err = t.exec(`INSERT INTO crash_things (project, crash, thing, count, last_ms) VALUES (?, ?, ?, 1, ?)
			ON CONFLICT (project, crash, thing) DO UPDATE SET count = count + 1, last_ms = max(last_ms, excluded.last_ms)`,
			c.Project, id, c.Thing, ms(c.At))
		if err != nil {
			return err
		}
		return t.exec(`DELETE FROM crashes WHERE project = ?1 AND id IN (SELECT id FROM crashes
			WHERE project = ?1 ORDER BY last_ms DESC LIMIT -1 OFFSET ?2)`, c.Project, mostCrashes)
	})
}

const selectCrashes = `SELECT id, project, app, version, part, error, text, count, first_ms, last_ms, seen,
	(SELECT json_group_array(thing) FROM (SELECT thing FROM crash_things x WHERE x.project = crashes.project AND x.crash = crashes.id
		ORDER BY last_ms DESC LIMIT 100))
	FROM crashes WHERE project = ?1 AND (?2 = '' OR app = ?2) AND (?4 = 0 OR seen = 0)
		AND (?3 = '' OR EXISTS (SELECT 1 FROM crash_things t WHERE t.project = crashes.project AND t.crash = crashes.id AND t.thing = ?3))
	ORDER BY last_ms DESC LIMIT ?5 + 0`

// Crashes gives groups, the latest first, at most max (under 1: all): of an app, of a
// thing, of those that nobody has seen; "" and false: of all.
func (s *Store) Crashes(ctx context.Context, p roost.ProjectID, app roost.AppID, thing roost.ThingID, unseen bool, max int) ([]roost.CrashGroup, error) {
	return list(ctx, s, "read crashes", scanCrash, selectCrashes, p, app, thing, unseen, limit(max))
}

func scanCrash(row scanner) (g roost.CrashGroup, err error) {
	var first, last int64
	var things string
	err = row.Scan(&g.ID, &g.Project, &g.App, &g.Version, &g.Part, &g.Error, &g.Text, &g.Count, &first, &last, &g.Seen, &things)
	if err != nil {
		return g, err
	}
	g.First, g.Last = at(first), at(last)
	if err = json.Unmarshal([]byte(things), &g.Things); err != nil {
		return g, fmt.Errorf("things of crash %q: %w", g.ID, err)
	}
	return g, nil
}

// SeeCrash marks a group seen; roost.NotFound.
func (s *Store) SeeCrash(ctx context.Context, p roost.ProjectID, id string) error {
	return s.writeSmall(ctx, "mark crash seen", func(t *txn) error {
		return mustChange(t, `UPDATE crashes SET seen = 1 WHERE project = ? AND id = ?`, p, id)
	})
}

// DeleteCrash removes a group; roost.NotFound.
func (s *Store) DeleteCrash(ctx context.Context, p roost.ProjectID, id string) error {
	return s.writeSmall(ctx, "delete crash", func(t *txn) error {
		return mustChange(t, `DELETE FROM crashes WHERE project = ? AND id = ?`, p, id)
	})
}

func mustChange(t *txn, text string, args ...any) error {
	n, err := t.change(text, args...)
	if err == nil && n == 0 {
		return roost.Errorf(roost.NotFound, "There is no such crash here.")
	}
	return err
}
