package board

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// kind is a kind of board: a directory, an app, or both.
type kind struct {
	folder
	name   string
	commit string // the newest commit when something was made of done
	whole  bool   // somebody says that its files are, see Door.Push
}

// lookAtKinds brings directories and apps together.
func (w *watch) lookAtKinds(ctx context.Context, at time.Time) {
	names := map[string]bool{}
	for _, a := range w.d.cfg.Releases.Apps(w.d.cfg.Project) {
		if a.Board != "" {
			names[a.Board] = true
		}
	}
	there, err := w.folders(bootDir)
	if err != nil {
		return
	}
	for _, name := range there {
		if err := release.CheckBoard(name); err != nil {
			w.complain(path.Join(bootDir, name), roost.Message(err))
			continue
		}
		names[name] = true
	}
	for name := range names {
		k := w.kinds[name]
		if k == nil {
			k = &kind{name: name, folder: folder{path: path.Join(bootDir, name)}}
			w.kinds[name] = k
		}
		w.outcome(ctx, k.path, w.lookAtKind(ctx, k, at))
	}
	maps.DeleteFunc(w.kinds, func(name string, _ *kind) bool { return !names[name] })
}

// outcome writes what came of looking at a directory. One that is being written, and what
// did not come to its end because Roost stops, is no news.
func (w *watch) outcome(ctx context.Context, what string, err error) {
	switch {
	case errors.Is(err, errMoving) || ctx.Err() != nil:
	case err != nil:
		w.complain(what, sentence(err))
	default:
		w.content(what)
	}
}

// sentence is an error for people who look at the log.
func sentence(err error) string {
	if roost.KindOf(err) == roost.Internal {
		return err.Error()
	}
	return roost.Message(err)
}

// folders gives the names of the folders in one of ours; none when somebody took it away,
// which is complained of. An error, complained of as well, tells nothing of what lies there.
func (w *watch) folders(dir string) (names []string, err error) {
	entries, err := fs.ReadDir(w.root.FS(), dir)
	if err != nil {
		w.complain(dir, err.Error())
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	w.content(dir)
	for _, e := range entries {
		if e.IsDir() && !hidden(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// empty is how many times longer than a file must be quiet a new directory may stay empty
// before it is taken as it is: mostly files follow.
const empty = 3

// lookAtKind brings one directory and its app together, if one of them has changed.
func (w *watch) lookAtKind(ctx context.Context, k *kind, at time.Time) error {
	there := true
	if err := k.list(w.root, at); errors.Is(err, fs.ErrNotExist) {
		there = false
	} else if err != nil {
		return err
	}
	app, known := w.d.cfg.Releases.BoardApp(w.d.cfg.Project, k.name)
	if !known {
		if _, was := w.agreed[k.name]; was {
			return w.remove(ctx, k)
		}
	}
	if !there {
		return w.restore(ctx, k, app)
	}
	newest, err := w.newest(ctx, app, known)
	if err != nil {
		return err
	}
	if k.done != nil && k.commit == newest && k.now.same(k.done) {
		return nil
	}
	ready, still := k.settled(at, w.d.cfg.Stable)
	if k.whole {
		ready, still = true, nil
	}
	if !ready || !known && len(k.now) == 0 && !k.whole && at.Sub(k.moved) < empty*w.d.cfg.Stable {
		return nil
	}
	texts, refused, err := k.take(w, still)
	if err != nil {
		return err
	}
	if !known {
		return w.found(ctx, k, texts, len(still) == 0)
	}
	maps.Copy(refused, still)
	return w.agree(ctx, k, app, disk{texts: texts, unread: refused, whole: len(still) == 0})
}

// newest gives the id of the newest commit of an app, "" when there is no app.
func (w *watch) newest(ctx context.Context, app roost.App, known bool) (string, error) {
	if !known {
		return "", nil
	}
	c, err := w.d.cfg.Releases.Commit(ctx, app.Project, app.ID, "")
	return c.ID, err
}

// settle writes down that a directory agrees with a commit. whole: nothing of it is still
// being written.
func (w *watch) settle(ctx context.Context, k *kind, app roost.App, commit string, whole bool) error {
	a := roost.BoardDirectory{Project: app.Project, Board: k.name, App: app.ID, Commit: commit}
	if w.agreed[k.name] != a {
		if err := w.d.cfg.Store.SaveBoardDirectory(ctx, a); err != nil {
			return err
		}
		w.agreed[k.name] = a
	}
	k.commit, k.moved = commit, time.Time{}
	if whole {
		k.done = k.now
	}
	return nil
}

// boardIntervals is how often boards send heartbeats until their pool says otherwise.
const boardIntervals = int(firstInterval / time.Second)

// found makes the app of a directory that has none.
func (w *watch) found(ctx context.Context, k *kind, texts map[string]string, whole bool) error {
	n := release.NewApp{
		Name: k.name, By: byDirectory, Board: k.name, Files: texts, Latest: true, Management: boardIntervals, Worker: boardIntervals,
	}
	app, err := w.d.cfg.Releases.CreateApp(ctx, w.d.cfg.Project, n)
	if roost.KindOf(err) == roost.Conflict {
		n.Name += " (boards)"
		app, err = w.d.cfg.Releases.CreateApp(ctx, w.d.cfg.Project, n)
	}
	if err != nil {
		return err
	}
	w.d.cfg.Log.Info("new kind of board", "protocol", doorName, "app", string(app.ID), "path", k.path)
	c, err := w.d.cfg.Releases.Commit(ctx, app.Project, app.ID, "")
	if err != nil {
		return err
	}
	return w.settle(ctx, k, app, c.ID, whole)
}

// restore writes a directory that is not there, when the app has a commit that it never
// had. One that somebody took away stays away until then.
func (w *watch) restore(ctx context.Context, k *kind, app roost.App) error {
	c, err := w.d.cfg.Releases.Commit(ctx, app.Project, app.ID, "")
	if err != nil {
		return err
	}
	k.now, k.since, k.done = listing{}, nil, nil
	if w.agreed[k.name].Commit == c.ID {
		return errors.New("the directory was taken away; boards get the newest commit, and the next one makes it again")
	}
	theirs, err := w.textsOf(ctx, c)
	if err != nil {
		return err
	}
	// From here on it agrees with nothing: a file that is not written yet when this fails, or
	// when Roost is killed, is not one that somebody deleted.
	if err := w.disagree(ctx, k); err != nil {
		return err
	}
	if err := w.root.MkdirAll(k.path, 0o777); err != nil { // as the umask says
		return err
	}
	if err := w.writeOut(k, disk{}, sides{theirs: theirs}); err != nil {
		return err
	}
	return w.settle(ctx, k, app, c.ID, true)
}

// remove moves the directory of an app that was deleted out of the way: its files are
// people's.
func (w *watch) remove(ctx context.Context, k *kind) error {
	if err := w.root.MkdirAll(removedDir, 0o777); err != nil { // as the umask says
		return err
	}
	to := path.Join(removedDir, k.name+"-"+folderTime(time.Now()))
	if err := w.root.Rename(k.path, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := w.disagree(ctx, k); err != nil {
		return err
	}
	k.done = nil
	w.d.cfg.Log.Info("app of boards was deleted; its directory was moved", "protocol", doorName, "path", to)
	return nil
}

// disagree forgets which commit a directory agrees with.
func (w *watch) disagree(ctx context.Context, k *kind) error {
	if _, ok := w.agreed[k.name]; !ok {
		return nil
	}
	if err := w.d.cfg.Store.DeleteBoardDirectory(ctx, w.d.cfg.Project, k.name); err != nil {
		return err
	}
	delete(w.agreed, k.name)
	return nil
}

// folderTime is a time as the name of a folder.
func folderTime(t time.Time) string { return t.UTC().Format("20060102T150405.000Z") }
