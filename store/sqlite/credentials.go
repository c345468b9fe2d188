package sqlite

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
)

const saveCredential = `INSERT INTO credentials (id, project, own, hash, created_ms, made_by, last_used_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO UPDATE SET own = excluded.own, hash = excluded.hash, last_used_ms = excluded.last_used_ms`

// SaveCredential inserts or replaces by id; roost.Conflict when the thing has another.
func (s *Store) SaveCredential(ctx context.Context, c roost.Credential) error {
	return s.writeSmall(ctx, "save credential", func(t *txn) error {
		err := t.exec(saveCredential, c.ID, c.Project, c.Own, c.Hash[:], ms(c.Created), c.By, ms(c.LastUsed))
		if isUnique(err) {
			return roost.Because(roost.Conflict, err, "%q has a password already.", c.Own)
		}
		return inProject(err, c.Project)
	})
}

// TouchCredential saves when one was last used, if it is still there.
func (s *Store) TouchCredential(ctx context.Context, id string, when time.Time) error {
	return s.writeSmall(ctx, "touch credential", func(t *txn) error {
		return t.exec(`UPDATE credentials SET last_used_ms = ? WHERE id = ?`, ms(when), id)
	})
}

// Credentials gives those of all projects, oldest first.
func (s *Store) Credentials(ctx context.Context) ([]roost.Credential, error) {
	return list(ctx, s, "read credentials", scanCredential,
		`SELECT id, project, own, hash, created_ms, made_by, last_used_ms FROM credentials ORDER BY created_ms, rowid`)
}

func scanCredential(row scanner) (c roost.Credential, err error) {
	var hash []byte
	var created, used int64
	if err = row.Scan(&c.ID, &c.Project, &c.Own, &hash, &created, &c.By, &used); err != nil {
		return c, err
	}
	c.Created, c.LastUsed = at(created), at(used)
	return c, readSecret(&c.Hash, hash)
}

// DeleteCredential removes one; roost.NotFound if there is none of that id in the project.
func (s *Store) DeleteCredential(ctx context.Context, project roost.ProjectID, id string) error {
	return s.writeSmall(ctx, "delete credential", func(t *txn) error {
		n, err := t.change(`DELETE FROM credentials WHERE project = ? AND id = ?`, project, id)
		if err == nil && n == 0 {
			err = roost.Errorf(roost.NotFound, "There is no such credential.")
		}
		return err
	})
}
