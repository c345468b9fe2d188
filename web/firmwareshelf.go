package web

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/wire/firmware"
)

// firmwareShelf is a folder of firmware, a file each. People may put files there by
// hand: what is no firmware is not shown. Nothing outside of it can be reached.
type firmwareShelf struct {
	folder string // "": there is none

	mu    sync.Mutex // files come and go one by one
	known map[string]knownFirmware
}

// knownFirmware is what was found out about a file, as long as it does not change.
type knownFirmware struct {
	Firmware
	changed time.Time
	err     error
}

const (
	mostFirmware   = 64 // files
	firmwarePrefix = ".adding-"
)

func noFirmwareShelf() error {
	return roost.Errorf(roost.Unavailable, "This server has no folder for firmware.")
}

// open gives the folder, which is made if it is not there.
func (f *firmwareShelf) open() (*os.Root, error) {
	if f.folder == "" {
		return nil, noFirmwareShelf()
	}
	if err := os.MkdirAll(f.folder, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder for firmware: %w", err)
	}
	return os.OpenRoot(f.folder)
}

// list gives what is on the shelf, by name.
func (f *firmwareShelf) list() ([]Firmware, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	root, err := f.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("list firmware: %w", err)
	}
	known := map[string]knownFirmware{}
	var all []Firmware
	for _, e := range entries {
		k, ok := f.look(root, e)
		if !ok {
			continue
		}
		if known[e.Name()] = k; k.err == nil {
			all = append(all, k.Firmware)
		}
	}
	f.known = known
	slices.SortFunc(all, func(a, b Firmware) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// look tells what a file is; false for what has no place here.
func (f *firmwareShelf) look(root *os.Root, e fs.DirEntry) (knownFirmware, bool) {
	info, err := e.Info()
	if err != nil || !info.Mode().IsRegular() || checkFirmwareName(e.Name()) != nil || info.Size() > firmware.MaxSize {
		return knownFirmware{}, false
	}
	if k, ok := f.known[e.Name()]; ok && k.changed.Equal(info.ModTime()) && k.Size == info.Size() {
		return k, true
	}
	k := knownFirmware{changed: info.ModTime()}
	raw, err := root.ReadFile(e.Name())
	if err != nil {
		return knownFirmware{}, false
	}
	k.Firmware, k.err = shownFirmware(e.Name(), raw, info.ModTime())
	k.Size = info.Size()
	return k, true
}

func shownFirmware(name string, raw []byte, at time.Time) (Firmware, error) {
	image, err := firmware.Parse(raw)
	if err != nil {
		return Firmware{}, roost.Errorf(roost.Invalid, "%s was not taken: %s.", name, err)
	}
	return Firmware{Name: name, Size: int64(len(raw)), Chip: image.Chip, Kind: image.Kind, Offset: int64(image.Offset), Added: ms(at)}, nil
}

// checkFirmwareName takes plain names, as those of micropython.org are.
func checkFirmwareName(name string) error {
	plain := strings.IndexFunc(name, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.')
	}) < 0
	if name == "" || len(name) > 100 || name[0] == '.' || !plain {
		return roost.Errorf(roost.Invalid, "%q is no name for a firmware: letters, digits, and . _ - make one, as in ESP32_GENERIC-v1.27.0.bin.", name)
	}
	return nil
}

// add puts a file on the shelf, whole or not at all. roost.Conflict if there is another
// of that name.
func (f *firmwareShelf) add(name string, raw []byte) (Firmware, error) {
	if err := checkFirmwareName(name); err != nil {
		return Firmware{}, err
	}
	if _, err := shownFirmware(name, raw, time.Time{}); err != nil {
		return Firmware{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	root, err := f.open()
	if err != nil {
		return Firmware{}, err
	}
	defer root.Close()
	if err := f.room(root, name); err != nil {
		return Firmware{}, err
	}
	half := firmwarePrefix + rand.Text()
	if err := writeSynced(root, half, raw); err != nil {
		_ = root.Remove(half) // what counts is why
		return Firmware{}, roost.Because(roost.Unavailable, err, "The firmware could not be kept: is the disk full?")
	}
	if err := root.Rename(half, name); err != nil {
		return Firmware{}, fmt.Errorf("put %s on the shelf: %w", name, err)
	}
	info, err := root.Stat(name)
	if err != nil {
		return Firmware{}, fmt.Errorf("look at %s: %w", name, err)
	}
	return shownFirmware(name, raw, info.ModTime())
}

// room tells whether a name is free, and takes away what interrupted additions left.
func (f *firmwareShelf) room(root *os.Root, name string) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return fmt.Errorf("list firmware: %w", err)
	}
	n := 0
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), firmwarePrefix):
			_ = root.Remove(e.Name()) // it is tried again
		case e.Name() == name:
			return roost.Errorf(roost.Conflict, "There is a %s on the shelf; delete it first, or give this one another name.", name)
		default:
			n++
		}
	}
	if n >= mostFirmware {
		return roost.Errorf(roost.Conflict, "There are %d files on the shelf, which is full; delete what nobody needs.", n)
	}
	return nil
}

func writeSynced(root *os.Root, name string, raw []byte) error {
	file, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(raw)
	return errors.Join(err, file.Sync(), file.Close())
}

func (f *firmwareShelf) read(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	root, err := f.open()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if checkFirmwareName(name) != nil {
		return nil, noFirmware(name)
	}
	info, err := root.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > firmware.MaxSize {
		return nil, noFirmware(name)
	}
	return root.ReadFile(name)
}

func (f *firmwareShelf) remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	root, err := f.open()
	if err != nil {
		return err
	}
	defer root.Close()
	if checkFirmwareName(name) != nil {
		return noFirmware(name)
	}
	err = root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return noFirmware(name)
	}
	return err
}
