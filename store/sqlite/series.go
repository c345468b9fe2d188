package sqlite

import (
	"context"
	"errors"

	"github.com/roost-iot/roost"
)

const findSeries = `SELECT id FROM series WHERE project = ? AND thing = ? AND resource = ?`

func scanID(row scanner) (id int64, err error) {
	err = row.Scan(&id)
	return id, err
}

// FindSeries gives the number of the series of one resource; ok is false when there is none.
func (s *Store) FindSeries(ctx context.Context, ref roost.Ref, resource string) (id int64, ok bool, err error) {
	return one(ctx, s, "find series", scanID, findSeries, ref.Project, ref.Thing, resource)
}

// Series is FindSeries, and makes one at the first use.
func (s *Store) Series(ctx context.Context, ref roost.Ref, resource string) (int64, error) {
	if id, ok, err := s.FindSeries(ctx, ref, resource); ok || err != nil {
		return id, err
	}
	var id int64
	err := s.write(ctx, "make series", func(t *txn) (err error) {
		id, err = t.series(ref, resource)
		return err
	})
	if err != nil {
		return 0, err
	}
	return id, nil
}

func (t *txn) series(ref roost.Ref, resource string) (int64, error) {
	err := t.exec(`INSERT INTO series (project, thing, resource) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		ref.Project, ref.Thing, resource)
	if err != nil {
		return 0, inProject(err, ref.Project)
	}
	ids, err := query(t, scanID, findSeries, ref.Project, ref.Thing, resource)
	if err == nil && len(ids) != 1 {
		err = errors.New("a series just made is not there")
	}
	if err != nil {
		return 0, err
	}
	return ids[0], nil
}

// SeriesOf gives the numbers of all series of one thing.
func (s *Store) SeriesOf(ctx context.Context, ref roost.Ref) ([]int64, error) {
	return list(ctx, s, "find series", scanID, `SELECT id FROM series WHERE project = ? AND thing = ?`, ref.Project, ref.Thing)
}

// DropSeries forgets all series of one thing with their texts and gives their
// numbers, which are never used again.
func (s *Store) DropSeries(ctx context.Context, ref roost.Ref) ([]int64, error) {
	var ids []int64
	err := s.write(ctx, "drop series", func(t *txn) (err error) {
		ids, err = query(t, scanID, `DELETE FROM series WHERE project = ? AND thing = ? RETURNING id`, ref.Project, ref.Thing)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}
