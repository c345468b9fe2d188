package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// statements are prepared once; preparing costs more than most of them.
type statements struct {
	all []*sql.Stmt

	// On the writer, always within a transaction.
	addRow, dropRows                *sql.Stmt
	putOpen, dropOpen               *sql.Stmt
	addChunk, dropChunk, dropBefore *sql.Stmt
	tailChunk, coverChunk           *sql.Stmt

	// On the reader.
	forward, backward *sql.Stmt
}

// A bare parameter in LIMIT makes SQLite plan the statement anew whenever it is
// bound, which takes longer than to run it; hence the "+ 0".
const (
	addRow   = `INSERT INTO series_log (seq, data) VALUES (?, ?)`
	dropRows = `DELETE FROM series_log WHERE seq IN (SELECT seq FROM series_log WHERE seq <= ? ORDER BY seq LIMIT ? + 0)`

	putOpen  = `INSERT OR REPLACE INTO series_open (series, seq, start, data) VALUES (?, ?, ?, ?)`
	dropOpen = `DELETE FROM series_open WHERE series = ?`

	addChunk  = `INSERT OR REPLACE INTO series_chunks (series, start, last, samples, data) VALUES (?, ?, ?, ?, ?)`
	dropChunk = `DELETE FROM series_chunks WHERE id = ?`
	// Oldest first, the given number at most.
	dropBefore = `DELETE FROM series_chunks WHERE id IN (
		SELECT id FROM series_chunks WHERE series = ? AND start < ? AND last < ? ORDER BY start LIMIT ? + 0)`

	tailChunk = `SELECT last, samples FROM series_chunks WHERE series = ? ORDER BY start DESC LIMIT 1`
	// The last chunk that starts at or before a time, else the first of all.
	coverChunk = `SELECT id, start, last, data FROM series_chunks
		WHERE series = ?1 AND start >= ifnull(
			(SELECT max(start) FROM series_chunks WHERE series = ?1 AND start <= ?2), ?2)
		ORDER BY start LIMIT 1`

	// Chunks with samples at from (?2) <= time < to (?3), oldest first. Chunks of a
	// series never overlap, so one at most starts before from and reaches it.
	forward = `SELECT start, last, data FROM series_chunks
		WHERE series = ?1 AND start < ?3 AND start >= ifnull(
			(SELECT max(start) FROM series_chunks WHERE series = ?1 AND start <= ?2), ?2) AND last >= ?2
		ORDER BY start LIMIT ?4 + 0`
	backward = `SELECT start, last, data FROM series_chunks
		WHERE series = ? AND start < ? ORDER BY start DESC LIMIT ? + 0`
)

func (s *statements) prepare(ctx context.Context, writer, reader *sql.DB) error {
	for _, p := range []struct {
		on   *sql.DB
		text string
		to   **sql.Stmt
	}{
		{writer, addRow, &s.addRow},
		{writer, dropRows, &s.dropRows},
		{writer, putOpen, &s.putOpen},
		{writer, dropOpen, &s.dropOpen},
		{writer, addChunk, &s.addChunk},
		{writer, dropChunk, &s.dropChunk},
		{writer, dropBefore, &s.dropBefore},
		{writer, tailChunk, &s.tailChunk},
		{writer, coverChunk, &s.coverChunk},
		{reader, forward, &s.forward},
		{reader, backward, &s.backward},
	} {
		stmt, err := p.on.PrepareContext(ctx, p.text)
		if err != nil {
			return fmt.Errorf("prepare series statement: %w", err)
		}
		*p.to = stmt
		s.all = append(s.all, stmt)
	}
	return nil
}

func (s *statements) close() error {
	var errs []error
	for _, stmt := range s.all {
		errs = append(errs, stmt.Close())
	}
	s.all = nil
	return errors.Join(errs...)
}

// stored is a chunk row.
type stored struct {
	id          int64
	start, last int64
	data        []byte
}

// page reads the chunk rows of a query on the reader, which is done when it returns.
func page(ctx context.Context, stmt *sql.Stmt, args ...any) ([]stored, error) {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("read chunks: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var out []stored
	for rows.Next() {
		var c stored
		if err := rows.Scan(&c.start, &c.last, &c.data); err != nil {
			return nil, fmt.Errorf("read chunk: %w", err)
		}
		out = append(out, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read chunks: %w", err)
	}
	return out, nil
}
