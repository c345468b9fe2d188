package board

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/roost-iot/roost"
)

// The directories below the base. A deleted app's directory goes to removed.
const (
	bootDir      = "boot"
	heartbeatDir = "heartbeat"
	servedDir    = "served"
	undoneDir    = "undone"
	removedDir   = "removed"
)

// watch looks after the directories. One goroutine, in run, does all of it.
type watch struct {
	d     *Door
	root  *os.Root
	news  chan struct{}
	kinds map[string]*kind
	drops map[string]*folder // by a board's id
	said  map[string]string  // what was last written of what cannot be, so that it is written once

	agreed map[string]roost.BoardDirectory
}

func openWatch(ctx context.Context, d *Door) (*watch, error) {
	for _, dir := range []string{bootDir, heartbeatDir} {
		if err := os.MkdirAll(d.cfg.Dir+string(os.PathSeparator)+dir, 0o777); err != nil { // as the umask says: others copy files in
			return nil, err
		}
	}
	root, err := os.OpenRoot(d.cfg.Dir)
	if err != nil {
		return nil, err
	}
	w := &watch{
		d: d, root: root, news: make(chan struct{}, 1), kinds: map[string]*kind{}, drops: map[string]*folder{},
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
		case <-ctx.Done():
			return
		}
	}
}

// poke makes run look at once.
func (w *watch) poke() {
	select {
	case w.news <- struct{}{}:
	default: // it will look anyway
	}
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

// content that nothing is wrong with what.
func (w *watch) content(what string) { delete(w.said, what) }

// refuse writes why a file cannot be a board's.
func (w *watch) refuse(what string, why error) { w.complain(what, sentence(why)) }
