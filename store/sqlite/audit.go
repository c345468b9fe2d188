package sqlite

import (
	"context"
	"time"

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

// auditPortion is how many entries go in one transaction, so that nobody waits long.
const auditPortion = 5000

// ExpireAudit deletes the entries made before a time.
func (s *Store) ExpireAudit(ctx context.Context, before time.Time) error {
	for left := true; left; {
		err := s.writeSmall(ctx, "expire audit entries", func(t *txn) error {
			n, err := t.change(`DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at_ms < ?1 LIMIT ?2 + 0)`, ms(before), auditPortion)
			left = n == auditPortion
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
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
