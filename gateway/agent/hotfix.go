package agent

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
	wire "github.com/roost-iot/roost/wire/agent"
)

// A hotfix is a version of the app for one thing: the files of the commit that it shall run,
// with others over them. It is tried, kept or returned from like any version.

// Bounds of hotfixes.
const (
	mostFixes    = 20 // of one thing that are known; those over and longest past are forgotten
	mostFixFiles = 50 // of one
	mostFixBytes = 256 << 10
)

// Hotfixes gives those of a thing, newest first.
func (d *Door) Hotfixes(ctx context.Context, ref roost.Ref) ([]roost.Hotfix, error) {
	t := d.known(ref)
	if t == nil {
		return nil, nil
	}
	t.turn.Lock()
	defer t.turn.Unlock()
	if err := t.settleFixes(ctx); err != nil {
		return nil, err
	}
	all := slices.Clone(t.now().Fixes)
	slices.Reverse(all)
	return all, nil
}

// AddHotfix gives one thing files over those of its app. Errors: roost.NotFound for what
// does not run the runtime, roost.Conflict without an app, roost.Invalid,
// *release.CheckError, roost.TooMany.
func (d *Door) AddHotfix(ctx context.Context, ref roost.Ref, files map[string]string, by string) (roost.Hotfix, error) {
	t := d.known(ref)
	if t == nil {
		return roost.Hotfix{}, errUnknown
	}
	t.turn.Lock()
	defer t.turn.Unlock()
	c, err := t.wantedCommit(ctx)
	if err != nil {
		return roost.Hotfix{}, err
	}
	if err := d.checkFix(ctx, c, files); err != nil {
		return roost.Hotfix{}, err
	}
	h := roost.Hotfix{Ref: ref, ID: roost.NewID(), State: roost.HotfixWaiting, By: by, At: time.Now().UTC().Truncate(time.Millisecond)}
	contents := map[roost.Digest][]byte{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := roost.HotfixFile{Name: name, Digest: sha256.Sum256([]byte(files[name])), Size: len(files[name]), Base: c.SHA256(name)}
		h.Files = append(h.Files, f)
		contents[f.Digest] = []byte(files[name])
	}
	fixes := slices.Clone(t.now().Fixes)
	if len(fixes) >= mostFixes {
		i := slices.IndexFunc(fixes, func(o roost.Hotfix) bool { return !o.State.Open() })
		if i < 0 {
			return h, roost.Errorf(roost.TooMany, "%s has %d hotfixes already; commit them to its app, or take some back.", ref.Thing, len(fixes))
		}
		fixes = slices.Delete(fixes, i, i+1)
	}
	if _, err := d.cfg.Store.SaveAgentRelease(ctx, roost.Release{Key: "fix/" + h.ID, Text: "{}"}, contents); err != nil {
		return h, roost.Because(roost.Unavailable, err, "The hotfix cannot be stored at present.")
	}
	if err := t.change(ctx, func(a *roost.Agent) { a.Fixes = append(fixes, h) }); err != nil {
		return h, err
	}
	d.write(ref, "info", "hotfix by "+by+": "+h.FileNames(), "")
	t.wake()
	return h, nil
}

// checkFix holds the files of a hotfix against what things take.
func (d *Door) checkFix(ctx context.Context, c roost.Commit, files map[string]string) error {
	size := 0
	for name, text := range files {
		if size += len(text); !wire.PlainName(name) {
			return roost.Errorf(roost.Invalid, "%q is no name of a file that things take: letters, digits, _, . and - with one / at most.", name)
		}
	}
	if len(files) == 0 || len(files) > mostFixFiles || size > mostFixBytes {
		return roost.Errorf(roost.Invalid, "A hotfix has 1 to %d files of %d KiB together.", mostFixFiles, mostFixBytes>>10)
	}
	problems, err := d.cfg.Releases.Check(ctx, c.Project, c.App, files)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(problems, func(p release.Problem) bool { return p.Severity == release.Fault }) {
		return &release.CheckError{Problems: problems}
	}
	return nil
}

// UndoHotfix takes a hotfix back: the thing goes to its app's own version. Errors:
// roost.NotFound, roost.Conflict when it is over already.
func (d *Door) UndoHotfix(ctx context.Context, ref roost.Ref, id, by string) (h roost.Hotfix, err error) {
	t := d.known(ref)
	if t == nil {
		return h, errUnknown
	}
	t.turn.Lock()
	defer t.turn.Unlock()
	if err := t.settleFixes(ctx); err != nil {
		return h, err
	}
	fixes := slices.Clone(t.now().Fixes)
	i := slices.IndexFunc(fixes, func(o roost.Hotfix) bool { return o.ID == id })
	if i < 0 {
		return h, roost.Errorf(roost.NotFound, "%s has no such hotfix.", ref.Thing)
	}
	if !fixes[i].State.Open() {
		return h, roost.Errorf(roost.Conflict, "This hotfix is over: %s.", fixes[i].State)
	}
	fixes[i].State, fixes[i].Undoer, fixes[i].Ended = roost.HotfixUndone, by, time.Now().UTC().Truncate(time.Millisecond)
	if err := t.change(ctx, func(a *roost.Agent) { a.Fixes = fixes }); err != nil {
		return h, err
	}
	d.write(ref, "info", "hotfix taken back by "+by+": "+fixes[i].FileNames(), "")
	t.wake()
	return fixes[i], nil
}

// wantedCommit gives the commit that the thing shall run; roost.Conflict if none.
func (t *thing) wantedCommit(ctx context.Context) (roost.Commit, error) {
	w, ok := t.d.cfg.Releases.Wanted(t.ref)
	if !ok || w.App.Hidden {
		return roost.Commit{}, roost.Errorf(roost.Conflict, "%s has no app that a hotfix could be for.", t.ref.Thing)
	}
	return t.d.cfg.Releases.Commit(ctx, t.ref.Project, w.App.ID, w.Commit)
}

// settleFixes notes which hotfixes the thing has, and ends those of which its app has newer
// files; the caller holds t.turn.
func (t *thing) settleFixes(ctx context.Context) error {
	a := t.now()
	if !slices.ContainsFunc(a.Fixes, func(h roost.Hotfix) bool { return h.State.Open() }) {
		return nil
	}
	c, err := t.wantedCommit(ctx)
	if err != nil {
		return nil // without its app there is nothing to be said of them
	}
	fixes, changed := slices.Clone(a.Fixes), false
	for i := range fixes {
		h := &fixes[i]
		if !h.State.Open() {
			continue
		}
		h.Files = slices.Clone(h.Files)
		left := false
		for j := range h.Files {
			f := &h.Files[j]
			if over := c.SHA256(f.Name) != f.Base; over && !f.Over {
				f.Over, changed = true, true
			}
			left = left || !f.Over
		}
		if !left {
			h.State, h.Ended, changed = roost.HotfixOvertaken, time.Now().UTC(), true
			t.d.write(t.ref, "info", "hotfix overtaken: the app has newer files, "+h.FileNames(), "")
		}
	}
	if a.App.Trial == 0 && a.App.Version == fixedVersion(c.ID, overlay(fixes)) {
		for i := range fixes {
			if fixes[i].State == roost.HotfixWaiting {
				fixes[i].State, fixes[i].Served, changed = roost.HotfixServed, time.Now().UTC(), true
			}
		}
	}
	if !changed {
		return nil
	}
	return t.change(ctx, func(a *roost.Agent) { a.Fixes = fixes })
}

// overlay names the files that are over those of the app: a line each, the digest first.
func overlay(fixes []roost.Hotfix) string {
	files := map[string]roost.Digest{}
	for _, h := range fixes {
		for _, f := range h.Files {
			if h.State.Open() && !f.Over {
				files[f.Name] = f.Digest // a later one stands over an earlier
			}
		}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "%x %s\n", files[name], name)
	}
	return b.String()
}

// fixedVersion names the version of a commit with files over it.
func fixedVersion(commit, overlay string) string {
	if overlay == "" {
		return commit
	}
	d := sha256.Sum256([]byte(overlay))
	return commit + "+" + roost.Spell(d[:5])
}

// overlaid puts the files of an overlay over sources.
func (r *releases) overlaid(ctx context.Context, sources map[string]string, overlay string) error {
	for line := range strings.Lines(overlay) {
		digest, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		b, err := r.d.cfg.Store.AgentFile(ctx, digestOf(digest))
		if err != nil {
			return err
		}
		sources[name] = string(b)
	}
	return nil
}
