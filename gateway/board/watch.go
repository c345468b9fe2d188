package board

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// The directories below the base. A deleted app's directory goes to removed.
const (
	bootDir      = "boot"
	heartbeatDir = "heartbeat"
	servedDir    = "served"
	undoneDir    = "undone"
	removedDir   = "removed"
)

// watch looks after the directories. One goroutine, in Run, does all of it.
type watch struct {
	d      *Door
	root   *os.Root // paths below are relative to it
	news   chan struct{}
	asked  chan push
	kinds  map[string]*kind                // by name
	drops  map[string]*folder              // by a board's id
	said   map[string]string               // what was last written of a path, so that it is written once
	agreed map[string]roost.BoardDirectory // by kind, as the store has it
}

func openWatch(ctx context.Context, d *Door) (*watch, error) {
	for _, dir := range []string{bootDir, heartbeatDir} {
		if err := os.MkdirAll(filepath.Join(d.cfg.Dir, dir), 0o777); err != nil { // as the umask says: others copy files in
			return nil, err
		}
	}
	root, err := os.OpenRoot(d.cfg.Dir)
	if err != nil {
		return nil, err
	}
	w := &watch{
		d: d, root: root, news: make(chan struct{}, 1), asked: make(chan push), kinds: map[string]*kind{}, drops: map[string]*folder{},
		said: map[string]string{}, agreed: map[string]roost.BoardDirectory{},
	}
	all, err := d.cfg.Store.BoardDirectories(ctx)
	if err != nil {
		_ = root.Close()
		return nil, fmt.Errorf("load what directories agree with: %w", err)
	}
	for _, a := range all {
		if a.Project == d.cfg.Project {
			w.agreed[a.Board] = a
		}
	}
	return w, nil
}

// Run watches the directories until ctx ends, and closes them.
func (d *Door) Run(ctx context.Context) {
	w := d.watch
	defer func() { _ = w.root.Close() }() // it is read from and renamed in only
	tick := time.NewTicker(d.cfg.Poll)
	defer tick.Stop()
	for {
		w.look(ctx, time.Now())
		select {
		case <-tick.C:
		case <-w.news:
		case p := <-w.asked:
			p.done <- w.push(ctx, p.kind, time.Now())
		case <-ctx.Done():
			return
		}
	}
}

// poke makes Run look at once.
func (w *watch) poke() {
	select {
	case w.news <- struct{}{}:
	default: // it will look anyway
	}
}

// push is somebody's word that a directory is whole.
type push struct {
	kind string
	done chan error // takes one, and never blocks
}

// Push takes the directory of a kind of board as it lies there, without waiting until its
// files have been quiet, and gives the app's newest commit. Errors: roost.NotFound without
// such a directory, roost.Conflict while a file of it is being written, roost.Unavailable
// when the directories are not watched.
func (d *Door) Push(ctx context.Context, kind string) (c roost.Commit, err error) {
	p := push{kind: kind, done: make(chan error, 1)}
	select {
	case d.watch.asked <- p:
	case <-ctx.Done():
		return c, roost.Because(roost.Unavailable, ctx.Err(), "The directories are not being watched at present.")
	}
	select {
	case err = <-p.done:
	case <-ctx.Done():
		err = roost.Because(roost.Unavailable, ctx.Err(), "The directory is still being taken; look again in a moment.")
	}
	if err != nil {
		return c, err
	}
	app, ok := d.cfg.Releases.BoardApp(d.cfg.Project, kind)
	if !ok {
		return c, roost.Errorf(roost.NotFound, "There is no kind of board %q.", short(kind))
	}
	return d.cfg.Releases.Commit(ctx, app.Project, app.ID, "")
}

// push makes of one directory what there is to make, now.
func (w *watch) push(ctx context.Context, name string, at time.Time) error {
	if err := release.CheckBoard(name); err != nil {
		return err
	}
	p := path.Join(bootDir, name)
	if _, err := w.root.Stat(p); errors.Is(err, fs.ErrNotExist) {
		return roost.Errorf(roost.NotFound, "There is no directory %s.", p)
	}
	k := w.kinds[name]
	if k == nil {
		k = &kind{name: name, folder: folder{path: p}}
		w.kinds[name] = k
	}
	k.whole = true
	err := w.lookAtKind(ctx, k, at)
	k.whole = false
	if errors.Is(err, errMoving) {
		return roost.Errorf(roost.Conflict, "A file of %s is being written; try again.", p)
	}
	return err
}

// look goes through all directories once.
func (w *watch) look(ctx context.Context, at time.Time) {
	w.lookAtKinds(ctx, at)
	w.lookAtDrops(ctx, at)
}

// complain writes what is wrong with something, once as long as it stays so.
func (w *watch) complain(what, text string) {
	if w.said[what] == text {
		return
	}
	if len(w.said) >= 10_000 {
		clear(w.said)
	}
	w.said[what] = text
	w.d.cfg.Log.Warn("directory of boards", "protocol", doorName, "path", what, "err", text)
}

// inLog stands before what a board's own log says of a file, in watch.said.
const inLog = "log "

// content notes that nothing is wrong with what.
func (w *watch) content(what string) {
	delete(w.said, what)
	delete(w.said, inLog+what)
}

// refuse writes why a file cannot be a board's.
func (w *watch) refuse(what string, why error) { w.complain(what, sentence(why)) }
