package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/roost-iot/roost"
)

// Apps gives all apps of all projects, by number.
func (s *Store) Apps(ctx context.Context) ([]roost.App, error) {
	return list(ctx, s, "read apps", scanApp, `SELECT project, id, number, name, default_pool, hidden, admits, unchecked, made_by,
		created_ms, edited_ms, board FROM apps ORDER BY number`)
}

func scanApp(row scanner) (a roost.App, err error) {
	var created, edited int64
	err = row.Scan(&a.Project, &a.ID, &a.Number, &a.Name, &a.DefaultPool, &a.Hidden, &a.Admits, &a.Unchecked, &a.By, &created, &edited, &a.Board)
	a.Created, a.Edited = at(created), at(edited)
	return a, err
}

const insertApp = `INSERT INTO apps (project, id, name, default_pool, hidden, admits, unchecked, made_by, created_ms, edited_ms, board)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number`

// MakeApp keeps a new app with its pools and its first commit, and gives its number;
// roost.Conflict when there is one of its id.
func (s *Store) MakeApp(ctx context.Context, a roost.App, pools []roost.Pool, first roost.Commit, contents []string) (number int64, err error) {
	err = s.write(ctx, "make app", func(t *txn) error {
		ids, err := query(t, scanID, insertApp, a.Project, a.ID, a.Name, a.DefaultPool, a.Hidden, a.Admits, a.Unchecked, a.By,
			ms(a.Created), ms(a.Edited), a.Board)
		if isUnique(err) {
			return roost.Because(roost.Conflict, err, "There is an app with the id %s already.", a.ID)
		}
		if err != nil {
			return inProject(err, a.Project)
		}
		number = ids[0]
		for _, p := range pools {
			if err := t.savePool(p); err != nil {
				return err
			}
		}
		return t.saveCommit(first, contents)
	})
	if err != nil {
		return 0, err
	}
	return number, nil
}

const saveApp = `UPDATE apps SET name = ?, default_pool = ?, admits = ?, unchecked = ?, edited_ms = ? WHERE project = ? AND id = ?`

// SaveApp changes what may change of an app; roost.NotFound if there is none of its id.
func (s *Store) SaveApp(ctx context.Context, a roost.App) error {
	return s.writeSmall(ctx, "save app", func(t *txn) error {
		n, err := t.change(saveApp, a.Name, a.DefaultPool, a.Admits, a.Unchecked, ms(a.Edited), a.Project, a.ID)
		return missing(n, err, a.ID)
	})
}

// missing is the error of a change that found no app.
func missing(changed int64, err error, id roost.AppID) error {
	if err == nil && changed == 0 {
		return noApp(id)
	}
	return err
}

func noApp(id roost.AppID) error { return roost.Errorf(roost.NotFound, "There is no app %s.", id) }

// ofApp turns the foreign key's error into a sentence.
func ofApp(err error, id roost.AppID) error {
	if isForeign(err) {
		return roost.Because(roost.NotFound, err, "There is no app %s.", id)
	}
	return err
}

// What things of an app that goes become: those that came with an account id have
// roost.NoApp, if there is a pool for them; the others have none.
const (
	unbindAccount = `UPDATE software SET app = ?, pool = ?, own = json_remove(own, '$.app')
		WHERE project = ? AND app = ? AND by_account = 1`
	unbindApp  = `UPDATE software SET app = '', pool = '', own = json_remove(own, '$.app') WHERE project = ? AND app = ?`
	dropUnused = `DELETE FROM blobs WHERE NOT EXISTS (SELECT 1 FROM commit_files f WHERE f.digest = blobs.digest)`
)

// DeleteApp removes an app with its pools, commits, tags and drafts; files that other apps
// have too stay. Its things have no app then, but for those that came with an account id:
// with a pool they go to that one of roost.NoApp.
func (s *Store) DeleteApp(ctx context.Context, project roost.ProjectID, id roost.AppID, pool string) error {
	return s.write(ctx, "delete app", func(t *txn) error {
		if pool != "" {
			if err := t.exec(unbindAccount, roost.NoApp, pool, project, id); err != nil {
				return err
			}
		}
		if err := t.exec(unbindApp, project, id); err != nil {
			return err
		}
		if n, err := t.change(`DELETE FROM apps WHERE project = ? AND id = ?`, project, id); err != nil || n == 0 {
			return missing(n, err, id)
		}
		return t.exec(dropUnused)
	})
}

// Pools gives those of all apps, in the order in which they were made.
func (s *Store) Pools(ctx context.Context) ([]roost.Pool, error) {
	return list(ctx, s, "read pools", scanPool, `SELECT project, app, name, kind, settings, base, edited_ms FROM pools ORDER BY rowid`)
}

func scanPool(row scanner) (p roost.Pool, err error) {
	var settings string
	var edited int64
	if err = row.Scan(&p.Project, &p.App, &p.Name, &p.Kind, &settings, &p.Base, &edited); err != nil {
		return p, err
	}
	p.Edited = at(edited)
	if err = json.Unmarshal([]byte(settings), &p.Settings); err != nil {
		return p, fmt.Errorf("settings of pool %q: %w", p.Name, err)
	}
	return p, nil
}

const savePool = `INSERT INTO pools (project, app, name, kind, settings, base, edited_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (project, app, name) DO UPDATE SET kind = excluded.kind, settings = excluded.settings, base = excluded.base,
		edited_ms = excluded.edited_ms`

func (t *txn) savePool(p roost.Pool) error {
	settings, err := json.Marshal(p.Settings)
	if err != nil {
		return fmt.Errorf("encode settings: %w", err)
	}
	return ofApp(t.exec(savePool, p.Project, p.App, p.Name, p.Kind, string(settings), p.Base, ms(p.Edited)), p.App)
}

// SavePools inserts or replaces pools, all or none.
func (s *Store) SavePools(ctx context.Context, pools []roost.Pool) error {
	return s.write(ctx, "save pools", func(t *txn) error {
		for _, p := range pools {
			if err := t.savePool(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// RenamePool gives a pool another name, to its things and to its app as well, and saves
// the rest of it; roost.Conflict when its app has one of that name.
func (s *Store) RenamePool(ctx context.Context, p roost.Pool, name string) error {
	return s.write(ctx, "rename pool", func(t *txn) error {
		err := t.exec(`UPDATE pools SET name = ? WHERE project = ? AND app = ? AND name = ?`, name, p.Project, p.App, p.Name)
		if isUnique(err) {
			return roost.Because(roost.Conflict, err, "The app has a pool %q already.", name)
		}
		if err != nil {
			return err
		}
		for _, text := range []string{
			`UPDATE software SET pool = ? WHERE project = ? AND app = ? AND pool = ?`,
			`UPDATE apps SET default_pool = ? WHERE project = ? AND id = ? AND default_pool = ?`,
		} {
			if err := t.exec(text, name, p.Project, p.App, p.Name); err != nil {
				return err
			}
		}
		p.Name = name
		return t.savePool(p)
	})
}

// DeletePool removes a pool, if it is there.
func (s *Store) DeletePool(ctx context.Context, project roost.ProjectID, app roost.AppID, name string) error {
	return s.writeSmall(ctx, "delete pool", func(t *txn) error {
		return t.exec(`DELETE FROM pools WHERE project = ? AND app = ? AND name = ?`, project, app, name)
	})
}
