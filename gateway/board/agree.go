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
	for name := range d.unread { // what cannot be taken leaves what is served
		if text, ok := base[name]; ok {
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
		if err != nil {
			// The same files are refused again: wait until something changes.
			k.commit, k.done = s.newest.ID, k.now
			return err
		}
		s.newest, s.theirs = c, files
	}
	if err := w.writeOut(k, d, s); err != nil {
		return err
	}
	return w.settle(ctx, k, app, s.newest.ID, d.whole)
}

// merge gives the files that come of both sides. mine is nil unless both changed a file
// differently and that of the directory is the older one: then it is to be kept first.
func (s sides) merge(oursNewer bool) (mine, result map[string]string) {
	result, mine = map[string]string{}, map[string]string{}
	conflict := false
	for _, name := range s.names() {
		b, inBase := s.base[name]
		o, inOurs := s.ours[name]
		t, inTheirs := s.theirs[name]
		oursChanged, theirsChanged := inOurs != inBase || o != b, inTheirs != inBase || t != b
		text, in := t, inTheirs
		text1, in1 := t, inTheirs
		switch {
		case oursChanged && !theirsChanged:
			text, in, text1, in1 = o, inOurs, o, inOurs
		case oursChanged && (inOurs != inTheirs || o != t):
			conflict = true
			text1, in1 = o, inOurs
			if oursNewer {
				text, in = o, inOurs
			}
		}
		if in {
			result[name] = text
		}
		if in1 {
			mine[name] = text1
		}
	}
	if !conflict || oursNewer {
		mine = nil
	}
	return mine, result
}

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

// writeOut makes a directory that of the newest commit. Files that were refused and those
// that are being written stay as they are.
func (w *watch) writeOut(k *kind, d disk, s sides) error {
	next := maps.Clone(k.now)
	for _, name := range slices.Sorted(maps.Keys(s.theirs)) {
		was, there := k.now[name]
		if text, ok := d.texts[name]; d.unread[name] || ok && text == s.theirs[name] {
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
