// Package series keeps readings in compressed chunks inside one SQLite file.
//
// A batch of samples is one small row in a log; when Append returns, it is as
// durable as the writer connection's synchronous setting. In memory each series
// has an open head, compressed too; a full head becomes a chunk row in the
// transaction of the batch that filled it. From time to time the log is folded:
// the heads are written as open rows and the log rows they cover are deleted.
// Of samples with one series and time the last written wins. The bytes are
// written down in docs/format/series.md.
package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Schema creates the tables of the store; it may be run again.
const Schema = `
CREATE TABLE IF NOT EXISTS series_log (
	seq  INTEGER PRIMARY KEY,
	data BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS series_open (
	series INTEGER PRIMARY KEY,
	seq    INTEGER NOT NULL,
	start  INTEGER NOT NULL,
	data   BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS series_chunks (
	id      INTEGER PRIMARY KEY,
	series  INTEGER NOT NULL,
	start   INTEGER NOT NULL,
	last    INTEGER NOT NULL,
	samples INTEGER NOT NULL,
	data    BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS series_chunks_place ON series_chunks (series, start);
`

// ErrClosed: the store was closed before or during the call.
var ErrClosed = errors.New("series: closed")

// ID is the number of a series, given by the caller.
type ID int64

// Sample is a value of a series at a time.
type Sample struct {
	Series ID
	Time   int64 // Unix ms, below math.MaxInt64
	Value  float64
}

// Point is a sample whose series is known.
type Point struct {
	Time  int64 // Unix ms
	Value float64
}

// Config of a store; the zero value works.
type Config struct {
	ChunkSamples int           // samples of a sealed chunk; 240
	MaxLogBytes  int           // log size that starts a fold; 4 MiB, grows with the heads up to 4 times
	SealAfter    time.Duration // a head this long without samples is sealed and forgotten; 24 h
}

func (c Config) withDefaults() Config {
	if c.ChunkSamples <= 0 {
		c.ChunkSamples = 240
	}
	c.ChunkSamples = min(max(c.ChunkSamples, 2), maxChunk/4)
	if c.MaxLogBytes <= 0 {
		c.MaxLogBytes = 4 << 20
	}
	if c.SealAfter <= 0 {
		c.SealAfter = 24 * time.Hour
	}
	return c
}

// DB is an open store. All its methods may be called by many goroutines.
type DB struct {
	writer, reader *sql.DB
	config         Config
	log            *slog.Logger
	stmts          statements

	turn    chan struct{} // held by the one who writes
	folding chan struct{} // held by the one who folds; taken before turn

	// Under turn.
	seq      int64 // of the newest log row
	logBytes int
	dirty    []ID // heads with samples that no open row has
	scratch  []byte
	touching []*head

	mu    sync.RWMutex // held for moments only: heads and their contents
	heads map[ID]*head

	headBytes atomic.Int64
	counts    counters

	closing atomic.Bool
	stop    context.CancelFunc
	done    <-chan struct{} // closed once stop was called
	wake    chan struct{}
	keeper  sync.WaitGroup
}

type counters struct {
	appended, late, sealed, folds, logRows, badRows, badChunks atomic.Int64
}

// Stats are numbers since Open, and of now.
type Stats struct {
	Heads     int   // series with an open head in memory
	HeadBytes int64 // compressed bytes of those heads
	LogRows   int64 // rows in the log, not yet folded
	Appended  int64 // samples
	Late      int64 // of those: not newer than the newest of their series' head
	Sealed    int64 // chunks written
	Folds     int64
	BadRows   int64 // corrupt log and open rows that were skipped
	BadChunks int64 // corrupt chunks met by reads
}

// Open replays the log and starts the store's keeper, which folds the log and
// seals silent heads until Close. The writer must be a pool of one connection.
func Open(ctx context.Context, writer, reader *sql.DB, config Config, log *slog.Logger) (*DB, error) {
	d := &DB{
		writer: writer, reader: reader, config: config.withDefaults(), log: log,
		turn: make(chan struct{}, 1), folding: make(chan struct{}, 1),
		wake: make(chan struct{}, 1), heads: make(map[ID]*head),
	}
	if _, err := writer.ExecContext(ctx, Schema); err != nil {
		return nil, fmt.Errorf("create series tables: %w", err)
	}
	if err := d.stmts.prepare(ctx, writer, reader); err != nil {
		return nil, errors.Join(err, d.stmts.close())
	}
	if err := d.replay(ctx); err != nil {
		return nil, errors.Join(err, d.stmts.close())
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop, d.done = stop, life.Done()
	d.keeper.Go(func() { d.keep(life) })
	return d, nil
}

// Close folds the log, so that the next Open is quick, and stops the keeper.
// The database pools stay open. Without it nothing is lost.
func (d *DB) Close(ctx context.Context) error {
	if d.closing.Swap(true) {
		return ErrClosed
	}
	err := d.Flush(ctx)
	d.stop()
	d.keeper.Wait()
	d.turn <- struct{}{} // the last writer has gone; nobody gets the turn again
	return errors.Join(err, d.stmts.close())
}

// take waits for the turn to write.
func (d *DB) take(ctx context.Context) error {
	select {
	case <-d.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	case d.turn <- struct{}{}:
	}
	select {
	case <-d.done: // both were ready
		<-d.turn
		return ErrClosed
	default:
		return nil
	}
}

func (d *DB) give() { <-d.turn }

// write runs fn in a transaction. ctx bounds the wait for the connection; once
// begun, the transaction runs to its end, so that its outcome is known.
func (d *DB) write(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	conn, err := d.writer.Conn(ctx)
	if err != nil {
		return fmt.Errorf("wait for the writer: %w", err)
	}
	defer conn.Close() //nolint:errcheck // gives it back
	ctx = context.WithoutCancel(ctx)
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := fn(ctx, tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		tx.Rollback() //nolint:errcheck // a no-op where commit has done it
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Stats gives the store's numbers.
func (d *DB) Stats() Stats {
	d.mu.RLock()
	heads := len(d.heads)
	d.mu.RUnlock()
	return Stats{
		Heads: heads, HeadBytes: d.headBytes.Load(), LogRows: d.counts.logRows.Load(),
		Appended: d.counts.appended.Load(), Late: d.counts.late.Load(),
		Sealed: d.counts.sealed.Load(), Folds: d.counts.folds.Load(),
		BadRows: d.counts.badRows.Load(), BadChunks: d.counts.badChunks.Load(),
	}
}
