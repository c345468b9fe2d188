package sqlite

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/roost-iot/roost"
)

const hotfixColumns = `SELECT project, thing, id, state, made_by, undone_by, at_ms, served_ms, ended_ms, dropped, reverting,
	(SELECT json_group_array(json_object('name', name, 'digest', hex(digest), 'md5', md5, 'size', size, 'base', base, 'over', over))
		FROM (SELECT * FROM hotfix_files f WHERE f.hotfix = hotfixes.id ORDER BY name))
	FROM hotfixes `

// OpenHotfixes gives those of all boards whose files are wanted, or are to be taken back
// or archived, oldest first.
func (s *Store) OpenHotfixes(ctx context.Context) ([]roost.Hotfix, error) {
	return list(ctx, s, "read open hotfixes", scanHotfix, hotfixColumns+
		`WHERE state IN ('waiting', 'served') OR reverting = 1 OR dropped = 1 ORDER BY at_ms, rowid`)
}

// Hotfixes gives those of a board, newest first, at most max (under 1: all).
func (s *Store) Hotfixes(ctx context.Context, ref roost.Ref, max int) ([]roost.Hotfix, error) {
	return list(ctx, s, "read hotfixes", scanHotfix, hotfixColumns+
		`WHERE project = ? AND thing = ? ORDER BY at_ms DESC, rowid DESC LIMIT ? + 0`, ref.Project, ref.Thing, limit(max))
}

func scanHotfix(row scanner) (h roost.Hotfix, err error) {
	var made, served, ended int64
	var files string
	err = row.Scan(&h.Project, &h.Thing, &h.ID, &h.State, &h.By, &h.Undoer, &made, &served, &ended, &h.Dropped, &h.Reverting, &files)
	if err != nil {
		return h, err
	}
	h.At, h.Served, h.Ended = at(made), at(served), at(ended)
	h.Files, err = readHotfixFiles(files)
	return h, err
}

func readHotfixFiles(text string) ([]roost.HotfixFile, error) {
	var rows []struct {
		Name, Digest, MD5, Base string
		Size, Over              int
	}
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, fmt.Errorf("read files of a hotfix: %w", err)
	}
	var all []roost.HotfixFile
	for _, f := range rows {
		file := roost.HotfixFile{Name: f.Name, MD5: f.MD5, Size: f.Size, Base: f.Base, Over: f.Over != 0}
		digest, err := hex.DecodeString(f.Digest)
		if err != nil || copy(file.Digest[:], digest) != len(file.Digest) {
			return nil, fmt.Errorf("digest %q of %s", f.Digest, f.Name)
		}
		all = append(all, file)
	}
	return all, nil
}

const (
	saveHotfix = `INSERT INTO hotfixes (id, project, thing, state, made_by, undone_by, at_ms, served_ms, ended_ms, dropped, reverting)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, undone_by = excluded.undone_by, served_ms = excluded.served_ms,
			ended_ms = excluded.ended_ms, dropped = excluded.dropped, reverting = excluded.reverting`
	saveHotfixFile = `INSERT INTO hotfix_files (hotfix, name, content, digest, md5, size, base, over) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
)

func (t *txn) saveHotfix(h roost.Hotfix) error {
	return inProject(t.exec(saveHotfix, h.ID, h.Project, h.Thing, h.State, h.By, h.Undoer, ms(h.At), ms(h.Served), ms(h.Ended),
		h.Dropped, h.Reverting), h.Project)
}

// AddHotfix inserts a hotfix with the contents of its files, in their order, or replaces
// the one of its id with all its files.
func (s *Store) AddHotfix(ctx context.Context, h roost.Hotfix, contents []string) error {
	return s.write(ctx, "add hotfix", func(t *txn) error {
		if err := t.saveHotfix(h); err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM hotfix_files WHERE hotfix = ?`, h.ID); err != nil {
			return err
		}
		for i, f := range h.Files {
			if err := t.exec(saveHotfixFile, h.ID, f.Name, []byte(contents[i]), f.Digest[:], f.MD5, f.Size, f.Base, f.Over); err != nil {
				return err
			}
		}
		return nil
	})
}

// SaveHotfixes changes what may change of hotfixes, all or none: how they stand, and which
// of their files the app has overtaken.
func (s *Store) SaveHotfixes(ctx context.Context, all []roost.Hotfix) error {
	return s.write(ctx, "save hotfixes", func(t *txn) error {
		for _, h := range all {
			if err := t.saveHotfix(h); err != nil {
				return err
			}
			for _, f := range h.Files {
				if err := t.exec(`UPDATE hotfix_files SET over = ? WHERE hotfix = ? AND name = ?`, f.Over, h.ID, f.Name); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// HotfixContent gives a file of a hotfix; roost.NotFound.
func (s *Store) HotfixContent(ctx context.Context, id, name string) (string, error) {
	content, ok, err := one(ctx, s, "read file of a hotfix", func(row scanner) (b []byte, err error) {
		err = row.Scan(&b)
		return b, err
	}, `SELECT content FROM hotfix_files WHERE hotfix = ? AND name = ?`, id, name)
	if err == nil && !ok {
		return "", roost.Errorf(roost.NotFound, "There is no file %q in this hotfix.", name)
	}
	return string(content), err
}
