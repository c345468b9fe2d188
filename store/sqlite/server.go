package sqlite

import "context"

// ServerValue gives one value of the server's own, "" if there is none.
func (s *Store) ServerValue(ctx context.Context, key string) (string, error) {
	v, _, err := one(ctx, s, "read server value", func(row scanner) (v string, err error) {
		err = row.Scan(&v)
		return v, err
	}, `SELECT value FROM server WHERE key = ?`, key)
	return v, err
}

// SaveServerValue inserts or replaces; "" removes.
func (s *Store) SaveServerValue(ctx context.Context, key, value string) error {
	return s.writeSmall(ctx, "save server value", func(t *txn) error {
		if value == "" {
			return t.exec(`DELETE FROM server WHERE key = ?`, key)
		}
		return t.exec(`INSERT INTO server (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	})
}
