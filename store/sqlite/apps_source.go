package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/roost-iot/roost"
)

// Commits gives those of all apps with their files, oldest first.
func (s *Store) Commits(ctx context.Context) ([]roost.Commit, error) {
	rows, err := list(ctx, s, "read commits", scanCommitFile, `SELECT c.project, c.app, c.id, c.parent, c.message, c.author, c.origin, c.at_ms,
			coalesce(f.name, ''), coalesce(f.digest, x''), coalesce(f.size, 0)
		FROM commits c LEFT JOIN commit_files f ON f.project = c.project AND f.app = c.app AND f.commit_id = c.id
		ORDER BY c.rowid, f.name`)
	if err != nil {
		return nil, err
	}
	var all []roost.Commit
	for _, row := range rows {
		last := len(all) - 1
		if last < 0 || all[last].ID != row.ID || all[last].App != row.App || all[last].Project != row.Project {
			all, last = append(all, row.Commit), last+1
		}
		if row.file.Name != "" {
			all[last].Files = append(all[last].Files, row.file)
		}
	}
	return all, nil
}

// commitFile is one row of a commit and one of its files.
type commitFile struct {
	roost.Commit
	file roost.SourceFile
}

func scanCommitFile(row scanner) (c commitFile, err error) {
	var made int64
	var digest []byte
	err = row.Scan(&c.Project, &c.App, &c.ID, &c.Parent, &c.Message, &c.Author, &c.Origin, &made, &c.file.Name, &digest, &c.file.Size)
	c.At = at(made)
	if err == nil && c.file.Name != "" && copy(c.file.Digest[:], digest) != len(c.file.Digest) {
		err = errors.New("the digest of a file is not 32 bytes long")
	}
	return c, err
}

const (
	insertCommit = `INSERT INTO commits (project, app, id, parent, message, author, origin, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	insertBlob   = `INSERT INTO blobs (digest, content) VALUES (?, ?) ON CONFLICT DO NOTHING`
	insertFile   = `INSERT INTO commit_files (project, app, commit_id, name, digest, size) VALUES (?, ?, ?, ?, ?, ?)`
)

// saveCommit keeps a commit with the contents of its files, in their order.
func (t *txn) saveCommit(c roost.Commit, contents []string) error {
	if len(contents) != len(c.Files) {
		return errors.New("a commit without the contents of its files")
	}
	err := t.exec(insertCommit, c.Project, c.App, c.ID, c.Parent, c.Message, c.Author, c.Origin, ms(c.At))
	if isUnique(err) {
		return roost.Because(roost.Conflict, err, "There is a commit %s already.", c.ID)
	}
	if err != nil {
		return ofApp(err, c.App)
	}
	for i, f := range c.Files {
		if err := t.exec(insertBlob, f.Digest[:], []byte(contents[i])); err != nil {
			return err
		}
		if err := t.exec(insertFile, c.Project, c.App, c.ID, f.Name, f.Digest[:], f.Size); err != nil {
			return err
		}
	}
	return nil
}

// SaveCommit keeps a commit with the contents of its files, in their order, removes the
// drafts named, and marks the app edited; roost.Conflict when there is one of its id.
func (s *Store) SaveCommit(ctx context.Context, c roost.Commit, contents []string, drafts []string) error {
	return s.write(ctx, "save commit", func(t *txn) error {
		if err := t.saveCommit(c, contents); err != nil {
			return err
		}
		if err := t.deleteDrafts(c.Project, c.App, drafts); err != nil {
			return err
		}
		return t.edited(c.Project, c.App, c.At)
	})
}

func (t *txn) edited(project roost.ProjectID, app roost.AppID, when time.Time) error {
	return t.exec(`UPDATE apps SET edited_ms = ? WHERE project = ? AND id = ?`, ms(when), project, app)
}

// Blob gives a file's content; roost.NotFound if it is not kept.
func (s *Store) Blob(ctx context.Context, d roost.Digest) (string, error) {
	content, ok, err := one(ctx, s, "read file", scanBytes, `SELECT content FROM blobs WHERE digest = ?`, d[:])
	if err == nil && !ok {
		err = roost.Errorf(roost.NotFound, "There is no such file.")
	}
	return content, err
}

func scanBytes(row scanner) (string, error) {
	var b []byte
	err := row.Scan(&b)
	return string(b), err
}

// Tags gives those of all apps, oldest first.
func (s *Store) Tags(ctx context.Context) ([]roost.Tag, error) {
	return list(ctx, s, "read tags", scanTag, `SELECT project, app, name, commit_id, made_by, at_ms FROM tags ORDER BY at_ms, rowid`)
}

func scanTag(row scanner) (g roost.Tag, err error) {
	var made int64
	err = row.Scan(&g.Project, &g.App, &g.Name, &g.Commit, &g.By, &made)
	g.At = at(made)
	return g, err
}

const saveTag = `INSERT INTO tags (project, app, name, commit_id, made_by, at_ms) VALUES (?, ?, ?, ?, ?, ?)
	ON CONFLICT (project, app, name) DO UPDATE SET commit_id = excluded.commit_id, made_by = excluded.made_by, at_ms = excluded.at_ms`

// SaveTag inserts or replaces by name; roost.NotFound if there is no such commit.
func (s *Store) SaveTag(ctx context.Context, g roost.Tag) error {
	return s.writeSmall(ctx, "save tag", func(t *txn) error {
		err := t.exec(saveTag, g.Project, g.App, g.Name, g.Commit, g.By, ms(g.At))
		if isForeign(err) {
			return roost.Because(roost.NotFound, err, "There is no commit %s.", g.Commit)
		}
		return err
	})
}

// DeleteTag removes a tag, if it is there.
func (s *Store) DeleteTag(ctx context.Context, project roost.ProjectID, app roost.AppID, name string) error {
	return s.writeSmall(ctx, "delete tag", func(t *txn) error {
		return t.exec(`DELETE FROM tags WHERE project = ? AND app = ? AND name = ?`, project, app, name)
	})
}
