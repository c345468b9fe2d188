// Package firmware reads what files for a board's flash say of themselves: images
// of Espressif's chips, and UF2 files, which go onto a drive.
package firmware

import (
	"errors"
	"fmt"
)

// Kinds of files.
const (
	ESP = "esp" // written by the loader in the ROM, at Offset
	UF2 = "uf2" // copied onto the drive that the board is while BOOTSEL is held
)

// MaxSize is more than the firmware of any board has, bytes.
const MaxSize = 16 << 20

// minSize is less than any firmware has.
const minSize = 512

// Image is what a file is.
type Image struct {
	Kind   string
	Chip   string // esp32, rp2040
	Offset uint32 // where on the flash it begins; 0 for UF2, whose blocks say it themselves
}

// Parse finds out what a file is and whether it is whole. What it says is for the
// person who gave the file.
func Parse(file []byte) (Image, error) {
	switch {
	case len(file) > MaxSize:
		return Image{}, fmt.Errorf("it has more than %d MB, and no board has that", MaxSize>>20)
	case len(file) < minSize:
		return Image{}, errors.New("it is too short for a firmware: fetch it again")
	case file[0] == espMagic:
		return parseESP(file)
	case isBlock(file):
		return parseUF2(file)
	}
	return Image{}, errors.New("it is neither an image of an Espressif chip, which begins with E9, nor a UF2 file: take the .bin (ESP8266, ESP32) or .uf2 (Pico) of your board from micropython.org/download, unpacked")
}
