package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/roost-iot/roost"
)

// Boards gives what all boards of all projects said of themselves.
func (s *Store) Boards(ctx context.Context) ([]roost.Board, error) {
	return list(ctx, s, "read boards", scanBoard, `SELECT project, thing, mac, app_type, device_type, firmware, version, ip, meta,
		interval_ms, booted_ms, files FROM boards ORDER BY project, thing`)
}

func scanBoard(row scanner) (b roost.Board, err error) {
	var interval, booted int64
	var files string
	err = row.Scan(&b.Project, &b.Thing, &b.MAC, &b.AppType, &b.DeviceType, &b.Firmware, &b.Version, &b.IP, &b.Meta,
		&interval, &booted, &files)
	if err != nil {
		return b, err
	}
	b.Interval, b.Booted = time.Duration(interval)*time.Millisecond, at(booted)
	if err = json.Unmarshal([]byte(files), &b.Files); err != nil {
		return b, fmt.Errorf("files of board %q: %w", b.Thing, err)
	}
	return b, nil
}

const saveBoard = `INSERT INTO boards (project, thing, mac, app_type, device_type, firmware, version, ip, meta, interval_ms, booted_ms, files)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (project, thing) DO UPDATE SET mac = excluded.mac, app_type = excluded.app_type, device_type = excluded.device_type,
		firmware = excluded.firmware, version = excluded.version, ip = excluded.ip, meta = excluded.meta,
		interval_ms = excluded.interval_ms, booted_ms = excluded.booted_ms, files = excluded.files`

// SaveBoard inserts or replaces what one board said.
func (s *Store) SaveBoard(ctx context.Context, b roost.Board) error {
	files, err := json.Marshal(b.Files)
	if err != nil {
		return fmt.Errorf("encode files: %w", err)
	}
	return s.writeSmall(ctx, "save board", func(t *txn) error {
		return inProject(t.exec(saveBoard, b.Project, b.Thing, b.MAC, b.AppType, b.DeviceType, b.Firmware, b.Version, b.IP, b.Meta,
			b.Interval.Milliseconds(), ms(b.Booted), string(files)), b.Project)
	})
}

// DeleteBoard removes it, with its hotfixes.
func (s *Store) DeleteBoard(ctx context.Context, ref roost.Ref) error {
	return s.write(ctx, "delete board", func(t *txn) error {
		if err := t.exec(`DELETE FROM hotfixes WHERE project = ? AND thing = ?`, ref.Project, ref.Thing); err != nil {
			return err
		}
		return t.exec(`DELETE FROM boards WHERE project = ? AND thing = ?`, ref.Project, ref.Thing)
	})
}

// BoardDirectories gives those of all projects.
func (s *Store) BoardDirectories(ctx context.Context) ([]roost.BoardDirectory, error) {
	return list(ctx, s, "read directories of boards", func(row scanner) (d roost.BoardDirectory, err error) {
		err = row.Scan(&d.Project, &d.Board, &d.App, &d.Commit)
		return d, err
	}, `SELECT project, board, app, commit_id FROM board_directories ORDER BY project, board`)
}

// SaveBoardDirectory inserts or replaces one.
func (s *Store) SaveBoardDirectory(ctx context.Context, d roost.BoardDirectory) error {
	return s.writeSmall(ctx, "save directory of boards", func(t *txn) error {
		return inProject(t.exec(`INSERT INTO board_directories (project, board, app, commit_id) VALUES (?, ?, ?, ?)
			ON CONFLICT (project, board) DO UPDATE SET app = excluded.app, commit_id = excluded.commit_id`,
			d.Project, d.Board, d.App, d.Commit), d.Project)
	})
}

// DeleteBoardDirectory removes one, if it is there.
func (s *Store) DeleteBoardDirectory(ctx context.Context, project roost.ProjectID, board string) error {
	return s.writeSmall(ctx, "delete directory of boards", func(t *txn) error {
		return t.exec(`DELETE FROM board_directories WHERE project = ? AND board = ?`, project, board)
	})
}
