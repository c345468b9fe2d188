package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/roost-iot/roost/micropython"
)

// flashFolder keeps the flash of a simulated board in a folder, for people to look into
// and for the next start. It is written half a second after the board, and when it ends.
type flashFolder struct {
	dir  string
	kept map[string]string // what the folder has, by name on the flash

	rom     *micropython.ROM // nil: the board has none
	keptROM []byte
}

const flashLag = 500 * time.Millisecond

// read gives the files of the folder by their names on the flash; none if there is none.
func (f *flashFolder) read() (map[string]string, error) {
	f.kept = map[string]string{}
	err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(f.dir, path)
		f.kept["/"+filepath.ToSlash(name)] = string(text)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the flash of a simulated board: %w", err)
	}
	files := make(map[string]string, len(f.kept))
	for name, text := range f.kept {
		files[name] = text
	}
	return files, nil
}

// run writes what changes until ctx ends, and then once more.
func (f *flashFolder) run(ctx context.Context, flash *micropython.Flash, log *slog.Logger) {
	for seen := -1; ; {
		if made := flash.Changes(); made != seen {
			files, rom := flash.Copy(), f.romBytes()
			if flash.Changes() != made { // they are of different moments
				continue
			}
			seen = made
			if err := errors.Join(f.writeROM(rom), f.write(files)); err != nil {
				log.Error("the flash of a simulated board cannot be kept", "err", err)
			}
		}
		if ctx.Err() != nil {
			return
		}
		pause(ctx, flashLag)
	}
}

// write makes the folder like the flash.
func (f *flashFolder) write(flash *micropython.Flash) error {
	now := map[string]string{}
	for _, name := range flash.Files() {
		data, _ := flash.ReadFile(name)
		now[name] = string(data)
		if old, ok := f.kept[name]; ok && old == now[name] {
			continue
		}
		path := filepath.Join(f.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil { // there is a key in it
			return err
		}
		if err := os.WriteFile(path+"~", data, 0o600); err != nil {
			return err
		}
		if err := os.Rename(path+"~", path); err != nil {
			return err
		}
	}
	for name := range f.kept {
		if _, ok := now[name]; ok {
			continue
		}
		if err := os.Remove(filepath.Join(f.dir, filepath.FromSlash(name))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f.kept = now
	return nil
}

// readROM gives the ROM that the board had before; nil if it had none.
func (f *flashFolder) readROM() (*micropython.ROM, error) {
	data, err := os.ReadFile(f.dir + romEnding)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the ROM of a simulated board: %w", err)
	}
	return micropython.NewROM(len(data), data), nil
}

// romEnding is what the file has that lies beside the folder.
const romEnding = ".rom"

func (f *flashFolder) romBytes() []byte {
	if f.rom == nil {
		return nil
	}
	return f.rom.Bytes()
}

// writeROM writes the ROM, before the files of the flash that say what is in it.
func (f *flashFolder) writeROM(data []byte) error {
	if bytes.Equal(data, f.keptROM) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.dir), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(f.dir+romEnding+"~", data, 0o600); err != nil {
		return err
	}
	if err := os.Rename(f.dir+romEnding+"~", f.dir+romEnding); err != nil {
		return err
	}
	f.keptROM = data
	return nil
}
