package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/roost-iot/roost"
)

const saveGatewayKey = `INSERT INTO gateway_keys (id, project, name, secret, private, created_ms, made_by, revoked_ms, last_seen_ms)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO UPDATE SET name = excluded.name, secret = excluded.secret, private = excluded.private,
		revoked_ms = excluded.revoked_ms, last_seen_ms = max(last_seen_ms, excluded.last_seen_ms)`

// SaveGatewayKey inserts or replaces by id.
func (s *Store) SaveGatewayKey(ctx context.Context, k roost.GatewayKey) error {
	return s.writeSmall(ctx, "save key of a gateway", func(t *txn) error {
		err := t.exec(saveGatewayKey, k.ID, k.Project, k.Name, k.Secret, k.Private[:], ms(k.Created), k.By, ms(k.Revoked), ms(k.LastSeen))
		return inProject(err, k.Project)
	})
}

// TouchGatewayKey saves when the holder of a key was last here.
func (s *Store) TouchGatewayKey(ctx context.Context, id string, when time.Time) error {
	return s.writeSmall(ctx, "touch key of a gateway", func(t *txn) error {
		return t.exec(`UPDATE gateway_keys SET last_seen_ms = ? WHERE id = ?`, ms(when), id)
	})
}

// GatewayKeys gives those of all projects, revoked ones too, oldest first.
func (s *Store) GatewayKeys(ctx context.Context) ([]roost.GatewayKey, error) {
	return list(ctx, s, "read keys of gateways", scanGatewayKey, `SELECT id, project, name, secret, private, created_ms, made_by,
		revoked_ms, last_seen_ms FROM gateway_keys ORDER BY created_ms, rowid`)
}

func scanGatewayKey(row scanner) (k roost.GatewayKey, err error) {
	var private []byte
	var created, revoked, seen int64
	err = row.Scan(&k.ID, &k.Project, &k.Name, &k.Secret, &private, &created, &k.By, &revoked, &seen)
	if err != nil {
		return k, err
	}
	if copy(k.Private[:], private) != len(private) || len(private) != len(k.Private) {
		return k, errors.New("the key of a gateway is not 32 bytes long")
	}
	k.Created, k.Revoked, k.LastSeen = at(created), at(revoked), at(seen)
	return k, nil
}
