package release

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/roost-iot/roost"
)

// Bounds of a release that comes in.
const (
	maxRelease      = 64 << 20 // bytes of all files
	maxReleaseFiles = 5000
)

// tree is a release that comes in: the contents of its files by PLATFORM/NAME.
type tree struct {
	version string
	files   map[string][]byte
}

// AddRelease puts a zip on the shelf, all or nothing; each platform whole even if Roost is
// killed meanwhile. Its files lie in VERSION/PLATFORM, in
// PLATFORM, or side by side; version may be "" when folders or version.py say it, and is
// "VERSION/PLATFORM" for files that lie side by side. One folder around all is taken off.
// Errors: roost.Invalid, roost.TooLarge, roost.Conflict for what is there already.
func (r *Releases) AddRelease(ctx context.Context, in io.ReaderAt, size int64, version string) (OSRelease, error) {
	z, err := openZip(in, size)
	if err != nil {
		return OSRelease{}, err
	}
	files := map[string][]byte{}
	left := int64(maxRelease)
	for _, f := range z.File {
		if f.FileInfo().IsDir() || leftOut(f.Name) {
			continue
		}
		if !fs.ValidPath(f.Name) {
			return OSRelease{}, roost.Errorf(roost.Invalid, "%q is no path inside a release.", short(f.Name))
		}
		if _, twice := files[f.Name]; twice {
			return OSRelease{}, roost.Errorf(roost.Invalid, "The zip has %s twice.", f.Name)
		}
		content, err := readEntry(f, min(left, maxOSFile))
		if err != nil {
			return OSRelease{}, err
		}
		left -= int64(len(content))
		if files[f.Name] = content; len(files) > maxReleaseFiles {
			return OSRelease{}, roost.Errorf(roost.TooLarge, "A release has at most %d files.", maxReleaseFiles)
		}
	}
	version, platform, _ := strings.Cut(version, "/")
	return r.addTree(ctx, files, version, platform)
}

// looksLikeVersion tells folders that are named for what is in them.
var looksLikeVersion = regexp.MustCompile(`^v?[0-9]+\.[0-9]`)

// AddFolder puts a folder on the shelf, as AddRelease does with a zip. A folder of
// platforms may be named for its version, one of files for its platform.
func (r *Releases) AddFolder(ctx context.Context, dir string) (OSRelease, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return OSRelease{}, roost.Because(roost.NotFound, err, "The folder %s cannot be read.", dir)
	}
	defer root.Close()
	files := map[string][]byte{}
	left := int64(maxRelease)
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case leftOut(name) && d.IsDir():
			return fs.SkipDir
		case leftOut(name) || !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if left -= info.Size(); left < 0 || len(files) >= maxReleaseFiles {
			return roost.Errorf(roost.TooLarge, "The folder has more than %d MiB, or more than %d files.", maxRelease>>20, maxReleaseFiles)
		}
		files[name], err = root.ReadFile(name)
		return err
	})
	if err != nil {
		return OSRelease{}, roost.Because(roost.Invalid, err, "The folder %s cannot be read whole.", dir)
	}
	depth, _ := depthOf(files)
	switch own := filepath.Base(filepath.Clean(dir)); {
	case depth == 0:
		return r.addTree(ctx, files, "", own)
	case depth == 1 && looksLikeVersion.MatchString(own):
		return r.addTree(ctx, files, own, "")
	}
	return r.addTree(ctx, files, "", "")
}

// addTree puts files on the shelf; what is told of their version and platform may be "".
func (r *Releases) addTree(ctx context.Context, files map[string][]byte, version, platform string) (o OSRelease, err error) {
	t, err := arrange(files, version, platform)
	if err != nil {
		return o, err
	}
	if r.shelf.folder == "" {
		return o, roost.Errorf(roost.Unavailable, "This server has no shelf for releases.")
	}
	r.shelf.adding.Lock()
	defer r.shelf.adding.Unlock()
	if err := ctx.Err(); err != nil {
		return o, err
	}
	if err := os.MkdirAll(r.shelf.folder, 0o700); err != nil {
		return o, roost.Because(roost.Unavailable, err, "The folder %s cannot be made.", r.shelf.folder)
	}
	root, err := r.shelf.open()
	if err != nil {
		return o, roost.Because(roost.Unavailable, err, "The folder %s cannot be read.", r.shelf.folder)
	}
	defer root.Close()
	if err := r.shelf.add(root, t); err != nil {
		return o, err
	}
	r.log.Info("OS release added", "version", t.version)
	return r.shelf.release(root, t.version), nil
}

// arrange finds out which version and platforms files are of; what is told may be "".
func arrange(files map[string][]byte, version, platform string) (t tree, err error) {
	depth, err := depthOf(files)
	if err != nil {
		return t, err
	}
	for depth > 2 { // folders around all
		if files, err = unwrap(files); err != nil {
			return t, err
		}
		depth--
	}
	t = tree{version: version, files: map[string][]byte{}}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content, p := files[name], strings.Split(name, "/")
		switch {
		case len(p) != depth+1: // beside or below the files of a platform
			continue
		case depth == 0 && platform == "":
			return t, roost.Errorf(roost.Invalid, "The files are in no folder of a platform; say the version and which one: v1.1.0/esp8266.")
		case depth == 0:
			p = []string{platform, name}
		case depth == 2 && t.version == "":
			t.version = p[0]
		}
		if len(p) == 3 && p[0] != t.version {
			return t, roost.Errorf(roost.Invalid, "The files are in a folder %q, not %q; add one version at a time, in a folder of its name.", short(p[0]), short(t.version))
		}
		p = p[len(p)-2:]
		if p[1] == versionFile && t.version == "" {
			t.version = versionIn(content)
		}
		if err := errors.Join(checkPlatform(p[0]), checkOSFile(p[1])); err != nil {
			return t, err
		}
		t.files[path.Join(p...)] = content
	}
	return t, CheckVersion(t.version)
}

// depthOf gives in how many folders the version.py lie, all in as many.
func depthOf(files map[string][]byte) (int, error) {
	depth := -1
	for name := range files {
		if path.Base(name) != versionFile {
			continue
		}
		n := strings.Count(name, "/")
		if depth >= 0 && n != depth {
			return 0, roost.Errorf(roost.Invalid, "The folders of platforms lie at different depths.")
		}
		depth = n
	}
	if depth < 0 {
		return 0, roost.Errorf(roost.Invalid, "There is no %s, by which devices know what runs: this is no release.", versionFile)
	}
	return depth, nil
}

// unwrap takes the one folder around all off.
func unwrap(files map[string][]byte) (map[string][]byte, error) {
	inner := make(map[string][]byte, len(files))
	top := ""
	for name, content := range files {
		first, rest, ok := strings.Cut(name, "/")
		if !ok {
			continue // a README beside the folder
		}
		if top != "" && first != top {
			return nil, roost.Errorf(roost.Invalid, "The release is too deep in folders; put its platforms into one folder.")
		}
		top, inner[rest] = first, content
	}
	return inner, nil
}

// add writes a release beside the shelf, inspects it and puts it there; the caller holds s.adding.
func (s *shelf) add(root *os.Root, t tree) (err error) {
	platforms := platformsOf(t)
	for _, p := range platforms {
		if _, err := root.Stat(path.Join(t.version, p)); err == nil {
			return roost.Errorf(roost.Conflict, "%s for %s is on the shelf already; releases never change.", t.version, p)
		}
	}
	temp := addPrefix + roost.NewID()
	defer func() { err = errors.Join(err, root.RemoveAll(temp)) }()
	for _, p := range platforms {
		if err := writePlatform(root, temp, t, p); err != nil {
			return err
		}
	}
	if _, err := root.Stat(t.version); errors.Is(err, fs.ErrNotExist) {
		return notAdded(root.Rename(path.Join(temp, t.version), t.version))
	}
	for i, p := range platforms {
		if err := root.Rename(path.Join(temp, t.version, p), path.Join(t.version, p)); err != nil {
			for _, there := range platforms[:i] {
				err = errors.Join(err, root.RemoveAll(path.Join(t.version, there)))
			}
			return notAdded(err)
		}
	}
	return nil
}

// notAdded makes of an error of the disk one for people; nil stays nil.
func notAdded(err error) error {
	if err == nil {
		return nil
	}
	return roost.Because(roost.Unavailable, err, "The release cannot be put on the shelf.")
}

// platformsOf gives the platforms of a release, sorted.
func platformsOf(t tree) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(t.files)) {
		if p := path.Dir(name); !slices.Contains(names, p) {
			names = append(names, p)
		}
	}
	return names
}

// writePlatform writes the files of a platform below temp, with a list if they have none,
// and inspects them.
func writePlatform(root *os.Root, temp string, t tree, platform string) error {
	dir := path.Join(temp, t.version, platform)
	if err := root.MkdirAll(dir, 0o700); err != nil {
		return notAdded(err)
	}
	for _, name := range slices.Sorted(maps.Keys(t.files)) {
		if path.Dir(name) == platform {
			if err := writeFile(root, path.Join(dir, path.Base(name)), t.files[name]); err != nil {
				return notAdded(err)
			}
		}
	}
	inner, err := root.OpenRoot(temp)
	if err != nil {
		return notAdded(err)
	}
	defer inner.Close()
	files, err := inspect(inner, t.version, platform)
	if err != nil {
		return err
	}
	if _, listed := t.files[path.Join(platform, listFile)]; listed {
		return nil
	}
	return notAdded(writeFile(root, path.Join(dir, listFile), formatOSFiles(files)))
}

func writeFile(root *os.Root, name string, content []byte) (err error) {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, bytes.NewReader(content)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return f.Sync()
}

// ZipPlatform writes what a release has for a platform as a zip, boot.py and hal.py too.
func (r *Releases) ZipPlatform(version, platform string, w io.Writer) error {
	root, err := r.shelf.open()
	if err != nil {
		return noRelease(version, platform)
	}
	defer root.Close()
	if l := r.shelf.list(root, version, platform); l.err != nil {
		return noRelease(version, platform)
	}
	dir := path.Join(version, platform)
	have, err := filesIn(root, dir)
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(have)) {
		content, err := root.ReadFile(path.Join(dir, name))
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if err := addToZip(z, name, now(), content); err != nil {
			return fmt.Errorf("write zip: %w", err)
		}
	}
	return z.Close()
}
