package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// statements keeps statements prepared, by their text. All texts are constants,
// so there are few.
type statements struct {
	reader, writer *sql.DB
	mu             sync.RWMutex
	reads          map[string]*sql.Stmt
	writes         map[string]*sql.Stmt // touched by the committing goroutine only
	wanted         []string             // by it as well
}

// read gives a prepared query of the reading pool.
func (s *statements) read(ctx context.Context, text string) (*sql.Stmt, error) {
	s.mu.RLock()
	stmt := s.reads[text]
	s.mu.RUnlock()
	if stmt != nil {
		return stmt, nil
	}
	stmt, err := s.reader.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.reads[text]; other != nil {
		return other, stmt.Close()
	}
	if s.reads == nil {
		s.reads = map[string]*sql.Stmt{}
	}
	s.reads[text] = stmt
	return stmt, nil
}

// prepareWanted prepares what the last transaction had to compile. It cannot be
// done inside: the transaction has the only connection.
func (s *statements) prepareWanted() {
	for _, text := range s.wanted {
		if s.writes == nil {
			s.writes = map[string]*sql.Stmt{}
		}
		if s.writes[text] != nil {
			continue
		}
		if stmt, err := s.writer.Prepare(text); err == nil { // else it is compiled each time
			s.writes[text] = stmt
		}
	}
	s.wanted = s.wanted[:0]
}

func (s *statements) closeAll() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range []map[string]*sql.Stmt{s.reads, s.writes} {
		for _, stmt := range m {
			err = errors.Join(err, stmt.Close())
		}
		clear(m)
	}
	return err
}

// txn is the transaction that requests share.
type txn struct {
	tx    *sql.Tx
	stmts *statements
	fresh map[string]*sql.Stmt // prepared for this transaction only
}

// exec runs one statement.
func (t *txn) exec(text string, args ...any) error {
	_, err := t.change(text, args...)
	return err
}

// change runs one statement and gives how many rows it changed.
func (t *txn) change(text string, args ...any) (int64, error) {
	stmt, err := t.prepared(text)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// prepared gives the statement for use in this transaction, which closes it.
func (t *txn) prepared(text string) (*sql.Stmt, error) {
	if stmt := t.fresh[text]; stmt != nil {
		return stmt, nil
	}
	var stmt *sql.Stmt
	if kept := t.stmts.writes[text]; kept != nil {
		stmt = t.tx.StmtContext(context.Background(), kept)
	} else {
		var err error
		if stmt, err = t.tx.PrepareContext(context.Background(), text); err != nil {
			return nil, err
		}
		t.stmts.wanted = append(t.stmts.wanted, text)
	}
	if t.fresh == nil {
		t.fresh = map[string]*sql.Stmt{}
	}
	t.fresh[text] = stmt
	return stmt, nil
}

// query gives the rows of one query inside the transaction.
func query[T any](t *txn, scan func(scanner) (T, error), text string, args ...any) ([]T, error) {
	stmt, err := t.prepared(text)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(context.Background(), args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, scan)
}

// scanner is *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// list gives all rows of a query of the reading pool.
func list[T any](ctx context.Context, s *Store, act string, scan func(scanner) (T, error), text string, args ...any) ([]T, error) {
	stmt, err := s.stmts.read(ctx, text)
	if err != nil {
		return nil, s.wrap(act, err)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, s.wrap(act, err)
	}
	all, err := collect(rows, scan)
	return all, s.wrap(act, err)
}

// one gives the only row of a query; ok is false when there is none.
func one[T any](ctx context.Context, s *Store, act string, scan func(scanner) (T, error), text string, args ...any) (v T, ok bool, err error) {
	stmt, err := s.stmts.read(ctx, text)
	if err != nil {
		return v, false, s.wrap(act, err)
	}
	v, err = scan(stmt.QueryRowContext(ctx, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return v, false, nil
	}
	return v, err == nil, s.wrap(act, err)
}

func collect[T any](rows *sql.Rows, scan func(scanner) (T, error)) (all []T, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read a row: %w", err)
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// ms gives t as it is stored: Unix milliseconds, 0 for no time.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// at is the way back.
func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// limit makes "under 1" all. Queries say "LIMIT ? + 0", because a bare parameter
// there makes SQLite plan the statement anew whenever it is bound.
func limit(n int) int {
	if n < 1 {
		return -1
	}
	return n
}
