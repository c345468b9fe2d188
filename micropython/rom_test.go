package micropython

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/wire/romfs"
)

// romImage is one whose module big has a few names and texts.
func romImage(t testing.TB, version int) []byte {
	t.Helper()
	c, err := NewCompiler(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	var source strings.Builder
	fmt.Fprintf(&source, "VERSION = %d\ndef check(x):\n  try:\n    return [str(y) for y in x]\n  except TypeError as e: return repr(e)\n", version)
	for i := range 60 {
		fmt.Fprintf(&source, "def f(x):\n  return ('a text of some length in function %d', x + 1, x.long_name_%d if x is None else b'bytes')\n", i, i)
	}
	mpy, err := c.Compile(t.Context(), "big.py", []byte(source.String()))
	if err != nil {
		t.Fatal(err)
	}
	image, err := romfs.Image(map[string][]byte{"big.mpy": mpy, "rt/__init__.py": nil, "rt/small.py": []byte("X = 42\n"), "text": []byte("hello\n")})
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// play runs a main.py to its end and gives what it printed.
func play(t testing.TB, c BoardConfig, main string) (string, error) {
	t.Helper()
	need(t)
	var out strings.Builder
	if c.Flash == nil {
		c.Flash = NewFlash(nil)
	}
	c.Flash.WriteFile("/main.py", []byte(main))
	c.Print = func(text string) { out.WriteString(text) }
	b, err := NewBoard(c)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Run(t.Context())
	return out.String(), err
}

func TestImageInTheROMIsMountedAndRunsInPlace(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	rom := NewROM(0, romImage(t, 7))
	got, err := play(t, BoardConfig{ROM: rom}, `
import sys, vfs, os, uctypes
print(sys.platform, sys.implementation._machine, sys.path[-2:])
print(sorted(os.listdir('/rom')), open('/rom/text').read(), end='')
import big, rt.small
print(big.VERSION, big.check((1, 2)), big.check(1), rt.small.X, big.__file__)
part = vfs.rom_ioctl(2, 0)
print(vfs.rom_ioctl(1), len(part), bytes(part[:3]) == b'\xd2\xcd\x31', hex(uctypes.addressof(part)), hex(uctypes.addressof(part[4096:])))
b = bytearray(4)
print(uctypes.addressof(b) < 0x40000000)
from vfs import rom_ioctl
print(rom_ioctl(9), rom_ioctl(5, 0))
`)
	const want = `esp8266 ESP module with ESP8266 ['/rom', '/rom/lib']
['big.mpy', 'rt', 'text'] hello
7 ['1', '2'] TypeError("'int' object isn't iterable",) 42 /rom/big.mpy
1 327680 True 0x402b0000 0x402b1000
True
-22 -22
`
	if got != want || err != nil {
		t.Errorf("printed %s\nwant    %s\n%v", got, want, err)
	}
}

func TestBoardWithoutAROMHasNone(t *testing.T) {
	got, err := play(t, BoardConfig{}, "import sys\nprint(sys.platform)\ntry:\n  import esp\nexcept ImportError: print('no esp')\n")
	if got != "webassembly\nno esp\n" || err != nil {
		t.Errorf("printed %q, %v", got, err)
	}
}

// What runs in place holds less heap than what was read from a file, and the partition none.
func TestROMTakesNoHeap(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	image := romImage(t, 1)
	files, err := romfs.Files(image)
	if err != nil {
		t.Fatal(err)
	}
	held := func(c BoardConfig, act string) int {
		t.Helper()
		got, err := play(t, c, `
import gc, machine, time
def least():
    n = 1 << 30
    for i in range(25):  # it collects garbage while a program waits, the seldomer the slower the machine is
        gc.collect()
        time.sleep_ms(40)
        n = min(n, gc.mem_alloc())
    return n
least()
`+act+"\nprint('held', least())\n")
		m := regexp.MustCompile(`held (\d+)`).FindStringSubmatch(got)
		if m == nil || err != nil {
			t.Fatalf("%s, %v", got, err)
		}
		n, _ := strconv.Atoi(m[1])
		return n
	}
	empty := held(BoardConfig{ROM: NewROM(0, image)}, "")
	in := held(BoardConfig{ROM: NewROM(0, image)}, "import big") - empty
	from := held(BoardConfig{ROM: NewROM(0, nil), Flash: NewFlash(map[string]string{"/big.mpy": string(files["big.mpy"])})}, "import big") - empty
	t.Logf("%d bytes held by nothing; a module of %d bytes %d in place, %d from a file", empty, len(files["big.mpy"]), in, from)
	if empty < asyncioHolds || empty > asyncioHolds+2<<10 {
		t.Errorf("a board without programs holds %d bytes", empty)
	}
	if in > from*2/3 {
		t.Errorf("in place it takes %d bytes, from a file %d", in, from)
	}
}

// update writes an image into the second third of the partition, as _host.image gives it.
const update = `
import vfs, esp, uctypes, _host
from binascii import unhexlify
part = vfs.rom_ioctl(2, 0)
third = len(part) // 3 & ~4095
image = unhexlify(_host.image())
at = uctypes.addressof(part) - 0x40200000 + third
for i in range(0, len(image), 4096):
    esp.flash_erase((at + i) // 4096)
    esp.flash_write(at + i, image[i : i + 4096])
print('written', bytes(part[third : third + len(image)]) == image)
`

func imageFunc(image []byte) map[string]Func {
	return map[string]Func{"image": func(context.Context, []any) (any, error) { return fmt.Sprintf("%x", image), nil }}
}

func TestNewImageIsSeenByANewMount(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	rom := NewROM(0, romImage(t, 1))
	got, err := play(t, BoardConfig{ROM: rom, Host: imageFunc(romImage(t, 2))}, "import sys, big\nprint(big.VERSION)\n"+update+`
vfs.mount(vfs.VfsRom(part[third : 2 * third]), '/_ra')
sys.path.insert(0, '/_ra')
del sys.modules['big']
import big
print(big.VERSION, big.__file__, open('/rom/text').read(), end='')
b = bytearray(4)
esp.flash_read(at, b)
print(b[:3] == b'\xd2\xcd\x31', esp.flash_read(at + 4, 8) == bytes(part[third + 4 : third + 12]))
`)
	const want = "1\nwritten True\n2 /_ra/big.mpy hello\nTrue True\n"
	if got != want || err != nil {
		t.Fatalf("printed %q, %v", got, err)
	}
	// it outlives the board
	got, err = play(t, BoardConfig{ROM: rom}, "import vfs, sys\npart = vfs.rom_ioctl(2, 0)\nthird = len(part) // 3 & ~4095\nvfs.mount(vfs.VfsRom(part[third:]), '/_ra')\nsys.path.insert(0, '/_ra')\nimport big\nprint(big.VERSION)\n")
	if got != "2\n" || err != nil {
		t.Errorf("after a reboot: %q, %v", got, err)
	}
}

func TestROMIsWrittenByItsIoctl(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	rom := NewROM(0, bytes.Repeat([]byte{0}, 3*romSector))
	got, err := play(t, BoardConfig{ROM: rom, Host: imageFunc(romImage(t, 3))}, `
import vfs, _host, sys
from binascii import unhexlify
try: import big
except ImportError: print('none')
image = unhexlify(_host.image())
print(vfs.rom_ioctl(3, 0, len(image)))
for i in range(0, len(image), 1000): print(vfs.rom_ioctl(4, 0, i, image[i : i + 1000]), end=' ')
vfs.mount(vfs.VfsRom(vfs.rom_ioctl(2, 0)), '/new')
sys.path.append('/new')
import big
print(big.VERSION)
`)
	if want := fmt.Sprintf("none\n4\n%s3\n", strings.Repeat("0 ", (len(romImage(t, 3))+999)/1000)); got != want || err != nil {
		t.Errorf("printed %q, not %q; %v", got, want, err)
	}
	sectors := (len(romImage(t, 3)) + romSector - 1) / romSector
	if data := rom.Bytes(); data[sectors*romSector-1] != 0xff || data[sectors*romSector] != 0 {
		t.Errorf("erased are not %d sectors", sectors)
	}
}

func TestFlashOfAnESP8266IsOneThatForgivesLittle(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	rom := NewROM(8*romSector, nil)
	got, err := play(t, BoardConfig{ROM: rom}, `
import esp
at = 0xb0000
def fails(f, *a):
    try: f(*a)
    except (OSError, ValueError) as e: return e.args[0]
b = bytearray(b'\xf0\x0f\xff\x00abcd')
esp.flash_write(at, b)
esp.flash_write(at, b'\x3c\x3c\x3c\x3c')  # only clears bits
print(esp.flash_read(at, 8))
print(fails(esp.flash_write, at + 2, b), fails(esp.flash_write, at, memoryview(b)[1:5]), fails(esp.flash_write, at, b'abc'), fails(esp.flash_read, at, 3))
esp.flash_erase(at // 4096)
print(esp.flash_read(at, 4))
esp.flash_erase(0x10)
`)
	const want = "b'0\\x0c<\\x00abcd'\n5 5 len must be multiple of 4 len must be multiple of 4\nb'\\xff\\xff\\xff\\xff'\n"
	if got != want || !errors.Is(err, errFirmware) {
		t.Errorf("printed %q, %v", got, err)
	}
}

// Whenever the power fails in an update of the ROM, the first image is whole, and the update
// can be made again.
func TestPowerCutsInTheROM(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	old, young := romImage(t, 1), romImage(t, 2)
	sectors := (len(young) + romSector - 1) / romSector
	for _, how := range []Cut{CutBefore, CutAfter, CutTorn} {
		seen := map[string]bool{}
		for n := 1; n <= 2*sectors; n++ {
			rom, flash := NewROM(0, old), NewFlash(nil)
			third := rom.Size() / 3 / romSector * romSector
			rom.Put(third, make([]byte, sectors*romSector))
			flash.Cut(n, how)
			if got, err := play(t, BoardConfig{ROM: rom, Flash: flash, Host: imageFunc(young)}, update); !errors.Is(err, ErrPowerCut) || got != "" {
				t.Fatalf("cut %d of %d: %q, %v", n, how, got, err)
			}
			part := rom.Bytes()[third : third+sectors*romSector]
			seen[string(part)] = true
			if !bytes.HasPrefix(rom.Bytes(), old) {
				t.Fatalf("cut %d of %d: the first image is damaged", n, how)
			}
			if got, err := play(t, BoardConfig{ROM: rom, Flash: flash, Host: imageFunc(young)}, update); err != nil || got != "written True\n" {
				t.Fatalf("after cut %d of %d: %q, %v", n, how, got, err)
			}
			if flash.Changes() != n+2*sectors {
				t.Errorf("%d changes, not %d", flash.Changes(), n+2*sectors)
			}
		}
		if len(seen) != 2*sectors {
			t.Errorf("cuts of %d left %d states of %d", how, len(seen), 2*sectors)
		}
	}
}

func TestHeapIsThatOfAnESP8266(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	var b *Board
	host := map[string]Func{"clean": func(context.Context, []any) (any, error) { return time.Now().Before(b.collectAt), nil }}
	b, err := NewBoard(BoardConfig{ROM: NewROM(0, nil), Limit: true, Host: host, Flash: NewFlash(map[string]string{"/main.py": `
import asyncio, gc, _host
held = []
async def settle():  # until what is held has been counted again: the slower the machine is the seldomer it is
    while _host.clean(): await asyncio.sleep_ms(10)
    await asyncio.sleep_ms(50)
print(41 << 10 < gc.mem_free() < 44 << 10)
async def greedy():
    try:
        while True:
            for i in range(40):
                bytes(1000)  # garbage is no matter
            held.append(bytes(1000))
            await settle()
    except MemoryError as e:
        print(e, 36 < len(held) < 48, gc.mem_free())
async def main():
    await greedy()
    held.clear()
    for i in range(3): await settle()
    print(gc.mem_free() > 30000)
asyncio.run(main())
`})})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	b.config.Print = func(text string) { out.WriteString(text) }
	if err := b.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "True\nmemory allocation failed True 0\nTrue\n"; got != want {
		t.Errorf("printed %q", got)
	}
	if now, most := b.Held(); most <= ESP8266Heap+ESP8266StandIns || most > ESP8266Heap+ESP8266StandIns+4<<10 || now > 8<<10 {
		t.Errorf("%d bytes held, at most %d", now, most)
	}
}
