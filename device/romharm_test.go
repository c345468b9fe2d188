package device_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/wire/romfs"
)

// What may become of a ROM beside updates: an installer that is cut off, garbage, another firmware.

// A runtime in a slot does not need the factory's: an installer may be cut off while it writes that one anew.
func TestRuntimeInROMRunsBesideAFactoryHalfWritten(t *testing.T) {
	needVM(t)
	for name, factory := range map[string][]byte{
		"erased":       bytes.Repeat([]byte{0xff}, romPart),
		"cut off":      bytes.Repeat([]byte{0xff}, romPart-4096),
		"header alone": append([]byte{0xd2, 0xcd, 0x31, 0x85, 0x20}, bytes.Repeat([]byte{0xff}, 8192)...),
	} {
		t.Run(name, func(t *testing.T) {
			r := grownROM(t)
			r.t = t
			r.rom.Put(romPart-len(factory), factory)
			if name == "header alone" {
				r.rom.Put(0, factory)
			}
			wantLines(t, r.errand("state"), "runtime 2", "app 1")
			r.offer("os", "3", romImage(t, "3"))
			wantLines(t, r.errand("install"), "runtime 2", "app 1", "installed")
			wantLines(t, r.errand("confirm-os"), "runtime 3", "app 1", "confirmed True")
		})
	}
}

// romHuge are headers and records that claim more than there is.
var romHuge = map[string]string{
	"header":    "\xd2\xcd\x31\x87\xff\xff\xff\x7f",
	"header 64": "\xd2\xcd\x31\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
	"no end":    "\xd2\xcd\x31" + strings.Repeat("\xff", 300),
	"record":    "\xd2\xcd\x31\x20\x04\x8f\xff\xff\xff\x7f\x02rt",
	"name":      "\xd2\xcd\x31\x20\x04\x1e\x8f\xff\xff\xff\x7frt",
	"file":      "\xd2\xcd\x31\x28\x04\x26\x02rt\x05\x20\x07main.py\x02\x8f\xff\xff\xff\x7f",
	"empty":     "\xd2\xcd\x31\x00",
	"nothing":   "\x00\x00\x00\x00",
}

func TestGarbageInTheROMIsPassedBy(t *testing.T) {
	needVM(t)
	whole := grownROM(t)
	for name, head := range romHuge {
		t.Run(name, func(t *testing.T) {
			for fill, b := range map[string]byte{"blank": 0xff, "some": 0x5a} {
				r := whole.copied()
				r.t = t
				r.rom.Put(romPart, append([]byte(head), bytes.Repeat([]byte{b}, 8192)...))
				lines := r.errand("state")
				for range 3 {
					if strings.Contains(strings.Join(lines, " "), "runtime 1") {
						break
					}
					lines = r.errand("state")
				}
				wantLines(t, lines, "runtime 1", "app 1")
				if fill != "blank" {
					continue
				}
				r.offer("os", "3", romImage(t, "3"))
				wantLines(t, r.errand("install"), "runtime 1", "installed")
				wantLines(t, r.errand("confirm-os"), "runtime 3", "app 1", "confirmed True")
			}
		})
	}
}

// An image that is sound, but no runtime.
func TestImagesThatAreNoRuntimeGoBack(t *testing.T) {
	needVM(t)
	for name, files := range map[string]map[string][]byte{
		"no rt":      {"readme.txt": []byte("nothing")},
		"no main":    {"rt/__init__.py": []byte("VERSION = '3'\n")},
		"rt is file": {"rt": []byte("x")},
		"rt is a py": {"rt.py": []byte("VERSION = '3'\n")},
	} {
		t.Run(name, func(t *testing.T) {
			image, err := romfs.Image(files)
			if err != nil {
				t.Fatal(err)
			}
			r := grownROM(t)
			r.t = t
			r.offer("os", "3", map[string]string{"rt.rom": string(image)})
			wantLines(t, r.errand("install"), "runtime 2", "app 1", "installed")
			var lines []string
			for range 4 {
				lines = r.errand("state")
			}
			wantLines(t, lines, "runtime 2", "app 1")
		})
	}
}

// Another firmware may have a partition of another size: the factory's third starts where it did.
func TestPartitionOfAnotherSize(t *testing.T) {
	needVM(t)
	for name, size := range map[string]int{"smaller": 300 << 10, "larger": 400 << 10, "twice": 640 << 10} {
		t.Run(name, func(t *testing.T) {
			r := grownROM(t)
			r.t = t
			was := r.rom.Bytes()
			r.rom = micropython.NewROM(size, nil)
			r.rom.Put(0, was[:min(len(was), size)])
			wantLines(t, r.errand("state"), "runtime 1", "app 1")
			r.offer("os", "3", romImage(t, "3"))
			wantLines(t, r.errand("install"), "runtime 1", "installed")
			wantLines(t, r.errand("confirm-os"), "runtime 3", "app 1", "confirmed True")
		})
	}
}
