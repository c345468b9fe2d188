package firmware

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A UF2 file is blocks of 512 bytes (https://github.com/microsoft/uf2):
//
//	"UF2\n" 9E5D5157 flags address size number blocks family data(476) 0AB16F30
//
// all little endian, four bytes each.
const (
	blockSize  = 512
	blockStart = 0x0a324655
	blockNext  = 0x9e5d5157
	blockEnd   = 0x0ab16f30
	maxPayload = 476

	hasFamily = 1 << 13 // flag
	notMain   = 1       // flag: nothing for the flash
)

// rp2Anywhere is the family of blocks that belong to no program: one stands before
// those of an RP2350.
const rp2Anywhere = 0xe48bff57

var uf2Chips = map[uint32]string{
	0xe48bff56: "rp2040",
	0xe48bff59: "rp2350", // ARM
	0xe48bff5a: "rp2350", // RISC-V
	0xe48bff5b: "rp2350", // ARM, not secure
	0xbfdd4eee: "esp32s2",
	0xc47e5767: "esp32s3",
	0x1c5f21b0: "esp32",
	0x68ed2b88: "samd21",
	0x55114460: "samd51",
	0xada52840: "nrf52840",
}

func isBlock(b []byte) bool {
	return binary.LittleEndian.Uint32(b) == blockStart && binary.LittleEndian.Uint32(b[4:]) == blockNext &&
		binary.LittleEndian.Uint32(b[blockSize-4:]) == blockEnd
}

func parseUF2(file []byte) (Image, error) {
	if len(file)%blockSize != 0 {
		return Image{}, errors.New("it is a UF2 file that ends within a block: fetch it again")
	}
	chip := ""
	for at := 0; at < len(file); at += blockSize {
		b := file[at : at+blockSize]
		if !isBlock(b) || binary.LittleEndian.Uint32(b[16:]) > maxPayload {
			return Image{}, fmt.Errorf("block %d of the UF2 file is broken: fetch it again", at/blockSize)
		}
		flags, family := binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[28:])
		if flags&notMain != 0 || family == rp2Anywhere {
			continue
		}
		is, known := uf2Chips[family]
		switch {
		case flags&hasFamily == 0:
			return Image{}, errors.New("the UF2 file does not say for which family of boards it is")
		case !known:
			return Image{}, fmt.Errorf("the UF2 file is for a family of boards (%#08x) that is not known here", family)
		case chip != "" && is != chip:
			return Image{}, fmt.Errorf("the UF2 file is for %s and for %s: take the one for your board alone", chip, is)
		}
		chip = is
	}
	if chip == "" {
		return Image{}, errors.New("there is no program in the UF2 file")
	}
	return Image{Kind: UF2, Chip: chip}, nil
}
