package board

import (
	"cmp"
	"context"
	"crypto/md5" // what boards compare files by
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// wantedFile is a file that a board shall have.
type wantedFile struct {
	name   string
	md5    string
	digest roost.Digest
	size   int
	hotfix string // id of the hotfix that it is of; "": the app's own
}

// sum is the MD5 of a file as boards write it.
func sum(text string) string {
	s := md5.Sum([]byte(text))
	return hex.EncodeToString(s[:])
}

// mostSums bounds what sums remembers.
const mostSums = 20_000

// sums knows the MD5 of files that are kept by their SHA-256.
type sums struct {
	releases *release.Releases

	mu    sync.Mutex
	known map[roost.Digest]string
}

func (s *sums) of(ctx context.Context, c *roost.Commit, f roost.SourceFile) (string, error) {
	s.mu.Lock()
	md5, ok := s.known[f.Digest]
	s.mu.Unlock()
	if ok {
		return md5, nil
	}
	text, err := s.releases.Content(ctx, c.Project, c.App, c.ID, f.Name)
	if err != nil {
		return "", fmt.Errorf("read %s of commit %s: %w", f.Name, c.ID, err)
	}
	md5 = sum(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= mostSums {
		s.known = map[roost.Digest]string{}
	}
	s.known[f.Digest] = md5
	return md5, nil
}

// commit gives the commit that a board shall run.
func (b *board) commit(ctx context.Context) (roost.Commit, error) {
	w, ok := b.d.cfg.Releases.Wanted(b.ref)
	if !ok {
		return roost.Commit{}, roost.Errorf(roost.NotFound, "Board %s has no app: it was deleted.", b.ref.Thing)
	}
	return b.d.cfg.Releases.Commit(ctx, w.App.Project, w.App.ID, w.Commit)
}

// wanted gives the files that a board shall have, by name: those of its commit, with its
// hotfixes over them. What the app has overtaken of these is written down first. The
// caller holds b.mu.
func (b *board) wanted(ctx context.Context) (c roost.Commit, files []wantedFile, err error) {
	if c, err = b.commit(ctx); err != nil {
		return c, nil, err
	}
	if err := b.overtake(ctx, c); err != nil {
		return c, nil, err
	}
	all := map[string]wantedFile{}
	for _, f := range c.Files {
		md5, err := b.d.sums.of(ctx, &c, f)
		if err != nil {
			return c, nil, err
		}
		all[f.Name] = wantedFile{name: f.Name, md5: md5, digest: f.Digest, size: f.Size}
	}
	for _, h := range b.fixes {
		for _, f := range h.Files {
			if h.State.Open() && !f.Over {
				all[f.Name] = wantedFile{name: f.Name, md5: f.MD5, digest: f.Digest, size: f.Size, hotfix: h.ID}
			}
		}
	}
	for _, f := range all {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b wantedFile) int { return strings.Compare(a.name, b.name) })
	return c, files, nil
}

// content gives the text of a wanted file.
func (b *board) content(ctx context.Context, c roost.Commit, f wantedFile) (string, error) {
	if f.hotfix != "" {
		return b.d.cfg.Store.HotfixContent(ctx, f.hotfix, f.name)
	}
	return b.d.cfg.Releases.Content(ctx, c.Project, c.App, c.ID, f.name)
}

// place orders files for a board: main.py, which starts the app, comes last.
func place(name string) int {
	switch name {
	case "main.py":
		return 2
	case "app.py":
		return 1
	}
	return 0
}

func isPython(name string) bool { return strings.HasSuffix(name, ".py") }

// lacking gives the wanted files that a board with files of these MD5s lacks, in the order
// in which it is to write them. all: of files other than Python's, too; a board that does
// not tell of these would lack them at every boot.
func lacking(wanted []wantedFile, have map[string]string, all bool) []wantedFile {
	var need []wantedFile
	for _, f := range wanted {
		if (all || isPython(f.name)) && have[f.name] != f.md5 {
			need = append(need, f)
		}
	}
	slices.SortFunc(need, func(a, b wantedFile) int {
		return cmp.Or(cmp.Compare(place(a.name), place(b.name)), strings.Compare(a.name, b.name))
	})
	return need
}

// mostLookedAt is how many commits are looked at for the one that a board has.
const mostLookedAt = 50

// versionOf gives the id of the commit whose files a board has, "0" if it is none of the
// newest. A board that has all that is wanted, hotfixes too, has the wanted commit.
func (b *board) versionOf(ctx context.Context, wanted roost.Commit, files []wantedFile, have map[string]string, all bool) (string, error) {
	if len(lacking(files, have, all)) == 0 {
		return wanted.ID, nil
	}
	commits, err := b.d.cfg.Releases.Commits(ctx, wanted.Project, wanted.App)
	if err != nil {
		return "", err
	}
	for i := range commits[:min(mostLookedAt, len(commits))] {
		c := &commits[i]
		same := len(c.Files) > 0
		for _, f := range c.Files {
			if !all && !isPython(f.Name) {
				continue
			}
			md5, err := b.d.sums.of(ctx, c, f)
			if err != nil {
				return "", err
			}
			if same = have[f.Name] == md5; !same {
				break
			}
		}
		if same {
			return c.ID, nil
		}
	}
	return "0", nil
}
