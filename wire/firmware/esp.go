package firmware

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The head of an image
// (https://docs.espressif.com/projects/esptool/en/latest/esp32/advanced-topics/firmware-image-format.html):
//
//	E9 segments mode size|rate entry(4)             all chips
//	wp pins(3) chip id(2) revisions(5) 0(4) digest  all after the ESP8266
const (
	espMagic   = 0xe9
	espHead    = 24
	appMagic   = 0xabcd5432 // of the description that a program has behind the head of its first segment
	appMagicAt = espHead + 8
	maxParts   = 16
)

// espChips are the families by the id in the head, and where a whole firmware begins.
var espChips = map[uint16]Image{
	0:  {ESP, "esp32", 0x1000},
	2:  {ESP, "esp32s2", 0x1000},
	5:  {ESP, "esp32c3", 0},
	9:  {ESP, "esp32s3", 0},
	12: {ESP, "esp32c2", 0},
	13: {ESP, "esp32c6", 0},
	16: {ESP, "esp32h2", 0},
	18: {ESP, "esp32p4", 0x2000},
	20: {ESP, "esp32c61", 0},
	23: {ESP, "esp32c5", 0x2000},
}

// esp8266RAM is where programs of the ESP8266 begin, which has no id: its own memory.
const esp8266RAM = 0x401

func parseESP(file []byte) (Image, error) {
	if n := file[1]; n == 0 || n > maxParts {
		return Image{}, fmt.Errorf("it begins as an image of an Espressif chip, but with %d segments: it is broken", n)
	}
	entry := binary.LittleEndian.Uint32(file[4:])
	if entry>>20 == esp8266RAM {
		return Image{ESP, "esp8266", 0}, nil
	}
	id := binary.LittleEndian.Uint16(file[12:])
	image, known := espChips[id]
	if !known {
		return Image{}, fmt.Errorf("it is for a chip of Espressif with number %d, which is not known here", id)
	}
	if binary.LittleEndian.Uint32(file[appMagicAt:]) == appMagic {
		return Image{}, errors.New("it is a program for updates over the air (.app-bin), without the loader that must stand before it: take the .bin of your board")
	}
	return image, nil
}
