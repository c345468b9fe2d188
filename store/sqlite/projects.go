package sqlite

import (
	"context"

	"github.com/roost-iot/roost"
)

// Projects gives all, oldest first.
func (s *Store) Projects(ctx context.Context) ([]roost.Project, error) {
	return list(ctx, s, "read projects", func(row scanner) (p roost.Project, err error) {
		var created int64
		err = row.Scan(&p.ID, &p.Name, &created)
		p.Created = at(created)
		return p, err
	}, `SELECT id, name, created_ms FROM projects ORDER BY created_ms, id`)
}

const saveProject = `INSERT INTO projects (id, name, created_ms) VALUES (?, ?, ?)
	ON CONFLICT (id) DO UPDATE SET name = excluded.name`

// SaveProject inserts one or renames it. Durable when it returns.
func (s *Store) SaveProject(ctx context.Context, p roost.Project) error {
	return s.writeSmall(ctx, "save project", func(t *txn) error {
		return t.exec(saveProject, p.ID, p.Name, ms(p.Created))
	})
}

// inProject turns the foreign key's error into a sentence.
func inProject(err error, project roost.ProjectID) error {
	if isForeign(err) {
		return roost.Because(roost.NotFound, err, "There is no project %q.", string(project))
	}
	return err
}
