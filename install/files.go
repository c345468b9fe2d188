package install

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

const (
	mostFiles = 1000
	mostBytes = 16 << 20 // of all files together; boards have 4 MB
)

// Files are what shall be on a board: names with / between folders, relative to
// its root, to content.
type Files map[string][]byte

// ReadFolder takes all files of a folder, but none whose name begins with a dot
// and no __pycache__.
func ReadFolder(dir string) (Files, error) {
	return readTree(os.DirFS(dir), dir, func(name string) bool {
		base := path.Base(name)
		return !strings.HasPrefix(base, ".") && base != "__pycache__"
	})
}

// ReadZip takes the Python files of a zip archive; those of its one folder, if
// all of them are in the same one.
func ReadZip(raw []byte) (Files, error) {
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, fmt.Errorf("read zip: %w", err)
	}
	all, err := readTree(z, "the zip", func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	files := Files{}
	top, same := "", true
	for name, data := range all {
		if path.Ext(name) != ".py" {
			continue
		}
		dir, _, _ := strings.Cut(name, "/")
		same = same && strings.Contains(name, "/") && (top == "" || top == dir)
		top = dir
		files[name] = data
	}
	if len(files) == 0 {
		return nil, errors.New("no Python files in the zip")
	}
	if !same {
		return files, nil
	}
	flat := Files{}
	for name, data := range files {
		flat[strings.TrimPrefix(name, top+"/")] = data
	}
	return flat, nil
}

func readTree(tree fs.FS, where string, wanted func(name string) bool) (Files, error) {
	files := Files{}
	total := int64(0)
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name != "." && !wanted(name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		if err := checkName(name); err != nil {
			return err
		}
		f, err := tree.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, mostBytes-total+1))
		if err != nil {
			return err
		}
		if total += int64(len(data)); total > mostBytes || len(files) == mostFiles {
			return fmt.Errorf("more than %d files or %d MB: no board has room for that", mostFiles, mostBytes>>20)
		}
		files[name] = data
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", where, err)
	}
	return files, nil
}

// checkName refuses what a board could not have.
func checkName(name string) error {
	for _, r := range name {
		if r < ' ' || r > '~' || r == '\\' {
			return fmt.Errorf("%q: names on a board are plain ASCII", name)
		}
	}
	for _, part := range strings.Split(name, "/") {
		if len(part) > 60 {
			return fmt.Errorf("%q: names on a board have at most 60 characters", name)
		}
	}
	if !fs.ValidPath(name) || name == "." {
		return fmt.Errorf("%q is no name for a file on a board", name)
	}
	return nil
}

// Order is the one in which files are written: what the board starts with comes
// last, so that one whose installation was cut still runs what it had, or stays
// at its prompt.
func (f Files) Order() []string {
	names := make([]string, 0, len(f))
	for name := range f {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(stage(a), stage(b)), cmp.Compare(a, b))
	})
	return names
}

func stage(name string) int {
	return slices.Index([]string{"version.py", "main.py", "boot.py"}, name) // others: -1
}

// Bytes is their size together.
func (f Files) Bytes() (n int64) {
	for _, data := range f {
		n += int64(len(data))
	}
	return n
}

// Progress is told how an installation goes; its functions may be nil.
type Progress struct {
	// File: one is begun. Same ones are left as they are.
	File func(name string, size int, same bool)
	// Sent bytes out of all. It goes back when a file is sent again.
	Sent func(done, all int64)
}

// Install makes the files be on the board; what else is there stays. It ends
// with the first fault, with the old content of the file at hand in its place.
func (b *Board) Install(ctx context.Context, files Files, p Progress) error {
	lacking, err := b.compare(ctx, files, p)
	if err != nil {
		return err
	}
	return b.put(ctx, lacking, lacking.Order(), &gauge{p: p, all: lacking.Bytes()})
}

// gauge tells how it goes through all that is to be sent.
type gauge struct {
	p         Progress
	done, all int64
}

func (g *gauge) file(name string, size int) {
	if g.p.File != nil {
		g.p.File(name, size, false)
	}
}

func (g *gauge) sent(n int) {
	g.done += int64(n)
	if g.p.Sent != nil {
		g.p.Sent(g.done, g.all)
	}
}

// put writes files by their names.
func (b *Board) put(ctx context.Context, files Files, names []string, g *gauge) error {
	for _, name := range names {
		g.file(name, len(files[name]))
		if err := b.WriteFile(ctx, name, files[name], g.sent); err != nil {
			return err
		}
	}
	return nil
}

// compare finds the files that the board does not have yet, and whether they
// will have room.
func (b *Board) compare(ctx context.Context, files Files, p Progress) (Files, error) {
	const block = 4096 // what a file takes at least
	lacking := Files{}
	need, largest := int64(0), int64(0)
	for _, name := range files.Order() {
		data := files[name]
		now, err := b.state(ctx, name)
		if err != nil {
			return nil, err
		}
		if now.there && now.size == int64(len(data)) && now.sum == sumOf(data) {
			if p.File != nil {
				p.File(name, len(data), true)
			}
			continue
		}
		lacking[name] = data
		need += max(0, int64(len(data))-now.size)
		if !now.there {
			need += block
		}
		largest = max(largest, int64(len(data)))
	}
	if len(lacking) == 0 {
		return lacking, nil
	}
	_, free, err := b.space(ctx)
	if err != nil {
		return nil, err
	}
	if need += largest; free >= 0 && need > free {
		return nil, fmt.Errorf("the files need %d kB more and the board has %d kB free; nothing was written", (need+1023)>>10, free>>10)
	}
	return lacking, nil
}
