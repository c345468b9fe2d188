package release

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost"
)

// shelf is a folder of OS releases, VERSION/PLATFORM/FILE, each platform with a list of
// what things download, files.txt. Nothing outside of it can be reached: it is read as an
// os.Root. Platforms are looked at when somebody asks, and again when their folder changed.
type shelf struct {
	folder string
	log    *slog.Logger
	adding sync.Mutex // releases come and go one by one

	mu    sync.Mutex
	known map[string]listing // by VERSION/PLATFORM
}

// listing is what things download of a platform of a release.
type listing struct {
	files []OSFile
	err   error // why the platform is not offered
	stamp stamp
}

// stamp is what changes when a platform's folder or its list does.
type stamp struct{ folder, list time.Time }

const (
	listFile    = "files.txt"
	versionFile = "version.py"
	addPrefix   = ".adding-" // of folders that are not on the shelf yet
	maxListings = 1000       // kept in memory
	maxOSFile   = 4 << 20    // bytes of one file
)

// open gives the shelf, or fs.ErrNotExist while nothing is on it.
func (s *shelf) open() (*os.Root, error) {
	if s.folder == "" {
		return nil, fs.ErrNotExist
	}
	return os.OpenRoot(s.folder)
}

// tidy removes what an interrupted addition left.
func (s *shelf) tidy() {
	root, err := s.open()
	if err != nil {
		return
	}
	defer root.Close()
	for _, name := range folders(root, ".") {
		if strings.HasPrefix(name, addPrefix) {
			if err := root.RemoveAll(name); err != nil {
				s.log.Warn("half of an OS release stays on the shelf", "folder", name, "err", err)
			}
		}
	}
}

// folders gives the names of the folders in a folder of the shelf, sorted.
func folders(root *os.Root, dir string) (names []string) {
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// CheckVersion tells whether an OS release may be called so.
func CheckVersion(version string) error {
	if strings.EqualFold(version, roost.Factory) {
		return roost.Errorf(roost.Invalid, "No release is called %q: that word means what was installed on the device.", version)
	}
	if strings.Contains(version, "..") {
		return roost.Errorf(roost.Invalid, "%q is no version.", short(version))
	}
	return checkWord("version", version)
}

func checkPlatform(name string) error {
	if strings.Contains(name, "..") || strings.HasPrefix(name, ".") || name == "" || len(name) > maxWord || !only(name, "-_.") {
		return roost.Errorf(roost.Invalid, "%q is no platform.", short(name))
	}
	return nil
}

// checkOSFile takes the names that lie side by side in a device's folder.
func checkOSFile(name string) error {
	if name == "" || len(name) > maxName || name[0] == '.' || strings.Contains(name, "..") || !only(name, "-_.") {
		return roost.Errorf(roost.Invalid, "%q is no name of a file of a release.", short(name))
	}
	return nil
}

func noRelease(version, platform string) error {
	return roost.Errorf(roost.NotFound, "There is no operating system %q for %q on the shelf.", short(version), short(platform))
}

// has tells that a version is on the shelf for some platform.
func (s *shelf) has(version string) bool {
	if CheckVersion(version) != nil {
		return false
	}
	root, err := s.open()
	if err != nil {
		return false
	}
	defer root.Close()
	return slices.ContainsFunc(folders(root, version), func(platform string) bool {
		return s.list(root, version, platform).err == nil
	})
}

// list gives what is known of a platform, and looks at it when that is out of date.
func (s *shelf) list(root *os.Root, version, platform string) listing {
	if CheckVersion(version) != nil || checkPlatform(platform) != nil {
		return listing{err: noRelease(version, platform)}
	}
	dir := path.Join(version, platform)
	now, err := stampOf(root, dir)
	if err != nil {
		return listing{err: noRelease(version, platform)}
	}
	s.mu.Lock()
	have, ok := s.known[dir]
	s.mu.Unlock()
	if ok && have.stamp == now {
		return have
	}
	l := listing{stamp: now}
	if l.files, l.err = inspect(root, version, platform); l.err != nil {
		s.log.Warn("part of an OS release is not offered", "version", version, "platform", platform, "err", l.err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= maxListings {
		s.known = map[string]listing{}
	}
	s.known[dir] = l
	return l
}

func stampOf(root *os.Root, dir string) (stamp, error) {
	folder, err := root.Stat(dir)
	if err != nil {
		return stamp{}, err
	}
	if !folder.IsDir() {
		return stamp{}, fs.ErrNotExist
	}
	now := stamp{folder: folder.ModTime()}
	if list, err := root.Stat(path.Join(dir, listFile)); err == nil {
		now.list = list.ModTime()
	}
	return now, nil
}

// Shelf gives the releases that things can be moved to, by version.
func (r *Releases) Shelf() []OSRelease {
	root, err := r.shelf.open()
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.log.Warn("shelf of OS releases cannot be read", "err", err)
		}
		return nil
	}
	defer root.Close()
	var all []OSRelease
	for _, version := range folders(root, ".") {
		if o := r.shelf.release(root, version); len(o.Platforms) > 0 {
			all = append(all, o)
		}
	}
	return all
}

// release gives a version with the platforms that are offered.
func (s *shelf) release(root *os.Root, version string) OSRelease {
	o := OSRelease{Version: version}
	if CheckVersion(version) != nil {
		return o
	}
	for _, platform := range folders(root, version) {
		l := s.list(root, version, platform)
		if l.err != nil {
			continue
		}
		p := OSPlatform{Name: platform, Files: len(l.files)}
		for _, f := range l.files {
			p.Bytes += f.Size
		}
		o.Platforms = append(o.Platforms, p)
	}
	if info, err := root.Stat(version); err == nil {
		o.Added = info.ModTime().UTC()
	}
	return o
}

// OSFiles gives what a thing downloads to move to a release, version.py last; roost.NotFound.
func (r *Releases) OSFiles(version, platform string) ([]OSFile, error) {
	root, err := r.shelf.open()
	if err != nil {
		return nil, noRelease(version, platform)
	}
	defer root.Close()
	l := r.shelf.list(root, version, platform)
	if l.err != nil {
		return nil, noRelease(version, platform)
	}
	return slices.Clone(l.files), nil
}

// OSFile gives one of them; roost.NotFound.
func (r *Releases) OSFile(version, platform, name string) ([]byte, error) {
	root, err := r.shelf.open()
	if err != nil {
		return nil, noRelease(version, platform)
	}
	defer root.Close()
	l := r.shelf.list(root, version, platform)
	if l.err != nil {
		return nil, noRelease(version, platform)
	}
	if !slices.ContainsFunc(l.files, func(f OSFile) bool { return f.Name == name }) {
		return nil, noFile(name)
	}
	content, err := root.ReadFile(path.Join(version, platform, name))
	if err != nil {
		return nil, roost.Because(roost.NotFound, err, "The file %q of release %s cannot be read.", name, version)
	}
	return content, nil
}

// RemoveRelease takes a version off the shelf. Errors: roost.NotFound, roost.Conflict
// while a pool or a thing is told to run it.
func (r *Releases) RemoveRelease(_ context.Context, version string) error {
	r.shelf.adding.Lock()
	defer r.shelf.adding.Unlock()
	root, err := r.shelf.open()
	if err != nil || CheckVersion(version) != nil {
		return noVersion(version)
	}
	defer root.Close()
	if _, err := root.Stat(version); err != nil {
		return noVersion(version)
	}
	r.asked.Lock()
	defer r.asked.Unlock()
	if err := r.running(version); err != nil {
		return err
	}
	going := addPrefix + "gone-" + version // a crash on the way leaves nothing by halves on the shelf
	if err := root.Rename(version, going); err != nil {
		return roost.Because(roost.Unavailable, err, "The release cannot be removed from the shelf.")
	}
	if err := root.RemoveAll(going); err != nil {
		r.log.Warn("files of a removed OS release stay", "folder", going, "err", err)
	}
	r.shelf.mu.Lock()
	defer r.shelf.mu.Unlock()
	maps.DeleteFunc(r.shelf.known, func(dir string, _ listing) bool { return strings.HasPrefix(dir, version+"/") })
	return nil
}

func noVersion(version string) error {
	return roost.Errorf(roost.NotFound, "There is no release %q on the shelf.", short(version))
}

// running tells who is told to run a version.
func (r *Releases) running(version string) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, e := range r.order {
		for _, p := range e.pools {
			if p.Settings.OS == version {
				return roost.Errorf(roost.Conflict, "Pool %q of %s is told to run %s; choose another version for it first.", p.Name, e.app.Name, version)
			}
		}
	}
	for _, t := range r.things {
		if t.Own.OS != nil && *t.Own.OS == version {
			return roost.Errorf(roost.Conflict, "Thing %q is told to run %s; choose another version for it first.", t.Thing, version)
		}
	}
	return nil
}
