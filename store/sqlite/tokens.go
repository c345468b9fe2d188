package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/roost-iot/roost"
)

const saveToken = `INSERT INTO tokens (id, project, hash, name, role, person, made_by, local, created_ms, last_used_ms, expires_ms)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO UPDATE SET project = excluded.project, hash = excluded.hash, name = excluded.name,
		role = excluded.role, person = excluded.person, made_by = excluded.made_by, local = excluded.local,
		created_ms = excluded.created_ms, last_used_ms = excluded.last_used_ms, expires_ms = excluded.expires_ms`

// SaveToken inserts or replaces by id.
func (s *Store) SaveToken(ctx context.Context, n roost.Token) error {
	return s.writeSmall(ctx, "save token", func(t *txn) error {
		person := sql.NullString{String: n.Person, Valid: n.Person != ""}
		err := t.exec(saveToken, n.ID, n.Project, n.Hash[:], n.Name, n.Role, person, n.By, n.Local,
			ms(n.Created), ms(n.LastUsed), ms(n.Expires))
		if isForeign(err) {
			return roost.Because(roost.NotFound, err, "The project or the person of this token is gone.")
		}
		return err
	})
}

// TouchToken saves when a token was last used, if it is still there.
func (s *Store) TouchToken(ctx context.Context, hash roost.Secret, when time.Time) error {
	return s.writeSmall(ctx, "touch token", func(t *txn) error {
		return t.exec(`UPDATE tokens SET last_used_ms = ? WHERE hash = ?`, ms(when), hash[:])
	})
}

const tokenColumns = `SELECT id, project, hash, name, role, coalesce(person, ''), made_by, local,
	created_ms, last_used_ms, expires_ms FROM tokens `

func scanToken(row scanner) (n roost.Token, err error) {
	var hash []byte
	var created, used, expires int64
	err = row.Scan(&n.ID, &n.Project, &hash, &n.Name, &n.Role, &n.Person, &n.By, &n.Local, &created, &used, &expires)
	if err != nil {
		return n, err
	}
	n.Created, n.LastUsed, n.Expires = at(created), at(used), at(expires)
	return n, readSecret(&n.Hash, hash)
}

// Token gives one; roost.NotFound if there is none.
func (s *Store) Token(ctx context.Context, hash roost.Secret) (roost.Token, error) {
	n, ok, err := one(ctx, s, "read token", scanToken, tokenColumns+`WHERE hash = ?`, hash[:])
	if err == nil && !ok {
		err = noToken()
	}
	return n, err
}

// Tokens gives those of a project, oldest first.
func (s *Store) Tokens(ctx context.Context, project roost.ProjectID) ([]roost.Token, error) {
	return list(ctx, s, "read tokens", scanToken, tokenColumns+`WHERE project = ? ORDER BY created_ms, rowid`, project)
}

// DeleteToken removes one; roost.NotFound if there is none of that id in the project.
func (s *Store) DeleteToken(ctx context.Context, project roost.ProjectID, id string) error {
	return s.writeSmall(ctx, "delete token", func(t *txn) error {
		n, err := t.change(`DELETE FROM tokens WHERE project = ? AND id = ?`, project, id)
		if err == nil && n == 0 {
			err = noToken()
		}
		return err
	})
}

func noToken() error { return roost.Errorf(roost.NotFound, "There is no such token.") }
