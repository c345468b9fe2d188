package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	driver "modernc.org/sqlite"

	"github.com/roost-iot/roost"
)

// refused opens dir, wants it to fail with kind k and gives the sentence for people.
func refused(t *testing.T, dir string, k roost.ErrorKind) string {
	t.Helper()
	s, err := Open(t.Context(), dir, Config{})
	if err == nil {
		t.Fatal("opened", errors.Join(s.Close()))
	}
	if roost.KindOf(err) != k {
		t.Errorf("error %v has kind %d, want %d", err, roost.KindOf(err), k)
	}
	return roost.Message(err)
}

func wantWords(t *testing.T, message string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(message, w) {
			t.Errorf("message %q lacks %q", message, w)
		}
	}
}

func TestFolderIsMadeForItsOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b ?#%41 ü")
	s := openAt(t, dir, Config{})
	defer s.Close()
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder has mode %v (%v), want 0700", info.Mode(), err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(filepath.Join(dir, fileName+suffix))
		if err != nil {
			t.Fatalf("the database is elsewhere: %v", err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", info.Name(), info.Mode())
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".write-*"))
	if len(left) > 0 || err != nil {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func TestFileInPlaceOfFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantWords(t, refused(t, path, roost.Denied), path, "cannot be made")
	wantWords(t, refused(t, filepath.Join(path, "below"), roost.Denied), "cannot be made")
}

func TestFolderInPlaceOfTheDatabase(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, fileName), 0o700); err != nil {
		t.Fatal(err)
	}
	wantWords(t, refused(t, dir, roost.Denied), fileName, "check that it is a file")
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	probe := filepath.Join(dir, "probe")
	if os.WriteFile(probe, nil, 0o600) == nil {
		t.Skip("this user writes everywhere")
	}
	wantWords(t, refused(t, dir, roost.Denied), dir, "cannot be written to")
}

func TestDatabaseOfANewerRoost(t *testing.T) {
	dir := t.TempDir()
	openAt(t, dir, Config{}).Close()
	tamper(t, dir, `PRAGMA user_version = 7000`)
	wantWords(t, refused(t, dir, roost.Invalid), "made by a newer Roost (schema 7000, this one knows ")
}

func TestDatabaseOfAnotherProgram(t *testing.T) {
	dir := t.TempDir()
	tamper(t, dir, `CREATE TABLE notes (text TEXT)`)
	wantWords(t, refused(t, dir, roost.Invalid), "another program")
}

// tamper changes the database behind the store's back.
func tamper(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNotADatabase(t *testing.T) {
	dir := t.TempDir()
	text := strings.Repeat("this is a letter, no database\n", 200)
	if err := os.WriteFile(filepath.Join(dir, fileName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	wantWords(t, refused(t, dir, roost.Invalid), "not a database")
	after, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil || string(after) != text {
		t.Errorf("the file was changed (%v)", err)
	}
}

func TestSecondOpenerIsToldWho(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, Config{})
	wantWords(t, refused(t, dir, roost.Conflict), dir, fmt.Sprintf("(process %d)", os.Getpid()))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openAt(t, dir, Config{}).Close()
}

func TestOpenGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if _, err := Open(ctx, dir, Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want cancelled", err)
	}
	openAt(t, dir, Config{}).Close() // and has let go of the folder
}

func TestMigrationThatFailsLeavesNothing(t *testing.T) {
	db, err := openPool(writerDSN(filepath.Join(t.TempDir(), fileName), false, busy), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	bad := migration{1, "0001_bad.sql", `CREATE TABLE a (x); INSERT INTO a VALUES (1); SELECT broken FROM nowhere;`}
	if err := bad.apply(t.Context(), db); err == nil {
		t.Fatal("a broken migration passed")
	}
	if v, err := schemaVersion(t.Context(), db); v != 0 || err != nil {
		t.Errorf("version %d (%v) after a migration that failed, want 0", v, err)
	}
	if err := migrate(t.Context(), db); err != nil {
		t.Errorf("the real ones afterwards: %v", err)
	}
}

func TestEveryErrorHasItsSentence(t *testing.T) {
	s := openNew(t, Config{})
	_, readOnly := s.Reader().Exec(`DELETE FROM things`)
	for name, c := range map[string]struct {
		err   error
		kind  roost.ErrorKind
		words string
	}{
		"read-only":  {readOnly, roost.Unavailable, "read-only"},
		"no space":   {&fs.PathError{Op: "write", Err: syscall.ENOSPC}, roost.Unavailable, "full"},
		"permission": {&fs.PathError{Op: "open", Err: syscall.EACCES}, roost.Unavailable, "who owns it"},
		"our own":    {roost.Errorf(roost.NotFound, "No such thing."), roost.NotFound, "No such thing."},
		"any other":  {errors.New("x"), roost.Internal, "failed"},
	} {
		err := s.wrap("act", c.err)
		if roost.KindOf(err) != c.kind || !strings.Contains(roost.Message(err), c.words) {
			t.Errorf("%s: kind %d, message %q", name, roost.KindOf(err), roost.Message(err))
		}
	}
	if _, ok := errors.AsType[*driver.Error](readOnly); !ok {
		t.Errorf("a reader wrote: %v", readOnly)
	}
}
