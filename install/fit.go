package install

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"
)

const (
	esp8266  = "esp8266"
	oldest   = 22      // MicroPython 1.22: the first with all that the runtime uses
	oldestIn = 25      // 1.25: the first that runs it out of a partition
	leastFor = 2 << 20 // flash of an ESP8266, bytes
	whole    = 1 << 20 // of the file system if the flash does not tell its size
)

// ROMFirmware is the MicroPython that an ESP8266 needs for the runtime, as its files begin on
// https://micropython.org/download/ESP8266_GENERIC.
const ROMFirmware = "ESP8266_GENERIC-FLASH_2M_ROMFS"

// HasROM tells whether a firmware of MicroPython knows of a partition for a read-only file
// system: the names that its Python has stand in it as text.
func HasROM(firmware []byte) bool { return bytes.Contains(firmware, []byte("rom_ioctl")) }

// Fit is how the runtime goes onto a board.
type Fit struct {
	Profile string // full or lean
	Image   bool   // its modules go into the board's partition
	Warning string // what is to be known before; "": nothing
}

// FitFor tells how the runtime goes onto a board, or why it does not. asked is lean, full or
// auto.
func FitFor(a About, d Details, asked string) (Fit, error) {
	if a.Implementation != "micropython" {
		return Fit{}, fmt.Errorf("the board runs %s; the runtime needs MicroPython 1.%d or later (--flash puts it there)", a.Implementation, oldest)
	}
	switch {
	case a.Platform == esp8266 && asked != "lean" && a.before(oldestIn):
		return Fit{}, fmt.Errorf("the board has MicroPython %s; on an ESP8266 the runtime needs 1.%d or later, with a partition to run from: %s", a.Version, oldestIn, wayToROM)
	case a.before(oldest):
		return Fit{}, fmt.Errorf("the board has MicroPython %s; the runtime needs 1.%d or later: fetch a newer one from micropython.org and put it there with --flash FILE --erase", a.Version, oldest)
	case strings.Contains(a.FileSystem, "Fat"):
		return Fit{}, errors.New("the board's file system is FAT, on which a power cut can leave it without a program; the runtime needs littlefs: save your files, then put MicroPython there anew with --flash FILE --erase, which makes one")
	case a.Platform == esp8266:
		return forESP8266(a, d, asked)
	case asked != "auto":
		return Fit{Profile: asked}, nil
	case a.Platform == "esp32", a.Platform == "rp2":
		return Fit{Profile: "full"}, nil
	}
	return Fit{}, fmt.Errorf("the runtime was not made for %s; try it with --profile full, or --profile lean if the board has little memory", a.Platform)
}

// before tells whether its MicroPython is older than 1.minor, or does not tell its version.
func (a About) before(minor int) bool {
	var major, m int
	_, err := fmt.Sscanf(a.Version, "%d.%d", &major, &m)
	return err != nil || major < 1 || major == 1 && m < minor
}

const wayToROM = "fetch " + ROMFirmware + "-….bin from micropython.org/download/ESP8266_GENERIC, and put it there with roost install --flash FILE --erase --runtime (it needs a flash of 2 MB). Or take PythingsOS, which fits any ESP8266: roost install --flash PythingsOS_VERSION_esp8266.frozen.bin --erase"

// forESP8266 takes lean, out of the partition: its heap of 38 kB has not the room for the
// modules. Who asks for lean without a partition may have them frozen in a firmware.
func forESP8266(a About, d Details, asked string) (Fit, error) {
	switch {
	case asked == "full":
		return Fit{}, errors.New("the full runtime does not fit an ESP8266; leave --profile out, or say lean")
	case d.ROM > 0 && d.MPY == 6:
		return Fit{Profile: "lean", Image: true}, nil
	case asked != "lean":
		return Fit{}, errors.New("this ESP8266 has no partition that the runtime could run from, and its heap of 38 kB is too small to load it: " + wayToROM)
	case d.Flash > 0 && d.Flash < leastFor || d.Flash == 0 && a.Size >= 0 && a.Size < whole:
		return Fit{}, fmt.Errorf("this ESP8266 has a flash of %d kB; the runtime needs one of 2 MB or more", cmp.Or(d.Flash, a.Size)>>10)
	}
	return Fit{Profile: "lean", Warning: "This ESP8266 has no partition to run the runtime from, so it goes into the file system, as --profile lean asks. Loaded from there it needs 61 kB of heap, and the usual firmware leaves 38: it starts only with a firmware that has its modules frozen in."}, nil
}
