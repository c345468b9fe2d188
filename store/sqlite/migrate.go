package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/roost-iot/roost"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks a file as Roost's: "Rost" (PRAGMA application_id).
const applicationID = 0x526f7374

// migration takes the schema from version-1 to version.
type migration struct {
	version int
	name    string
	sql     string
}

// migrations gives all, in order: 0001_first.sql is version 1.
func migrations() ([]migration, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	var all []migration
	for i, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		if v, err := strconv.Atoi(number); err != nil || v != i+1 {
			return nil, fmt.Errorf("migration %s is not number %d", name, i+1)
		}
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		all = append(all, migration{i + 1, name, string(text)})
	}
	return all, nil
}

// migrate brings the schema to the version that this program knows, each step
// in a transaction of its own.
func migrate(ctx context.Context, db *sql.DB) error {
	all, err := migrations()
	if err != nil {
		return err
	}
	have, err := schemaVersion(ctx, db)
	if err != nil {
		return err
	}
	if have > len(all) {
		return roost.Errorf(roost.Invalid, "The database was made by a newer Roost (schema %d, this one knows %d); "+
			"start that version, or restore a backup made before it.", have, len(all))
	}
	for _, m := range all[have:] {
		if err := m.apply(ctx, db); err != nil {
			return fmt.Errorf("migrate to schema %d (%s): %w", m.version, m.name, err)
		}
	}
	return nil
}

// schemaVersion gives 0 for an empty file, and refuses a database of another program.
func schemaVersion(ctx context.Context, db *sql.DB) (int, error) {
	var version, application, tables int
	err := db.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version),
		(SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_schema)`).
		Scan(&version, &application, &tables)
	if err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	if application != applicationID && (tables > 0 || version > 0 || application != 0) {
		return 0, roost.Errorf(roost.Invalid, "%s is the database of another program; give Roost a data folder of its own.", fileName)
	}
	return version, nil
}

func (m migration) apply(ctx context.Context, db *sql.DB) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	pragmas := fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d;", m.version, applicationID)
	if _, err := tx.ExecContext(ctx, m.sql+"\n"+pragmas); err != nil {
		return err
	}
	return tx.Commit()
}
