package board

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/roost-iot/roost"
)

// lookAtDrops makes hotfixes of files that were put into the directories of boards, and
// archives those that were served.
func (w *watch) lookAtDrops(ctx context.Context, at time.Time) {
	there, err := w.folders(heartbeatDir)
	if err != nil {
		return
	}
	names := map[string]bool{}
	for _, name := range there {
		names[name] = true
		f := w.drops[name]
		if f == nil {
			f = &folder{path: path.Join(heartbeatDir, name)}
			w.drops[name] = f
		}
		w.outcome(ctx, f.path, w.lookAtDrop(ctx, f, roost.ThingID(name), at))
	}
	maps.DeleteFunc(w.drops, func(name string, _ *folder) bool { return !names[name] })
	w.endElsewhere(ctx, names)
}

// endElsewhere ends the hotfixes of boards whose directory is gone; there are those that
// have one.
func (w *watch) endElsewhere(ctx context.Context, there map[string]bool) {
	w.d.mu.Lock()
	all := slices.Collect(maps.Values(w.d.boards))
	w.d.mu.Unlock()
	for _, b := range all {
		if there[string(b.ref.Thing)] {
			continue
		}
		b.mu.Lock()
		err := w.withdrawAll(ctx, b)
		b.mu.Unlock()
		if err != nil {
			w.complain(path.Join(heartbeatDir, string(b.ref.Thing)), sentence(err))
		}
	}
}

// lookAtDrop looks at the directory of one board.
func (w *watch) lookAtDrop(ctx context.Context, f *folder, id roost.ThingID, at time.Time) error {
	b := w.d.known(roost.Ref{Project: w.d.cfg.Project, Thing: id})
	if b == nil {
		f.done = nil // whoever gets the id gets what lies here
		if err := f.list(w.root, at); err != nil || len(f.now) == 0 {
			return err
		}
		return fmt.Errorf("no board that was let in has the id %s; what lies here waits for it", id)
	}
	if err := b.hold(); err != nil {
		return err
	}
	defer b.mu.Unlock()
	if err := w.archive(ctx, b, f); err != nil {
		return err
	}
	if err := f.list(w.root, at); err != nil {
		return err
	}
	if f.done != nil && f.now.same(f.done) {
		return nil
	}
	ready, still := f.settled(at, w.d.cfg.Stable)
	if !ready {
		return nil
	}
	texts, refused, err := f.take(w, still)
	if err != nil {
		return err
	}
	w.tellRefused(b, f, refused)
	delete(texts, servedDir) // they would be in the way of the archive
	delete(texts, undoneDir)
	if err := w.dropped(ctx, b, texts); err != nil {
		return err
	}
	f.moved = time.Time{}
	if len(still) == 0 {
		f.done = f.now
	}
	return nil
}

// tellRefused writes into a board's own log which of its files were refused, once as long
// as the reason is the same.
func (w *watch) tellRefused(b *board, f *folder, refused map[string]bool) {
	for name := range refused {
		at := path.Join(f.path, name)
		if said := w.said[at]; said != w.said[inLog+at] {
			w.said[inLog+at] = said
			w.d.write(b.ref, "warn", "hotfix refused: "+name+": "+said)
		}
	}
}

// waitingDrop gives the hotfix whose files lie in a board's directory and wait, nil if there
// is none; the caller holds b.mu.
func (b *board) waitingDrop() *roost.Hotfix {
	i := slices.IndexFunc(b.fixes, func(h *roost.Hotfix) bool { return h.Dropped && h.State == roost.HotfixWaiting })
	if i < 0 {
		return nil
	}
	return b.fixes[i]
}

// dropped makes the hotfix that waits in a board's directory that of texts; the caller
// holds b.mu. errMoving: look again.
func (w *watch) dropped(ctx context.Context, b *board, texts map[string]string) error {
	h := b.waitingDrop()
	switch {
	case h != nil && len(texts) == 0:
		return w.withdrawAll(ctx, b)
	case len(texts) == 0 || h != nil && sameFiles(h, texts):
		return nil
	case h != nil && b.out[h.ID]: // what is being served is what it was
		return errMoving
	case len(texts) > mostFiles:
		return roost.Errorf(roost.Invalid, "A hotfix has at most %d files; here are %d.", mostFiles, len(texts))
	}
	c, err := b.commit(ctx)
	if err != nil {
		return err
	}
	next := roost.Hotfix{Ref: b.ref, ID: roost.NewID(), State: roost.HotfixWaiting, By: byDirectory, At: now(), Dropped: true}
	if h != nil {
		next.ID, next.At = h.ID, h.At
	}
	return b.add(ctx, &next, texts, c)
}

func sameFiles(h *roost.Hotfix, texts map[string]string) bool {
	return len(h.Files) == len(texts) && !slices.ContainsFunc(h.Files, func(f roost.HotfixFile) bool {
		text, ok := texts[f.Name]
		return !ok || digestOf(text) != f.Digest
	})
}

// withdrawAll ends hotfixes whose files are not in the board's directory any more; the
// caller holds b.mu.
func (w *watch) withdrawAll(ctx context.Context, b *board) error {
	var changed []roost.Hotfix
	for _, h := range b.fixes {
		if !h.Dropped {
			continue
		}
		next := *copied(h)
		next.Dropped = false
		if h.State == roost.HotfixWaiting {
			next.State, next.Ended, next.Undoer = roost.HotfixUndone, now(), byDirectory
			next.Reverting = b.out[h.ID] // it is just going out
			w.d.write(b.ref, "info", "hotfix taken back by "+byDirectory+": "+h.FileNames())
		}
		changed = append(changed, next)
	}
	if len(changed) == 0 {
		return nil
	}
	return b.save(ctx, changed)
}

// archive moves the files of hotfixes that were served, or taken back, out of a board's
// directory, each once even if Roost is killed in between: where they go depends on what
// was written down when they were served. The caller holds b.mu.
func (w *watch) archive(ctx context.Context, b *board, f *folder) error {
	var changed []roost.Hotfix
	for _, h := range b.fixes {
		if !h.Dropped || h.State == roost.HotfixWaiting {
			continue
		}
		if err := w.archiveOne(ctx, h, f.path); err != nil {
			return fmt.Errorf("archive a hotfix: %w", err)
		}
		next := *copied(h)
		next.Dropped = false
		changed = append(changed, next)
	}
	if len(changed) == 0 {
		return nil
	}
	f.done = nil
	return b.save(ctx, changed)
}

// archiveOne moves the files of one hotfix to where they belong below dir, which they lie in.
func (w *watch) archiveOne(ctx context.Context, h *roost.Hotfix, dir string) error {
	to := path.Join(dir, servedDir, folderTime(h.Served))
	if h.Served.IsZero() {
		to = path.Join(dir, undoneDir, folderTime(h.Ended))
	}
	if err := w.root.MkdirAll(to, 0o777); err != nil { // as the umask says
		return err
	}
	for _, file := range h.Files {
		if err := w.archiveFile(ctx, h, file, dir, to); err != nil {
			return err
		}
	}
	return nil
}

// archiveFile moves one file of a hotfix from dir to to. If it does not lie in dir any more,
// or is another by now, which stays there, it is written from the store.
func (w *watch) archiveFile(ctx context.Context, h *roost.Hotfix, file roost.HotfixFile, dir, to string) error {
	lies, err := w.holds(path.Join(dir, file.Name), file)
	if err != nil {
		return err
	}
	if lies {
		return w.root.Rename(path.Join(dir, file.Name), path.Join(to, file.Name))
	}
	if _, err := w.root.Lstat(path.Join(to, file.Name)); err == nil {
		return nil // moved before Roost was killed
	}
	was, err := w.d.cfg.Store.HotfixContent(ctx, h.ID, file.Name)
	if err != nil {
		return err
	}
	archive := folder{path: to}
	_, err = archive.put(w.root, file.Name, was, stamp{}, false)
	return err
}

// holds tells that a file of the directories is that of a hotfix.
func (w *watch) holds(name string, file roost.HotfixFile) (bool, error) {
	info, err := w.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() != int64(file.Size) {
		return false, err
	}
	text, err := w.root.ReadFile(name)
	return err == nil && digestOf(string(text)) == file.Digest, err
}
