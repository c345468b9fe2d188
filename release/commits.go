package release

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roost-iot/roost"
)

// Commits gives those of an app, newest first. Their lists of files must not be changed.
func (r *Releases) Commits(_ context.Context, p roost.ProjectID, id roost.AppID) ([]roost.Commit, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e := r.apps[appKey{p, id}]
	if e == nil {
		return nil, noApp(id)
	}
	all := slices.Clone(e.commits)
	slices.Reverse(all)
	return all, nil
}

// Commit gives one; "" is the newest. roost.NotFound.
func (r *Releases) Commit(_ context.Context, p roost.ProjectID, id roost.AppID, cid string) (roost.Commit, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	e := r.apps[appKey{p, id}]
	if e == nil {
		return roost.Commit{}, noApp(id)
	}
	if cid == "" {
		return e.newest(), nil
	}
	i, ok := e.place[cid]
	if !ok {
		return roost.Commit{}, noCommit(cid)
	}
	return e.commits[i], nil
}

func noCommit(cid string) error {
	return roost.Errorf(roost.NotFound, "The app has no commit %q.", short(cid))
}

// newCommit gives the commit of files behind one whose id is after ("": none), and the
// contents of its files in their order.
func newCommit(a roost.App, id, after string, n NewCommit, at time.Time) (c roost.Commit, contents []string) {
	c = roost.Commit{
		Project: a.Project, App: a.ID, ID: id, Parent: after,
		Message: n.Message, Author: n.Author, Origin: n.Origin, At: at,
	}
	for _, name := range slices.Sorted(maps.Keys(n.Files)) {
		text := n.Files[name]
		c.Files = append(c.Files, roost.SourceFile{Name: name, Digest: sha256.Sum256([]byte(text)), Size: len(text)})
		contents = append(contents, text)
	}
	return c, contents
}

// nextID gives the second of a commit, or the one behind the newest commit: ids rise
// even when clocks go back.
func nextID(newest string, at time.Time) string {
	id := at.Unix()
	if last, err := strconv.ParseInt(newest, 10, 64); err == nil && id <= last {
		id = last + 1
	}
	return strconv.FormatInt(id, 10)
}

// claim gives an id that no commit of any app has. A device knows its code by that id
// alone: when it is moved to another app, the id must be another.
func (r *Releases) claim(newest string, at time.Time) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := nextID(newest, at)
	for r.claimed[id] {
		id = nextID(id, at)
	}
	r.claimed[id] = true
	return id
}

// unclaim gives the id of a commit back that was not stored: else a disk that stays full
// would drive the ids, which are seconds, ahead of the clock.
func (r *Releases) unclaim(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.claimed, id)
}

// MakeCommit commits the working copy, or the files given. Errors: roost.NotFound,
// *CheckError, roost.Conflict when Parent is given and not the newest, roost.Invalid
// when nothing changed.
func (r *Releases) MakeCommit(ctx context.Context, p roost.ProjectID, id roost.AppID, n NewCommit) (c roost.Commit, err error) {
	if err := checkMessage(n.Message); err != nil {
		return c, err
	}
	err = r.change(p, id, func(e *entry) error {
		if e.app.Hidden {
			return hidden()
		}
		newest := e.newest()
		if n.Parent != "" && n.Parent != newest.ID {
			return roost.Errorf(roost.Conflict, "There is a newer commit, %s, which these changes do not know; take it up first.", newest.ID)
		}
		drafts, err := r.drafts(ctx, e)
		if err != nil {
			return err
		}
		if n.Files == nil {
			if n.Files, err = r.overlaid(ctx, e, drafts); err != nil {
				return err
			}
		}
		how := e.checks()
		how.syntax = how.syntax && !n.Unchecked
		if err := r.passes(ctx, how, n.Files); err != nil {
			return err
		}
		c, err = r.addCommit(ctx, e, n, drafts)
		return err
	})
	return c, err
}

func checkMessage(message string) error {
	if len(message) > maxMessage {
		return roost.Errorf(roost.Invalid, "The message of a commit has at most %d bytes.", maxMessage)
	}
	if strings.ToValidUTF8(message, "") != message {
		return roost.Errorf(roost.Invalid, "The message of a commit is not UTF-8.")
	}
	return nil
}

// addCommit stores a commit and drops the drafts that say no more than it; the caller
// holds e.changing.
func (r *Releases) addCommit(ctx context.Context, e *entry, n NewCommit, drafts []roost.Draft) (roost.Commit, error) {
	newest := e.newest()
	at := now()
	c, contents := newCommit(e.app, "", newest.ID, n, at)
	if slices.Equal(c.Files, newest.Files) {
		return c, roost.Errorf(roost.Invalid, "Nothing has changed since commit %s.", newest.ID)
	}
	c.ID = r.claim(newest.ID, at)
	done := spent(drafts, n.Files)
	if err := r.store.SaveCommit(ctx, c, contents, done); err != nil {
		r.unclaim(c.ID)
		return c, roost.Because(roost.Unavailable, err, "The commit cannot be stored at present.")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e.commit(c)
	for _, name := range done {
		delete(e.drafts, name)
	}
	e.app.Edited = c.At
	r.log.Info("app committed", "app", string(e.app.ID), "commit", c.ID)
	return c, nil
}

// spent gives the names of the drafts that files agree with.
func spent(drafts []roost.Draft, files map[string]string) (names []string) {
	for _, d := range drafts {
		text, there := files[d.Name]
		if d.Deleted != there && (d.Deleted || text == d.Content) {
			names = append(names, d.Name)
		}
	}
	return names
}

// Restore commits the files of an earlier commit again, unchecked: the way back is
// always open. Drafts stay. Errors: roost.NotFound, roost.Invalid when they are those of
// the newest.
func (r *Releases) Restore(ctx context.Context, p roost.ProjectID, id roost.AppID, cid, author string) (c roost.Commit, err error) {
	err = r.change(p, id, func(e *entry) error {
		if !e.has(cid) {
			return noCommit(cid)
		}
		files, err := r.filesOf(ctx, e.commits[e.place[cid]])
		if err != nil {
			return err
		}
		drafts, err := r.drafts(ctx, e)
		if err != nil {
			return err
		}
		n := NewCommit{Message: "Back to " + cid, Author: author, Origin: "editor", Files: files}
		c, err = r.addCommit(ctx, e, n, drafts)
		return err
	})
	return c, err
}

// filesOf gives the contents of a commit's files.
func (r *Releases) filesOf(ctx context.Context, c roost.Commit) (map[string]string, error) {
	files := make(map[string]string, len(c.Files))
	for _, f := range c.Files {
		text, err := r.store.Blob(ctx, f.Digest)
		if err != nil {
			return nil, err
		}
		files[f.Name] = text
	}
	return files, nil
}

// Content gives a file of a commit, or with cid "" of the working copy; roost.NotFound.
func (r *Releases) Content(ctx context.Context, p roost.ProjectID, id roost.AppID, cid, name string) (string, error) {
	if cid == "" {
		return r.workingContent(ctx, p, id, name)
	}
	c, err := r.Commit(ctx, p, id, cid)
	if err != nil {
		return "", err
	}
	i, ok := slices.BinarySearchFunc(c.Files, name, func(f roost.SourceFile, name string) int { return strings.Compare(f.Name, name) })
	if !ok {
		return "", noFile(name)
	}
	return r.store.Blob(ctx, c.Files[i].Digest)
}

func noFile(name string) error {
	return roost.Errorf(roost.NotFound, "There is no file %q.", short(name))
}
