package sqlite

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
)

// DraftNames gives the files of all apps that have drafts, without their contents.
func (s *Store) DraftNames(ctx context.Context) ([]roost.Draft, error) {
	return list(ctx, s, "read names of drafts", scanDraft,
		`SELECT project, app, name, x'', deleted, made_by, at_ms FROM drafts ORDER BY project, app, name`)
}

// Drafts gives those of an app, by name.
func (s *Store) Drafts(ctx context.Context, project roost.ProjectID, app roost.AppID) ([]roost.Draft, error) {
	return list(ctx, s, "read drafts", scanDraft,
		`SELECT project, app, name, content, deleted, made_by, at_ms FROM drafts WHERE project = ? AND app = ? ORDER BY name`, project, app)
}

func scanDraft(row scanner) (d roost.Draft, err error) {
	var content []byte
	var made int64
	err = row.Scan(&d.Project, &d.App, &d.Name, &content, &d.Deleted, &d.By, &made)
	d.Content, d.At = string(content), at(made)
	return d, err
}

const saveDraft = `INSERT INTO drafts (project, app, name, content, deleted, made_by, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (project, app, name) DO UPDATE SET content = excluded.content, deleted = excluded.deleted,
		made_by = excluded.made_by, at_ms = excluded.at_ms`

// SaveDrafts inserts or replaces drafts of one app, removes those named, and marks the app edited.
func (s *Store) SaveDrafts(ctx context.Context, project roost.ProjectID, app roost.AppID, drafts []roost.Draft, remove []string, edited time.Time) error {
	return s.write(ctx, "save drafts", func(t *txn) error {
		if err := t.deleteDrafts(project, app, remove); err != nil {
			return err
		}
		for _, d := range drafts {
			err := t.exec(saveDraft, project, app, d.Name, []byte(d.Content), d.Deleted, d.By, ms(d.At))
			if err != nil {
				return ofApp(err, app)
			}
		}
		return t.edited(project, app, edited)
	})
}

func (t *txn) deleteDrafts(project roost.ProjectID, app roost.AppID, names []string) error {
	for _, name := range names {
		if err := t.exec(`DELETE FROM drafts WHERE project = ? AND app = ? AND name = ?`, project, app, name); err != nil {
			return err
		}
	}
	return nil
}
