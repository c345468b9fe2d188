package install

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Chip is a family of Espressif's chips, as far as its ROM loader differs.
type Chip struct {
	Name string // as --chip has it
	// Offset is where the file of a whole firmware begins on the flash.
	Offset uint32

	magic []uint32 // what stands at magicAt
	id    uint32   // by GET_SECURITY_INFO, and in the head of a firmware; noID: has none
	spi   spiRegisters
	// old is the ESP8266: no parameters for the flash, no packing, no MD5, no
	// change of rate, and a fault in how it counts what to erase.
	old bool
	// sealed: FLASH_BEGIN has a fifth word, whether to encrypt.
	sealed bool
}

const (
	magicAt = 0x40001000 // an address in ROM whose content differs by family
	noID    = ^uint32(0)
)

// Chips are the families that this package can write to.
var Chips = []Chip{
	{Name: "esp8266", Offset: 0, magic: []uint32{0xfff0c101}, id: noID, spi: spiESP8266, old: true},
	{Name: "esp32", Offset: 0x1000, magic: []uint32{0x00f01d83}, id: 0, spi: spiESP32},
	{Name: "esp32s2", Offset: 0x1000, magic: []uint32{0x000007c6}, id: 2, spi: spiLater(0x3f402000), sealed: true},
	{Name: "esp32s3", Offset: 0, magic: []uint32{0x00000009}, id: 9, spi: spiLater(0x60002000), sealed: true},
	{Name: "esp32c3", Offset: 0, magic: []uint32{0x6921506f, 0x1b31506f, 0x4881606f, 0x4361606f}, id: 5, spi: spiLater(0x60002000), sealed: true},
}

// ChipNames are those of Chips.
func ChipNames() string {
	names := make([]string, len(Chips))
	for i, c := range Chips {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// chipNamed gives a family by its name; ESP32-S3 is esp32s3.
func chipNamed(name string) (*Chip, error) {
	plain := strings.ReplaceAll(strings.ToLower(name), "-", "")
	for i := range Chips {
		if Chips[i].Name == plain {
			return &Chips[i], nil
		}
	}
	return nil, fmt.Errorf("no chip %q; there are %s", name, ChipNames())
}

// detect asks the chip which it is.
func (l *Loader) detect(ctx context.Context) (*Chip, error) {
	_, magic, err := l.do(ctx, readReg, romWait, 0, words(magicAt))
	if _, refused := errors.AsType[*RefusedError](err); err != nil && !refused {
		return nil, err
	}
	for i := range Chips {
		for _, m := range Chips[i].magic {
			if err == nil && m == magic {
				return &Chips[i], nil
			}
		}
	}
	// Later chips say who they are when asked: flags(4), counts(8), id(4), version(4).
	info, _, err := l.do(ctx, securityInfo, romWait, 20, nil)
	if err == nil && len(info) == 20 {
		id := uint32(info[12]) | uint32(info[13])<<8 | uint32(info[14])<<16 | uint32(info[15])<<24
		for i := range Chips {
			if Chips[i].id == id {
				return &Chips[i], nil
			}
		}
	}
	return nil, fmt.Errorf("a chip that is not known here (%#08x); known are %s", magic, ChipNames())
}

// spiRegisters are where a chip has the controller of its flash.
type spiRegisters struct {
	base                      uint32
	user, user1, user2, word0 uint32 // offsets
	inBits                    uint32 // offset; 0: the lengths stand in user1
}

var (
	spiESP8266 = spiRegisters{base: 0x60000200, user: 0x1c, user1: 0x20, user2: 0x24, word0: 0x40}
	spiESP32   = spiRegisters{base: 0x3ff42000, user: 0x1c, user1: 0x20, user2: 0x24, word0: 0x80, inBits: 0x2c}
)

func spiLater(base uint32) spiRegisters {
	return spiRegisters{base: base, user: 0x18, user1: 0x1c, user2: 0x20, word0: 0x58, inBits: 0x28}
}

// flashSize asks the flash itself for its JEDEC id (9F), whose third byte is the
// power of two of its size. 0: it gives none that makes sense. The controller is
// left as it was.
func (l *Loader) flashSize(ctx context.Context) (size int64, err error) {
	s := l.chip.spi
	var before [2]uint32
	for i, at := range []uint32{s.user, s.user2} {
		if before[i], err = l.register(ctx, s.base+at); err != nil {
			return 0, fmt.Errorf("ask the flash for its size: %w", err)
		}
	}
	id, err := l.identify(ctx)
	if err == nil {
		err = l.registers(ctx, set{s.user, before[0]}, set{s.user2, before[1]})
	}
	if err != nil {
		return 0, fmt.Errorf("ask the flash for its size: %w", err)
	}
	return sizeOf(id), nil
}

// set is a value for a register of the flash's controller.
type set struct{ offset, value uint32 }

func (l *Loader) registers(ctx context.Context, sets ...set) error {
	for _, w := range sets {
		if _, _, err := l.do(ctx, writeReg, romWait, 0, words(l.chip.spi.base+w.offset, w.value, ^uint32(0), 0)); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loader) register(ctx context.Context, at uint32) (uint32, error) {
	_, v, err := l.do(ctx, readReg, romWait, 0, words(at))
	return v, err
}

// identify makes the controller send the one command and gives the answer's 24
// bits; 0 when there is none.
func (l *Loader) identify(ctx context.Context) (uint32, error) {
	const (
		command     = 7<<28 | 0x9f // 8 bits of it
		bits        = 24           // of the answer
		withCommand = 1 << 31
		withInput   = 1 << 28
		start       = 1 << 18
	)
	s := l.chip.spi
	length := set{s.inBits, bits - 1}
	if s.inBits == 0 {
		length = set{s.user1, (bits - 1) << 8}
	}
	err := l.registers(ctx, set{s.user, withCommand | withInput}, set{s.user2, command}, set{s.word0, 0}, length, set{0, start})
	for range 10 {
		var busy uint32
		if err == nil {
			busy, err = l.register(ctx, s.base)
		}
		if err != nil {
			return 0, err
		}
		if busy&start == 0 {
			return l.register(ctx, s.base+s.word0)
		}
	}
	return 0, nil
}

// sizeOf reads a JEDEC id: 256 kB to 64 MB.
func sizeOf(id uint32) int64 {
	if power := id >> 16 & 0xff; power >= 18 && power <= 26 {
		return 1 << power
	}
	return 0
}
