package series_test

import (
	"context"
	"database/sql"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/roost-iot/roost/store/series"
)

// file is a SQLite file with the pools that a store needs.
type file struct {
	path           string
	writer, reader *sql.DB
	log            *slog.Logger
}

func newFile(t testing.TB) *file {
	t.Helper()
	return &file{path: filepath.Join(t.TempDir(), "roost.db"), log: slog.New(slog.DiscardHandler)}
}

func connect(path string) (writer, reader *sql.DB, err error) {
	const pragmas = "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)" +
		"&_pragma=wal_autocheckpoint(20000)&_pragma=cache_size(-65536)"
	if writer, err = sql.Open("sqlite", "file:"+path+pragmas+"&_txlock=immediate"); err != nil {
		return nil, nil, err
	}
	writer.SetMaxOpenConns(1)
	if reader, err = sql.Open("sqlite", "file:"+path+pragmas+"&_pragma=query_only(1)"); err != nil {
		return nil, nil, err
	}
	reader.SetMaxOpenConns(4)
	reader.SetMaxIdleConns(4)
	return writer, reader, writer.Ping()
}

// open opens a store, to be ended by close or crash.
func (f *file) open(t testing.TB, c series.Config) *series.DB {
	t.Helper()
	var err error
	if f.writer, f.reader, err = connect(f.path); err != nil {
		t.Fatal(err)
	}
	d, err := series.Open(context.Background(), f.writer, f.reader, c, f.log)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (f *file) close(t testing.TB, d *series.DB) {
	t.Helper()
	if err := d.Close(context.Background()); err != nil {
		t.Error(err)
	}
	f.disconnect()
}

// crash takes the file away before the store is closed: it cannot tidy up.
func (f *file) crash(d *series.DB) {
	f.disconnect()
	d.Close(context.Background()) // ends its goroutine; fails to write
}

func (f *file) disconnect() {
	f.reader.Close()
	f.writer.Close()
}

// size of the file once the write-ahead log is copied into it.
func (f *file) size(t testing.TB) int64 {
	t.Helper()
	info, err := os.Stat(f.path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func (f *file) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", f.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	res, err := db.Exec(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		t.Fatalf("%s changed nothing", query)
	}
}

func all(t testing.TB, d *series.DB, id series.ID) []series.Point {
	t.Helper()
	return between(t, d, id, math.MinInt64, math.MaxInt64)
}

func between(t testing.TB, d *series.DB, id series.ID, from, to int64) []series.Point {
	t.Helper()
	var out []series.Point
	err := d.Range(context.Background(), id, from, to, func(p series.Point) bool {
		out = append(out, p)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
