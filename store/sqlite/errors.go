package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/roost-iot/roost"
)

// explain gives err a sentence for people, when it is one that they can act on.
func explain(err error, dir string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*roost.Error](err); ok {
		return err
	}
	path := filepath.Join(dir, fileName)
	switch code := primary(err); {
	case code == codes.SQLITE_FULL || errors.Is(err, syscall.ENOSPC):
		return roost.Because(roost.Unavailable, err, "The disk of %s is full; nothing can be kept until there is space again.", dir)
	case code == codes.SQLITE_READONLY || errors.Is(err, fs.ErrPermission):
		return roost.Because(roost.Denied, err, "%s cannot be written to; check who owns it and whether its disk is mounted read-only.", path)
	case code == codes.SQLITE_CANTOPEN:
		return roost.Because(roost.Denied, err, "%s cannot be opened; check that it is a file and who owns it.", path)
	case code == codes.SQLITE_NOTADB:
		return roost.Because(roost.Invalid, err, "%s is not a database; move it away or restore a backup.", path)
	case code == codes.SQLITE_CORRUPT:
		return roost.Because(roost.Internal, err, "%s is damaged; restore a backup, and check the disk.", path)
	case code == codes.SQLITE_BUSY || code == codes.SQLITE_LOCKED:
		return roost.Because(roost.Unavailable, err, "%s is in use by another program.", path)
	case code == codes.SQLITE_IOERR:
		return roost.Because(roost.Unavailable, err, "The disk of %s fails; look at the system's log.", dir)
	case isClosed(err):
		return roost.Because(roost.Unavailable, err, "Roost is stopping.")
	}
	return err
}

// errClosed is the cause of errors after Close.
var errClosed = errors.New("store closed")

// isClosed tells that the store was closed. The errors of database/sql for that
// are not exported.
func isClosed(err error) bool {
	return errors.Is(err, errClosed) || errors.Is(err, sql.ErrConnDone) ||
		strings.Contains(err.Error(), "sql: database is closed") || strings.Contains(err.Error(), "sql: statement is closed")
}

// primary gives the primary result code of SQLite, 0 if err is none of its errors.
func primary(err error) int {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// extended gives the extended result code.
func extended(err error) int {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return e.Code()
	}
	return 0
}

// isUnique tells that another row has the same key.
func isUnique(err error) bool {
	c := extended(err)
	return c == codes.SQLITE_CONSTRAINT_UNIQUE || c == codes.SQLITE_CONSTRAINT_PRIMARYKEY
}

func isForeign(err error) bool { return extended(err) == codes.SQLITE_CONSTRAINT_FOREIGNKEY }

// wrap says what was tried, and explains. Whoever asked is not to blame for a disk: it may
// ask again, where roost.Denied and roost.Invalid would turn a thing away for good.
func (s *Store) wrap(act string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) && primary(err) == 0 {
		return err
	}
	if _, ok := errors.AsType[*roost.Error](err); ok {
		return err
	}
	err = explain(&actError{act, err}, s.dir)
	if e, ok := errors.AsType[*roost.Error](err); ok && (e.Kind == roost.Denied || e.Kind == roost.Invalid) {
		return &roost.Error{Kind: roost.Unavailable, Message: e.Message, Cause: e.Cause}
	}
	return err
}

// actError is fmt.Errorf("act: %w") without formatting.
type actError struct {
	act string
	err error
}

func (e *actError) Error() string { return e.act + ": " + e.err.Error() }
func (e *actError) Unwrap() error { return e.err }
