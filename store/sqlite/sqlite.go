// Package sqlite keeps everything that is kept in one SQLite file, DIR/roost.db.
//
// One connection writes, a few read; the write-ahead log is folded back on a
// timer. Small durable writes that come at the same time share a transaction
// (see group.go). The rooms' Store interfaces are satisfied by *Store without
// this package knowing the rooms.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/roost-iot/roost"
)

// fileName is the database in its folder.
const fileName = "roost.db"

// Config tunes a Store; the zero value works.
type Config struct {
	// Durable makes every commit wait for the disk (synchronous=FULL). Without it
	// a kill of the process loses nothing, a power cut may lose the last second.
	Durable bool
	// Readers is how many queries run at once: 4.
	Readers int
	// CheckpointEvery is how often Run folds the write-ahead log back: 10 s.
	CheckpointEvery time.Duration
	Log             *slog.Logger // slog.Default()
	// Refuse is asked before each transaction, and its error is that of the transaction; nil:
	// none is refused. Tests play by it that the process is killed.
	Refuse func() error
}

// Store is the one store of a server. Its methods may be called from many goroutines.
type Store struct {
	dir    string
	config Config
	log    *slog.Logger
	lock   *fileLock
	writer *sql.DB // one connection
	reader *sql.DB
	upkeep *sql.DB // one connection, for checkpoints: they need not hold the writer up
	stmts  statements
	group  *group
	close  sync.Once
	closed error
}

// Open opens DIR/roost.db, and makes folder and file if missing. Errors are
// roost.Errors whose message says what to do.
func Open(ctx context.Context, dir string, c Config) (*Store, error) {
	c.Readers = cmp.Or(c.Readers, 4)
	c.CheckpointEvery = cmp.Or(c.CheckpointEvery, 10*time.Second)
	s := &Store{dir: dir, config: c, log: cmp.Or(c.Log, slog.Default())}
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	var err error
	if s.lock, err = lockFolder(dir); err != nil {
		return nil, err
	}
	if err := s.openPools(ctx); err != nil {
		return nil, errors.Join(explain(err, dir), s.closePools())
	}
	s.group = startGroup(s)
	return s, nil
}

func (s *Store) openPools(ctx context.Context) error {
	var err error
	path := filepath.Join(s.dir, fileName)
	if err := makeFile(path); err != nil {
		return err
	}
	if s.writer, err = openPool(writerDSN(path, s.config.Durable, busy), 1); err != nil {
		return err
	}
	if err := migrate(ctx, s.writer); err != nil {
		return err
	}
	if s.upkeep, err = openPool(writerDSN(path, s.config.Durable, busyUpkeep), 1); err != nil {
		return err
	}
	s.reader, err = openPool(readerDSN(path), s.config.Readers)
	s.stmts.reader, s.stmts.writer = s.reader, s.writer
	return err
}

func openPool(dsn string, size int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// makeFolder makes dir for its owner only and checks that files can be made in it.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return roost.Because(roost.Denied, err, "The data folder %s cannot be made; check its path and who owns the folder above it.", dir)
	}
	probe, err := os.CreateTemp(dir, ".write-*")
	if err != nil {
		return roost.Because(roost.Denied, err, "The data folder %s cannot be written to; check who owns it and whether its disk is mounted read-only.", dir)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// makeFile makes the database for its owner only; SQLite would let all read it,
// and gives its other files the same mode.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return roost.Because(roost.Denied, err, "%s cannot be opened for writing; check that it is a file and who owns it.", path)
	}
	return f.Close()
}

// Writer gives the only connection that writes: a transaction begun on it holds
// up everybody else's writes until it ends.
func (s *Store) Writer() *sql.DB { return s.writer }

// Reader gives the pool of read-only connections.
func (s *Store) Reader() *sql.DB { return s.reader }

// Close waits for the writes that were asked for and closes the file. Later
// calls fail with roost.Unavailable.
func (s *Store) Close() error {
	s.close.Do(func() {
		s.group.stop()
		s.closed = s.closePools()
	})
	return s.closed
}

// closePools closes the writer last: that folds the write-ahead log back.
func (s *Store) closePools() error {
	err := s.stmts.closeAll()
	for _, db := range []*sql.DB{s.reader, s.upkeep, s.writer} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return errors.Join(err, s.lock.release())
}
