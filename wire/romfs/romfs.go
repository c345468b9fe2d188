// Package romfs writes and reads ROMFS images: file systems that MicroPython (1.25 and
// later) mounts where they lie in a board's memory-mapped flash, so that bytecode runs in
// place (https://docs.micropython.org/en/latest/reference/romfs.html).
package romfs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// An image is one record whose payload is what the root folder holds:
//
//	record = kind(varint) length(varint) payload
//	varint = 7 bits a byte, the highest first; the top bit says that more follow
//	file   = length of the name(varint) name, then records: one of data
//	folder = length of the name(varint) name, then records
//	data   = the bytes, or size(varint) offset(varint): where in the image they are
//
// Records of other kinds are skipped. The kind of the first one makes the magic d2 cd 31.
const (
	magic    = "\xd2\xcd\x31"
	verbatim = 2
	pointer  = 3
	folder   = 4
	file     = 5
)

// MaxSize is more than the ROM of any board has, bytes.
const MaxSize = 16 << 20

// maxName is what MicroPython takes of one name.
const maxName = 255

// ErrImage: the bytes are no image, or one that cannot be read here.
var ErrImage = errors.New("this is no ROMFS image")

// Image packs files, by name; a name is plain, or one of a folder and one in it
// ("rt/link.mpy"). Equal files give equal images. Their length is a multiple of 4, as flash
// is written.
func Image(files map[string][]byte) ([]byte, error) {
	folders := map[string][]byte{} // their records
	for _, name := range slices.Sorted(maps.Keys(files)) {
		dir, base, nested := strings.Cut(name, "/")
		if !nested {
			dir, base = "", name
		}
		if !plain(base) || nested && !plain(dir) {
			return nil, fmt.Errorf("pack %q: no name for a file in a ROM", name)
		}
		folders[dir] = append(folders[dir], record(file, append(text(base), record(verbatim, files[name])...))...)
	}
	body := folders[""]
	delete(folders, "")
	for _, dir := range slices.Sorted(maps.Keys(folders)) {
		if _, both := files[dir]; both {
			return nil, fmt.Errorf("pack %q: it is a file and a folder", dir)
		}
		body = append(body, record(folder, append(text(dir), folders[dir]...))...)
	}
	length := varint(nil, len(body))
	for (len(magic)+len(length)+len(body))%4 != 0 {
		length = append([]byte{more}, length...) // a zero in front
	}
	image := slices.Concat([]byte(magic), length, body)
	if len(image) > MaxSize {
		return nil, fmt.Errorf("pack %d bytes: no ROM has more than %d", len(image), MaxSize)
	}
	return image, nil
}

func plain(name string) bool {
	return name != "" && len(name) <= maxName && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00")
}

func record(kind int, payload []byte) []byte {
	return append(varint(varint(nil, kind), len(payload)), payload...)
}

func text(s string) []byte { return append(varint(nil, len(s)), s...) }

const more = 0x80

func varint(b []byte, n int) []byte {
	shift := 0
	for n>>shift >= more {
		shift += 7
	}
	for ; shift > 0; shift -= 7 {
		b = append(b, byte(n>>shift)|more)
	}
	return append(b, byte(n)&^more)
}
