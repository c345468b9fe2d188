package desk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/roost-iot/roost/device"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/wire/romfs"
)

// NewROM gives the ROM of an ESP8266 as an installer leaves it: with the runtime in its
// first third. micropython.ErrUnavailable without MicroPython in the build.
func NewROM() (*micropython.ROM, error) {
	image, err := factory.image()
	if err != nil {
		return nil, err
	}
	return micropython.NewROM(0, image), nil
}

// packed is the runtime as an image, packed once: many boards have the same.
type packed struct {
	mu  sync.Mutex
	rom []byte // nil: not yet, or it failed
}

var factory packed

func (p *packed) image() ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rom != nil {
		return p.rom, nil
	}
	rom, err := packRuntime(context.Background())
	if err == nil {
		p.rom = rom
	}
	return rom, err
}

func packRuntime(ctx context.Context) (rom []byte, err error) {
	c, err := micropython.NewCompiler(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return device.ROM(ctx, c.Compile)
}

// loadROM puts the runtime into a ROM that has none.
func loadROM(r *micropython.ROM) error {
	if _, err := romfs.Size(r.Bytes()); err == nil {
		return nil
	}
	image, err := factory.image()
	if err != nil {
		return fmt.Errorf("pack the runtime: %w", err)
	}
	r.Put(0, image)
	return nil
}

// ROMFlash is the file system of an ESP8266 with 2 MB and a ROM, bytes.
const ROMFlash = 1003520

// besideROM leaves of the runtime's files those that boot it.
func besideROM(files map[string]string) {
	for name := range files {
		if strings.HasPrefix(name, "_f/") {
			delete(files, name)
		}
	}
}
