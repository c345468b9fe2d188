package install

import (
	"context"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
)

// romHelpers are what a board with a partition for a read-only file system takes beside
// moreHelpers (https://docs.micropython.org/en/latest/reference/romfs.html).
//
//go:embed romfs.py
var romHelpers string

const (
	parts = 3 // of the partition: the factory's runtime, and two that updates take in turns
	word  = 4 // what it is written by
)

// ROMName is how Progress calls the image.
const ROMName = "rt.rom"

// Part is how many bytes one runtime may have in the partition; 0: it has none.
func (d Details) Part() int64 { return d.ROM / parts / sector * sector }

// RoomFor refuses an image that is larger than a part.
func (d Details) RoomFor(image []byte) error {
	if int64(len(image)) <= d.Part() {
		return nil
	}
	return fmt.Errorf("the runtime has %d kB, and a third of the board's partition for it %d kB: it needs a firmware with a larger one; nothing was written", (len(image)+1023)>>10, d.Part()>>10)
}

// askROM asks for the size of the partition, in bytes; 0: there is none.
func (b *Board) askROM(ctx context.Context) (int64, error) {
	if _, err := b.exec(ctx, romHelpers); err != nil {
		return 0, fmt.Errorf("prepare the board: %w", err)
	}
	v, err := b.call(ctx, 1, "_romsize()")
	if err != nil {
		return 0, fmt.Errorf("ask for its partition: %w", err)
	}
	size, err := strconv.ParseInt(v[0], 10, 64)
	if err != nil {
		return 0, oddAnswer("_romsize()", v)
	}
	return max(0, size), nil
}

// hasImage tells whether the first part begins with the image.
func (b *Board) hasImage(ctx context.Context, image []byte) (bool, error) {
	v, err := b.call(ctx, 1, fmt.Sprintf("_romsum(%d)", len(image)))
	if err != nil {
		return false, fmt.Errorf("read the partition back: %w", err)
	}
	return v[0] == sumOf(image), nil
}

// lacksImage tells whether the image must be written; it refuses one that has no room.
func (b *Board) lacksImage(ctx context.Context, image []byte, p Progress) (bool, error) {
	if len(image) == 0 {
		return false, nil
	}
	if err := (Details{ROM: b.rom}).RoomFor(image); err != nil {
		return false, err
	}
	there, err := b.hasImage(ctx, image)
	if there && p.File != nil {
		p.File(ROMName, len(image), true)
	}
	return !there, err
}

// writeImage makes the first part begin with the image, and reads it back.
func (b *Board) writeImage(ctx context.Context, image []byte, sent func(n int)) error {
	var err error
	for range tries {
		if err = b.writeImageOnce(ctx, image, sent); !errors.Is(err, errDiffers) {
			break
		}
		sent(-len(image))
	}
	if err != nil {
		return fmt.Errorf("write the runtime into the partition: %w", err)
	}
	return nil
}

// writeImageOnce writes the beginning last: what was cut on the way is no image.
func (b *Board) writeImageOnce(ctx context.Context, image []byte, sent func(n int)) error {
	least, err := b.eraseROM(ctx, len(image))
	if err != nil {
		return err
	}
	put := func(from, to int) error {
		data := append([]byte(nil), image[from:to]...)
		for len(data)%least != 0 {
			data = append(data, 0xff) // as erased flash is
		}
		if _, err := b.exec(ctx, fmt.Sprintf("_romw(%d, b'%s')", from, base64.StdEncoding.EncodeToString(data))); err != nil {
			return err
		}
		sent(to - from)
		return nil
	}
	for at := piece; at < len(image); at += piece {
		if err := put(at, min(at+piece, len(image))); err != nil {
			return err
		}
	}
	if err := put(0, min(piece, len(image))); err != nil {
		return err
	}
	if _, err := b.exec(ctx, "_romend()"); err != nil {
		return err
	}
	there, err := b.hasImage(ctx, image)
	if err == nil && !there {
		err = errDiffers
	}
	return err
}

// eraseROM makes room for n bytes and gives what each write must be a multiple of.
func (b *Board) eraseROM(ctx context.Context, n int) (least int, err error) {
	v, err := b.call(ctx, 1, fmt.Sprintf("_romerase(%d)", n))
	if err != nil {
		return 0, err
	}
	least, err = strconv.Atoi(v[0])
	switch {
	case err != nil:
		return 0, oddAnswer("_romerase()", v)
	case least < 0:
		return 0, fmt.Errorf("the board does not erase it (error %d)", -least)
	}
	if least = max(least, word); piece%least != 0 {
		return 0, fmt.Errorf("the board wants %d bytes at once", least)
	}
	return least, nil
}
