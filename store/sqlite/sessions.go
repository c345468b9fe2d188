package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/roost-iot/roost"
)

const (
	saveSession = `INSERT INTO sessions (hash, person, remote, created_ms, last_seen_ms, expires_ms) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (hash) DO UPDATE SET person = excluded.person, remote = excluded.remote,
			created_ms = excluded.created_ms, last_seen_ms = excluded.last_seen_ms, expires_ms = excluded.expires_ms`
	touchSession = `UPDATE sessions SET last_seen_ms = ?, expires_ms = ? WHERE hash = ?`
	seePerson    = `UPDATE people SET last_seen_ms = max(last_seen_ms, ?) WHERE id = ?`
)

// SaveSession inserts or replaces; the person was last seen when the session was.
func (s *Store) SaveSession(ctx context.Context, n roost.Session) error {
	return s.write(ctx, "save session", func(t *txn) error {
		err := t.exec(saveSession, n.Hash[:], n.Person, n.Remote, ms(n.Created), ms(n.LastSeen), ms(n.Expires))
		if isForeign(err) {
			return roost.Because(roost.NotFound, err, "There is no such person.")
		}
		if err != nil {
			return err
		}
		return t.exec(seePerson, ms(n.LastSeen), n.Person)
	})
}

// TouchSession saves LastSeen and Expires of a session that is still there, and
// that the person was seen then.
func (s *Store) TouchSession(ctx context.Context, n roost.Session) error {
	return s.write(ctx, "touch session", func(t *txn) error {
		if changed, err := t.change(touchSession, ms(n.LastSeen), ms(n.Expires), n.Hash[:]); err != nil || changed == 0 {
			return err
		}
		return t.exec(seePerson, ms(n.LastSeen), n.Person)
	})
}

// Session gives one; roost.NotFound if there is none.
func (s *Store) Session(ctx context.Context, hash roost.Secret) (roost.Session, error) {
	n, ok, err := one(ctx, s, "read session", scanSession,
		`SELECT hash, person, remote, created_ms, last_seen_ms, expires_ms FROM sessions WHERE hash = ?`, hash[:])
	if err == nil && !ok {
		err = roost.Errorf(roost.NotFound, "There is no such session.")
	}
	return n, err
}

func scanSession(row scanner) (n roost.Session, err error) {
	var hash []byte
	var created, seen, expires int64
	if err = row.Scan(&hash, &n.Person, &n.Remote, &created, &seen, &expires); err != nil {
		return n, err
	}
	n.Created, n.LastSeen, n.Expires = at(created), at(seen), at(expires)
	return n, readSecret(&n.Hash, hash)
}

func readSecret(to *roost.Secret, from []byte) error {
	if copy(to[:], from) != len(to) || len(from) != len(to) {
		return errors.New("a hash is not 32 bytes long")
	}
	return nil
}

// DeleteSession removes one, if there.
func (s *Store) DeleteSession(ctx context.Context, hash roost.Secret) error {
	return s.writeSmall(ctx, "delete session", func(t *txn) error { return t.exec(`DELETE FROM sessions WHERE hash = ?`, hash[:]) })
}

// DeleteSessions removes those of a person but one (the zero Secret: all).
func (s *Store) DeleteSessions(ctx context.Context, person string, but roost.Secret) error {
	return s.writeSmall(ctx, "delete sessions", func(t *txn) error {
		return t.exec(`DELETE FROM sessions WHERE person = ? AND hash <> ?`, person, but[:])
	})
}

// ExpireSessions removes those that ended by now.
func (s *Store) ExpireSessions(ctx context.Context, now time.Time) error {
	return s.writeSmall(ctx, "expire sessions", func(t *txn) error {
		return t.exec(`DELETE FROM sessions WHERE expires_ms <= ?`, ms(now))
	})
}
