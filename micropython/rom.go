package micropython

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// romSector is what an ESP8266 erases at once, bytes.
const romSector = 4096

// ROMSize is the ROM partition of MicroPython's build for an ESP8266 with 2 MB, bytes.
const ROMSize = 320 << 10

// ESP8266Heap is what MicroPython leaves of an ESP8266's memory to programs, bytes.
const ESP8266Heap = 38 << 10

// ESP8266StandIns is about how much more the same programs hold here, bytes: tasks, streams,
// sockets and the radio are in the chip's firmware, and objects of Python here. The runtime
// with a small app holds 36 kB here, and 25 kB where asyncio is in C and there is no network.
const ESP8266StandIns = 8 << 10

// romFirmware are the modules that an ESP8266 has in its firmware and the VM in its heap.
// asyncioHolds is what asyncio holds of the heap there, too.
var romFirmware = []string{"asyncio", "_streams", "machine", "esp", "network", "socket", "cryptolib", "hashlib", "neopixel"}

const asyncioHolds = 3 << 10

// ROM is the partition of an ESP8266's flash that holds images of files (package romfs): it
// outlives the instances that run over it. As on the chip, to erase sets bits, to write
// clears them.
type ROM struct {
	mu   sync.Mutex
	data []byte
}

// NewROM gives one of size bytes, in whole sectors (0: ROMSize), erased but for the image at
// its start. It is never smaller than that.
func NewROM(size int, image []byte) *ROM {
	if size == 0 {
		size = ROMSize
	}
	size = max(size, len(image))
	r := &ROM{data: bytes.Repeat([]byte{0xff}, (size+romSector-1)/romSector*romSector)}
	copy(r.data, image)
	return r
}

// Bytes is what is in it.
func (r *ROM) Bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.data)
}

// Size is how many bytes it has.
func (r *ROM) Size() int { return len(r.data) }

// Put puts bytes there from outside, where they fit, while no board runs over it.
func (r *ROM) Put(at int, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	copy(r.data[min(max(at, 0), len(r.data)):], data)
}

// countHeap has Python's heap count from here on: what is held now is firmware on a chip.
func (b *Board) countHeap(ctx context.Context) error {
	if err := b.vm.Exec(ctx, "import gc\ngc.collect()"); err != nil {
		return err
	}
	return b.vm.Exec(ctx, fmt.Sprintf("gc._base = gc.mem_alloc() - %d\ndel gc", asyncioHolds))
}

// change does something to n bytes from at on, and gives what stands there then.
func (r *ROM) change(at, n int, do func([]byte)) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	do(r.data[at : at+n])
	return slices.Clone(r.data[at : at+n])
}

// has tells whether n bytes from at on are all its own.
func (r *ROM) has(at, n int) bool { return at >= 0 && n >= 0 && at <= len(r.data)-n }

// errFirmware is what ends a board that would need a new firmware.
var errFirmware = errors.New("the program wrote to flash outside of the ROM partition: on a board that destroys MicroPython or its files")

// placeROM puts the ROM into the instance's memory, beside Python's heap.
func (v *VM) placeROM(ctx context.Context) {
	if r := v.config.rom; r != nil {
		v.romAt = v.malloc(ctx, r.Size())
		v.module.Memory().Write(v.romAt, r.Bytes())
	}
}

// romFunctions are the ROM to the board's Python modules. Offsets are those in the ROM.
func (b *Board) romFunctions() map[string]Func {
	r := b.config.ROM
	return map[string]Func{
		"timer":    b.timer,
		"rom_size": func(context.Context, []any) (any, error) { return r.Size(), nil },
		"rom_at":   func(context.Context, []any) (any, error) { return int(b.vm.romAt), nil },
		"rom_erase": func(_ context.Context, args []any) (any, error) { // (offset of a sector)
			return b.changeROM("erase", number(args, 0), romSector, erased)
		},
		"rom_write": func(_ context.Context, args []any) (any, error) { // (offset, address, length)
			at, from, n := number(args, 0), number(args, 1), (number(args, 2)+3)&^3
			data, ok := b.vm.module.Memory().Read(uint32(from), uint32(n))
			if !ok || at&3 != 0 || from&3 != 0 {
				return ioError, nil
			}
			data = slices.Clone(data)
			return b.changeROM("write", at, n, func(old []byte) {
				for i := range old {
					old[i] &= data[i]
				}
			})
		},
	}
}

func erased(b []byte) {
	for i := range b {
		b[i] = 0xff
	}
}

const ioError = 5

// changeROM makes a change, which counts as one of the flash: its power cuts end it before,
// after, or when half of the bytes are changed.
func (b *Board) changeROM(what string, at, n int, do func([]byte)) (any, error) {
	r := b.config.ROM
	if !r.has(at, n) {
		return nil, errFirmware
	}
	part := func(n int) func(map[string]*node) {
		return func(map[string]*node) { b.vm.module.Memory().Write(b.vm.romAt+uint32(at), r.change(at, n, do)) }
	}
	b.config.Flash.changeOrTear(what, "rom", part(n), part(n/2))
	return 0, nil
}
