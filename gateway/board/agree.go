package board

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// disk is what was read of a directory.
type disk struct {
	texts  map[string]string
	unread map[string]bool // files that are there, and were refused or are being written
	whole  bool            // none is being written
}

// agree brings a directory and its app to the same files, from what they last agreed on:
// what changed on one side is taken over by the other; where both changed a file, both
// are kept as commits and the newer one counts.
func (w *watch) agree(ctx context.Context, k *kind, app roost.App, d disk) error {
	newest, err := w.d.cfg.Releases.Commit(ctx, app.Project, app.ID, "")
	if err != nil {
		return err
	}
	theirs, err := w.textsOf(ctx, newest)
	if err != nil {
		return err
	}
	base := map[string]string{}
	if agreed := w.agreed[k.name]; agreed.App == app.ID {
		c, err := w.d.cfg.Releases.Commit(ctx, app.Project, app.ID, agreed.Commit)
		if err == nil {
			base, err = w.textsOf(ctx, c)
		}
		if err != nil && roost.KindOf(err) != roost.NotFound {
			return err
		}
	}
	ours := maps.Clone(d.texts)
	if ours == nil {
		ours = map[string]string{}
	}
	for name, text := range base { // what cannot be taken, or is never looked at, leaves what is served
		if d.unread[name] || hidden(name) {
			ours[name] = text
		}
	}
	return w.unite(ctx, k, app, d, sides{base: base, ours: ours, theirs: theirs, newest: newest})
}

// sides are the files of a directory, of the newest commit, and those that both were.
type sides struct {
	base, ours, theirs map[string]string
	newest             roost.Commit
}

// unite makes the commits that are needed and writes the directory.
func (w *watch) unite(ctx context.Context, k *kind, app roost.App, d disk, s sides) error {
	mine, result := s.merge(k.newer(s))
	for _, files := range []map[string]string{mine, result} {
		if files == nil || maps.Equal(files, s.theirs) {
			continue
		}
		c, err := w.commit(ctx, app, files, s.newest)
		if roost.KindOf(err) == roost.Invalid { // and is again until something changes
			k.commit, k.done = s.newest.ID, k.now
		}
		if err != nil {
			return err
		}
		s.newest, s.theirs = c, files
	}
	if err := w.writeOut(k, d, s); err != nil {
		return err
	}
	return w.settle(ctx, k, app, s.newest.ID, d.whole)
}

// merge gives the files that come of both sides, and before these, to be committed first,
// mine: those with the directory's own where both changed a file, and the newest commit's
// counts. mine is nil when there is nothing that would be lost.
func (s sides) merge(oursNewer bool) (mine, result map[string]string) {
	result, mine = map[string]string{}, map[string]string{}
	conflict := false
	for _, name := range s.names() {
		base, ours, theirs := sideOf(s.base, name), sideOf(s.ours, name), sideOf(s.theirs, name)
		clash := ours != base && theirs != base && ours != theirs
		conflict = conflict || clash
		keep, serve := theirs, theirs
		if ours != base {
			keep = ours
			if !clash || oursNewer {
				serve = ours
			}
		}
		keep.put(mine, name)
		serve.put(result, name)
	}
	if !conflict || oursNewer {
		mine = nil
	}
	return mine, result
}

// side is a file on one side, or that it is not there.
type side struct {
	text  string
	there bool
}

func sideOf(files map[string]string, name string) side {
	text, ok := files[name]
	return side{text, ok}
}

func (f side) put(files map[string]string, name string) {
	if f.there {
		files[name] = f.text
	}
}

// names gives the names of all files, sorted.
func (s sides) names() []string {
	all := maps.Clone(s.base)
	maps.Copy(all, s.ours)
	maps.Copy(all, s.theirs)
	return slices.Sorted(maps.Keys(all))
}

// newer tells that the directory was changed after the newest commit was made. When a file
// was deleted is not known; it counts as long ago.
func (k *kind) newer(s sides) bool {
	var last time.Time
	for name, text := range s.ours {
		if was, ok := s.base[name]; (!ok || was != text) && k.now[name].mod.After(last) {
			last = k.now[name].mod
		}
	}
	return last.After(s.newest.At)
}

// textsOf gives the files of a commit by name.
func (w *watch) textsOf(ctx context.Context, c roost.Commit) (map[string]string, error) {
	texts := map[string]string{}
	for _, f := range c.Files {
		text, err := w.d.cfg.Releases.Content(ctx, c.Project, c.App, c.ID, f.Name)
		if err != nil {
			return nil, fmt.Errorf("read %s of commit %s: %w", f.Name, c.ID, err)
		}
		texts[f.Name] = text
	}
	return texts, nil
}

// commit makes a commit of the files of a directory. Their syntax is not looked at: what
// is copied in ships. What MicroPython would say of it goes to the log.
func (w *watch) commit(ctx context.Context, app roost.App, files map[string]string, parent roost.Commit) (roost.Commit, error) {
	c, err := w.d.cfg.Releases.MakeCommit(ctx, app.Project, app.ID, release.NewCommit{
		Message: changes(parent, files), Author: byDirectory, Origin: "directory", Parent: parent.ID, Files: files, Unchecked: true,
	})
	if err != nil {
		return c, err
	}
	problems, err := w.d.cfg.Releases.Check(ctx, app.Project, app.ID, files)
	if err != nil {
		return c, err
	}
	for _, p := range problems {
		w.d.cfg.Log.Warn("app of boards has a fault, and ships", "protocol", doorName, "app", string(app.ID), "commit", c.ID, "err", p.String())
	}
	return c, nil
}

// changes is the message of a commit: what changed.
func changes(parent roost.Commit, files map[string]string) string {
	var what []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, ok := sourceFile(parent, name)
		switch {
		case !ok:
			what = append(what, "new: "+name)
		case f.Digest != digestOf(files[name]):
			what = append(what, "changed: "+name)
		}
	}
	for _, f := range parent.Files {
		if _, ok := files[f.Name]; !ok {
			what = append(what, "gone: "+f.Name)
		}
	}
	const most = 20
	if len(what) > most {
		what = append(what[:most], fmt.Sprintf("and %d more", len(what)-most))
	}
	return strings.Join(what, ", ")
}

// writeOut makes a directory that of the newest commit. Files that were refused, those that
// are being written and those that are never looked at stay as they are.
func (w *watch) writeOut(k *kind, d disk, s sides) error {
	next := maps.Clone(k.now)
	for _, name := range slices.Sorted(maps.Keys(s.theirs)) {
		was, there := k.now[name]
		if text, ok := d.texts[name]; d.unread[name] || hidden(name) || ok && text == s.theirs[name] {
			continue
		}
		put, err := k.put(w.root, name, s.theirs[name], was, there)
		if err != nil {
			return err
		}
		next[name] = put
	}
	for name := range d.texts {
		if _, ok := s.theirs[name]; ok {
			continue
		}
		if !k.untouched(w.root, name, k.now[name], true) {
			return errMoving
		}
		if err := w.root.Remove(path.Join(k.path, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		delete(next, name)
	}
	k.now = next
	return nil
}
