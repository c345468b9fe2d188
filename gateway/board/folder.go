package board

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"strings"
	"time"

	"github.com/roost-iot/roost/release"
)

// stamp is what tells that a file was changed.
type stamp struct {
	size int64
	mod  time.Time
}

// listing is the stamps of a folder's files, by name.
type listing map[string]stamp

func (l listing) same(o listing) bool {
	return maps.EqualFunc(l, o, func(a, b stamp) bool { return a.size == b.size && a.mod.Equal(b.mod) })
}

// mostListed bounds the files of a folder that are looked at.
const mostListed = 2000

// restless is how many times longer than a file must be quiet the others wait for one that never is.
const restless = 10

// folder is what is known of one folder from look to look.
type folder struct {
	path  string
	now   listing
	since map[string]time.Time // when a file was seen to change
	moved time.Time            // when the first file changed that nothing was made of yet; zero: none
	done  listing              // of which something was made; nil: never
}

// list looks at the folder as it is at a time, which settled compares with.
func (f *folder) list(root *os.Root, at time.Time) error {
	dir, err := root.Open(f.path)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // it was read only
	entries, err := dir.ReadDir(mostListed + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(entries) > mostListed {
		return fmt.Errorf("it has more than %d files", mostListed)
	}
	now, since := listing{}, map[string]time.Time{}
	for _, e := range entries {
		if e.IsDir() || hidden(e.Name()) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		s := stamp{info.Size(), info.ModTime()}
		if !info.Mode().IsRegular() {
			s = stamp{size: -1}
		}
		now[e.Name()], since[e.Name()] = s, at
		if was, ok := f.now[e.Name()]; ok && was.size == s.size && was.mod.Equal(s.mod) {
			since[e.Name()] = f.since[e.Name()]
		}
	}
	f.now, f.since = now, since
	if f.moved.IsZero() && (f.done == nil || !f.now.same(f.done)) {
		f.moved = at
	}
	return nil
}

// hidden tells a file of programs that copy or edit: it is never looked at, nor written.
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasSuffix(name, ".tmp") || strings.HasSuffix(name, ".part") ||
		strings.HasSuffix(name, ".new")
}

// settled tells that the files are whole, but for those still: the others do not wait for
// a file that changes for ever.
func (f *folder) settled(at time.Time, stable time.Duration) (ok bool, still map[string]bool) {
	still = map[string]bool{}
	for name, since := range f.since {
		if at.Sub(since) < stable {
			still[name] = true
		}
	}
	return len(still) == 0 || at.Sub(f.moved) >= restless*stable, still
}

// errMoving tells that a file changed while it was read.
var errMoving = errors.New("it is being written")

// read gives a file that has not changed since it was listed. refused: why it cannot be
// one of a board's.
func (f *folder) read(root *os.Root, name string) (text string, refused, err error) {
	was := f.now[name]
	if was.size < 0 {
		return "", errors.New("it is no plain file"), nil
	}
	if err := release.CheckBoardFile(name, ""); err != nil {
		return "", err, nil
	}
	file, err := root.Open(path.Join(f.path, name))
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = file.Close() }() // it was read only
	b, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return "", nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return "", nil, err
	}
	if info.Size() != was.size || !info.ModTime().Equal(was.mod) {
		return "", nil, errMoving
	}
	if len(b) > maxFile {
		return "", fmt.Errorf("it has %d bytes; a file has at most %d", was.size, maxFile), nil
	}
	if err := release.CheckBoardFile(name, string(b)); err != nil {
		return "", err, nil
	}
	return string(b), nil, nil
}

// maxFile is the most bytes of a file for boards.
const maxFile = 256 << 10

// take reads all files that may be a board's and are not still being written, and tells
// which were refused. errMoving: look again.
func (f *folder) take(w *watch, still map[string]bool) (texts map[string]string, refused map[string]bool, err error) {
	texts, refused = map[string]string{}, map[string]bool{}
	if all := f.size(still); all > mostRead {
		return nil, nil, fmt.Errorf("its files have %d bytes; at most %d are read", all, mostRead)
	}
	for name := range f.now {
		if still[name] {
			continue
		}
		text, why, err := f.read(w.root, name)
		at := path.Join(f.path, name)
		switch {
		case err != nil && !errors.Is(err, errMoving):
			return nil, nil, fmt.Errorf("read %s: %w", at, err)
		case err != nil:
			return nil, nil, err
		case why != nil:
			refused[name] = true
			w.refuse(at, why)
			continue
		}
		w.content(at)
		texts[name] = text
	}
	return texts, refused, nil
}

// mostRead bounds the bytes of a folder that are read; a hotfix may have 12.5 MiB.
const mostRead = 16 << 20

// size gives how many bytes take would read.
func (f *folder) size(still map[string]bool) (all int64) {
	for name, s := range f.now {
		if !still[name] {
			all += min(max(s.size, 0), maxFile)
		}
	}
	return all
}

// put writes a file whole or not at all, and gives its stamp. was is what it replaces: a
// file that somebody changed since is left alone, with errMoving.
func (f *folder) put(root *os.Root, name, text string, was stamp, there bool) (s stamp, err error) {
	temp := path.Join(f.path, ".roost-"+name)
	file, err := root.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o666) // as the umask says: others edit it
	if err != nil {
		return s, err
	}
	_, err = file.WriteString(text)
	if err == nil {
		err = file.Sync()
	}
	info, serr := file.Stat()
	if err = errors.Join(err, serr, file.Close()); err == nil && !f.untouched(root, name, was, there) {
		err = errMoving
	}
	if err == nil {
		err = root.Rename(temp, path.Join(f.path, name))
	}
	if err != nil {
		return s, errors.Join(err, root.Remove(temp))
	}
	return stamp{info.Size(), info.ModTime()}, nil
}

// untouched tells that a file is as it was listed.
func (f *folder) untouched(root *os.Root, name string, was stamp, there bool) bool {
	info, err := root.Lstat(path.Join(f.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return !there
	}
	return err == nil && there && info.Size() == was.size && info.ModTime().Equal(was.mod)
}
