package sqlite

import (
	"context"

	"github.com/roost-iot/roost"
)

const selectResources = `SELECT project, thing, name, value, at_ms, writable, place
	FROM resources ORDER BY project, thing, place, name`

// Resources gives the last values of all things, in the order in which each was first heard.
func (s *Store) Resources(ctx context.Context) (map[roost.Ref][]roost.Resource, error) {
	all, err := list(ctx, s, "read last values", scanResource, selectResources)
	if err != nil {
		return nil, err
	}
	of := map[roost.Ref][]roost.Resource{}
	for _, r := range all {
		of[r.Ref] = append(of[r.Ref], r.Resource)
	}
	return of, nil
}

func scanResource(row scanner) (r roost.ResourceOf, err error) {
	var when int64
	err = row.Scan(&r.Project, &r.Thing, &r.Name, &r.Value, &when, &r.Writable, &r.Place)
	r.At = at(when)
	return r, err
}

// A value of a thing that was deleted meanwhile is left out.
const saveResource = `INSERT INTO resources (project, thing, name, value, at_ms, writable, place)
	SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS (SELECT 1 FROM things WHERE project = ?1 AND id = ?2)
	ON CONFLICT (project, thing, name) DO UPDATE SET value = excluded.value, at_ms = excluded.at_ms,
		writable = excluded.writable, place = excluded.place`

// SaveResources inserts or replaces last values, 500 in one transaction. Those
// of things that are not in the store are left out.
func (s *Store) SaveResources(ctx context.Context, batch []roost.ResourceOf) error {
	return writeMany(ctx, s, "save last values", batch, func(t *txn, r roost.ResourceOf) error {
		return t.exec(saveResource, r.Project, r.Thing, r.Name, r.Value, ms(r.At), r.Writable, r.Place)
	})
}

// DeleteResources removes the last values of a thing.
func (s *Store) DeleteResources(ctx context.Context, ref roost.Ref) error {
	return s.writeSmall(ctx, "delete last values", func(t *txn) error {
		return t.exec(`DELETE FROM resources WHERE project = ? AND thing = ?`, ref.Project, ref.Thing)
	})
}
