package firmware_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/roost-iot/roost/wire/firmware"
)

// esp makes an image for a chip.
func esp(id uint16, entry uint32) []byte {
	b := make([]byte, 4096)
	b[0], b[1] = 0xe9, 3
	binary.LittleEndian.PutUint32(b[4:], entry)
	binary.LittleEndian.PutUint16(b[12:], id)
	return b
}

// uf2 makes a file with a block for each family.
func uf2(families ...uint32) (file []byte) {
	for i, family := range families {
		b := make([]byte, 512)
		for j, word := range []uint32{0x0a324655, 0x9e5d5157, 1 << 13, 0x10000000 + uint32(i)*256, 256, uint32(i), uint32(len(families)), family} {
			binary.LittleEndian.PutUint32(b[4*j:], word)
		}
		binary.LittleEndian.PutUint32(b[508:], 0x0ab16f30)
		file = append(file, b...)
	}
	return file
}

const (
	rp2040   = 0xe48bff56
	rp2350   = 0xe48bff59
	anywhere = 0xe48bff57
)

func TestFilesSayWhatTheyAre(t *testing.T) {
	for _, c := range []struct {
		file []byte
		want firmware.Image
	}{
		{esp(0, 0x40081234), firmware.Image{Kind: "esp", Chip: "esp32", Offset: 0x1000}},
		{esp(9, 0x403c0000), firmware.Image{Kind: "esp", Chip: "esp32s3"}},
		{esp(0xffff, 0x4010f480), firmware.Image{Kind: "esp", Chip: "esp8266"}},
		{uf2(rp2040, rp2040), firmware.Image{Kind: "uf2", Chip: "rp2040"}},
		{uf2(anywhere, rp2350), firmware.Image{Kind: "uf2", Chip: "rp2350"}},
	} {
		if got, err := firmware.Parse(c.file); err != nil || got != c.want {
			t.Errorf("%+v, %v; want %+v", got, err, c.want)
		}
	}
}

func TestWhatIsNoFirmwareIsRefusedWithAReason(t *testing.T) {
	update := esp(0, 0x40081234)
	binary.LittleEndian.PutUint32(update[32:], 0xabcd5432)
	segments := esp(0, 0x40081234)
	segments[1] = 99
	broken := uf2(rp2040, rp2040)
	broken[512] = 'X'
	nameless := uf2(rp2040)
	nameless[9] = 0
	for says, file := range map[string][]byte{
		"too short":       {0xe9, 1},
		"micropython.org": []byte("PK\x03\x04" + strings.Repeat("zip", 1000)),
		".app-bin":        update,
		"99 segments":     segments,
		"number 77":       esp(77, 0x40081234),
		"within a block":  append(uf2(rp2040), 1),
		"block 1":         broken,
		"does not say":    nameless,
		"0x00001234":      uf2(0x1234),
		"rp2040 and for":  uf2(rp2040, rp2350),
		"no program":      uf2(anywhere),
		"more than 16 MB": make([]byte, firmware.MaxSize+1),
	} {
		if got, err := firmware.Parse(file); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v, %v; want one that says %q", got, err, says)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(esp(0, 0x40081234))
	f.Add(uf2(rp2040, anywhere))
	f.Add([]byte{0xe9})
	f.Fuzz(func(t *testing.T, file []byte) {
		image, err := firmware.Parse(file)
		if err != nil && err.Error() == "" || err == nil && (image.Chip == "" || image.Kind != "esp" && image.Kind != "uf2") {
			t.Errorf("%+v, %v", image, err)
		}
		if err == nil && image.Kind == "uf2" && len(file)%512 != 0 {
			t.Error("half a block is taken")
		}
	})
}
