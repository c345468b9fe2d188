package board

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/release"
)

// Bounds of hotfixes.
const (
	mostFixes = 100 // of one board that are wanted at a time
	mostFiles = 50  // of one hotfix
	shownMost = 200 // hotfixes of a board that are told of
)

// byDirectory is who put files into a directory.
const byDirectory = "directory"

// due gives the hotfixes that a board is to be given, or whose way back it is, as copies:
// given must be told what came of each. The caller holds b.mu. all: files that are no
// Python reach it, too.
func (b *board) due(all bool) []*roost.Hotfix {
	var out []*roost.Hotfix
	if b.out == nil {
		b.out = map[string]bool{}
	}
	for _, h := range b.fixes {
		reaches := all || !slices.ContainsFunc(h.Files, func(f roost.HotfixFile) bool { return !isPython(f.Name) })
		if reaches && !b.out[h.ID] && waits(h) {
			b.out[h.ID] = true
			out = append(out, copied(h))
		}
	}
	return out
}

// waits tells that a hotfix, or its way back, is to be given to its board.
func waits(h *roost.Hotfix) bool { return h.State == roost.HotfixWaiting || h.Reverting }

// copied gives a hotfix that may be changed: those in board.fixes are replaced, never changed.
func copied(h *roost.Hotfix) *roost.Hotfix {
	c := *h
	c.Files = slices.Clone(h.Files)
	return &c
}

// given writes down that a board was given what was due, unless lost says that it was
// not. What cannot be written down is given once more.
func (b *board) given(ctx context.Context, due []*roost.Hotfix, lost error, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range due {
		defer delete(b.out, d.ID)
	}
	if lost != nil {
		return
	}
	var changed []roost.Hotfix
	for _, d := range due {
		h := b.fix(d.ID)
		if h == nil {
			continue
		}
		next := *copied(h)
		next.Reverting = h.Reverting && !d.Reverting // it may have been taken back meanwhile
		if h.State == roost.HotfixWaiting {
			next.State, next.Served = roost.HotfixServed, at.UTC().Truncate(time.Millisecond)
			changed = append(changed, b.covered(&next)...)
		}
		changed = append(changed, next)
	}
	if len(changed) == 0 {
		return
	}
	if err := b.save(ctx, changed); err != nil {
		b.d.cfg.Log.Log(ctx, gateway.Fault(ctx), "hotfix served, but not written down; it is served again", "thing", string(b.ref.Thing), "protocol", doorName, "err", err)
		return
	}
	b.d.watch.poke()
}

// covered gives the served hotfixes that a later one leaves nothing of.
func (b *board) covered(by *roost.Hotfix) (over []roost.Hotfix) {
	for _, h := range b.fixes {
		if h.ID == by.ID || h.State != roost.HotfixServed {
			continue
		}
		left := slices.ContainsFunc(h.Files, func(f roost.HotfixFile) bool {
			return !f.Over && !slices.ContainsFunc(by.Files, func(o roost.HotfixFile) bool { return o.Name == f.Name })
		})
		if !left {
			next := *copied(h)
			next.State, next.Ended = roost.HotfixOvertaken, by.Served
			over = append(over, next)
		}
	}
	return over
}

// fix gives the hotfix of an id among those of b.fixes, nil if it is not there; the caller
// holds b.mu.
func (b *board) fix(id string) *roost.Hotfix {
	i := slices.IndexFunc(b.fixes, func(h *roost.Hotfix) bool { return h.ID == id })
	if i < 0 {
		return nil
	}
	return b.fixes[i]
}

// save stores how hotfixes stand, and then takes it up; the caller holds b.mu.
func (b *board) save(ctx context.Context, changed []roost.Hotfix) error {
	if err := b.d.cfg.Store.SaveHotfixes(ctx, changed); err != nil {
		return err
	}
	for i := range changed {
		b.take(&changed[i])
	}
	return nil
}

// take makes h what is known of it; the caller holds b.mu.
func (b *board) take(h *roost.Hotfix) {
	i := slices.IndexFunc(b.fixes, func(o *roost.Hotfix) bool { return o.ID == h.ID })
	live := h.State.Open() || h.Reverting || h.Dropped
	switch {
	case i < 0 && live:
		b.fixes = append(b.fixes, h)
	case i >= 0 && live:
		b.fixes[i] = h
	case i >= 0:
		b.fixes = slices.Delete(b.fixes, i, i+1)
	}
}

// overtake ends hotfixes, or files of them, whose own files the app has changed since;
// the caller holds b.mu.
func (b *board) overtake(ctx context.Context, c roost.Commit) error {
	var changed []roost.Hotfix
	for _, h := range b.fixes {
		if !h.State.Open() {
			continue
		}
		next, news := *copied(h), false
		left := 0
		for i, f := range next.Files {
			if !f.Over && c.SHA256(f.Name) != f.Base {
				next.Files[i].Over, news = true, true
			}
			if !next.Files[i].Over {
				left++
			}
		}
		if left == 0 {
			next.State, next.Ended = roost.HotfixOvertaken, now()
		}
		if news {
			changed = append(changed, next)
		}
	}
	if len(changed) == 0 {
		return nil
	}
	if err := b.save(ctx, changed); err != nil {
		return roost.Because(roost.Unavailable, err, "What became of a hotfix cannot be stored at present.")
	}
	for _, h := range changed {
		if h.State == roost.HotfixOvertaken {
			b.d.write(b.ref, "info", "hotfix overtaken: the app has newer files, "+h.FileNames())
		}
	}
	return nil
}

// now is the time as the store keeps it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// Hotfixes gives those of a board, newest first.
func (d *Door) Hotfixes(ctx context.Context, ref roost.Ref) ([]roost.Hotfix, error) {
	b := d.known(ref)
	if b == nil {
		return nil, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, err := b.commit(ctx); err == nil {
		if err := b.overtake(ctx, c); err != nil {
			return nil, err
		}
	}
	return d.cfg.Store.Hotfixes(ctx, ref, shownMost)
}

// AddHotfix gives one board files over those of its app, with its next heartbeat. Errors:
// roost.NotFound for what is no board, roost.Invalid, *release.CheckError, roost.TooMany.
func (d *Door) AddHotfix(ctx context.Context, ref roost.Ref, files map[string]string, by string) (roost.Hotfix, error) {
	b := d.known(ref)
	if b == nil {
		return roost.Hotfix{}, roost.Errorf(roost.NotFound, "%q is no board that asks for files.", ref.Thing)
	}
	switch {
	case len(files) == 0:
		return roost.Hotfix{}, roost.Errorf(roost.Invalid, "A hotfix has at least one file.")
	case len(files) > mostFiles:
		return roost.Hotfix{}, roost.Errorf(roost.Invalid, "A hotfix has at most %d files.", mostFiles)
	}
	if err := b.hold(); err != nil {
		return roost.Hotfix{}, err
	}
	defer b.mu.Unlock()
	c, err := b.commit(ctx)
	if err != nil {
		return roost.Hotfix{}, err
	}
	problems, err := d.cfg.Releases.Check(ctx, c.Project, c.App, files)
	if err != nil {
		return roost.Hotfix{}, err
	}
	if slices.ContainsFunc(problems, func(p release.Problem) bool { return p.Severity == release.Fault }) {
		return roost.Hotfix{}, &release.CheckError{Problems: problems}
	}
	h := roost.Hotfix{Ref: ref, ID: roost.NewID(), State: roost.HotfixWaiting, By: by, At: now()}
	err = b.add(ctx, &h, files, c)
	return h, err
}

// add stores a hotfix of files, which it fills in. c is the commit that they go over. The
// caller holds b.mu. Errors: roost.TooMany, roost.Unavailable.
func (b *board) add(ctx context.Context, h *roost.Hotfix, files map[string]string, c roost.Commit) error {
	if b.fix(h.ID) == nil && len(b.fixes) >= mostFixes {
		return roost.Errorf(roost.TooMany, "Board %s has %d hotfixes already; commit them to its app, or take some back.", h.Thing, mostFixes)
	}
	h.Files = nil
	var contents []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text := files[name]
		h.Files = append(h.Files, roost.HotfixFile{
			Name: name, Digest: digestOf(text), MD5: sum(text), Size: len(text), Base: c.SHA256(name),
		})
		contents = append(contents, text)
	}
	if err := b.d.cfg.Store.AddHotfix(ctx, *h, contents); err != nil {
		return roost.Because(roost.Unavailable, err, "The hotfix cannot be stored at present.")
	}
	b.take(copied(h))
	b.d.write(b.ref, "info", "hotfix by "+h.By+" waits for the next heartbeat: "+h.FileNames())
	return nil
}

// UndoHotfix takes a hotfix back: one that waits is not served; where one was served, the
// app's own files go out with the next heartbeat. Errors: roost.NotFound, roost.Conflict
// when it is over already.
func (d *Door) UndoHotfix(ctx context.Context, ref roost.Ref, id, by string) (roost.Hotfix, error) {
	b := d.known(ref)
	if b == nil {
		return roost.Hotfix{}, noHotfix(id)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.commit(ctx)
	if err == nil {
		err = b.overtake(ctx, c)
	}
	if err != nil && roost.KindOf(err) != roost.NotFound {
		return roost.Hotfix{}, err
	}
	h := b.fix(id)
	if h == nil || !h.State.Open() {
		return roost.Hotfix{}, b.over(ctx, id)
	}
	next := *copied(h)
	next.Reverting = h.State == roost.HotfixServed || b.out[id]
	next.State, next.Ended, next.Undoer = roost.HotfixUndone, now(), by
	if err := b.save(ctx, []roost.Hotfix{next}); err != nil {
		return roost.Hotfix{}, roost.Because(roost.Unavailable, err, "The hotfix cannot be taken back at present.")
	}
	d.write(ref, "info", "hotfix taken back by "+by+": "+next.FileNames())
	d.watch.poke()
	return next, nil
}

// noHotfix tells that there is no hotfix of an id.
func noHotfix(id string) error {
	return roost.Errorf(roost.NotFound, "There is no hotfix %q.", short(id))
}

// over tells why a hotfix cannot be taken back; the caller holds b.mu.
func (b *board) over(ctx context.Context, id string) error {
	all, err := b.d.cfg.Store.Hotfixes(ctx, b.ref, 0)
	if err != nil {
		return err
	}
	for _, h := range all {
		if h.ID == id {
			return roost.Errorf(roost.Conflict, "This hotfix is %s already.", h.State)
		}
	}
	return noHotfix(id)
}

// Files gives a board's files by name: wanted against there.
func (d *Door) Files(ctx context.Context, ref roost.Ref) ([]roost.BoardFile, error) {
	b := d.known(ref)
	if b == nil {
		return nil, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[string]roost.BoardFile{}
	for name, md5 := range b.facts.Files {
		all[name] = roost.BoardFile{Name: name, There: md5}
	}
	_, wanted, err := b.wanted(ctx)
	if err != nil && roost.KindOf(err) != roost.NotFound {
		return nil, err
	}
	for _, f := range wanted {
		all[f.name] = roost.BoardFile{Name: f.name, Wanted: f.md5, There: all[f.name].There, Size: f.size, Hotfix: f.hotfix}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b roost.BoardFile) int { return strings.Compare(a.Name, b.Name) }), nil
}

// digestOf gives the SHA-256 by which files are kept.
func digestOf(text string) roost.Digest { return sha256.Sum256([]byte(text)) }

// sourceFile gives a file of a commit, without its content.
func sourceFile(c roost.Commit, name string) (roost.SourceFile, bool) {
	i := slices.IndexFunc(c.Files, func(f roost.SourceFile) bool { return f.Name == name })
	if i < 0 {
		return roost.SourceFile{}, false
	}
	return c.Files[i], true
}
