package sqlite

import (
	"context"

	"github.com/roost-iot/roost"
)

// SaveAudit appends; the store gives the ID.
func (s *Store) SaveAudit(ctx context.Context, e roost.AuditEntry) error {
	return s.writeSmall(ctx, "save audit entry", func(t *txn) error {
		err := t.exec(`INSERT INTO audit (project, at_ms, who, who_id, act, object, detail) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			e.Project, ms(e.At), e.Who, e.WhoID, e.Act, e.Object, e.Detail)
		return inProject(err, e.Project)
	})
}

const selectAudit = `SELECT id, project, at_ms, who, who_id, act, object, detail FROM audit
	WHERE project = ?1 AND (?2 = 0 OR id < ?2) ORDER BY id DESC LIMIT ?3 + 0`

// AuditLog gives entries of a project with an ID under before (0: from the
// newest), newest first, at most max (under 1: all).
func (s *Store) AuditLog(ctx context.Context, project roost.ProjectID, before int64, max int) ([]roost.AuditEntry, error) {
	return list(ctx, s, "read audit log", func(row scanner) (e roost.AuditEntry, err error) {
		var when int64
		err = row.Scan(&e.ID, &e.Project, &when, &e.Who, &e.WhoID, &e.Act, &e.Object, &e.Detail)
		e.At = at(when)
		return e, err
	}, selectAudit, project, before, limit(max))
}
