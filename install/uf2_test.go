package install

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// uf2File is of so many blocks for an RP2040, or another family.
func uf2File(blocks int, family uint32) (file []byte) {
	for i := range blocks {
		b := make([]byte, 512)
		for j, word := range []uint32{0x0a324655, 0x9e5d5157, 0x2000, 0x10000000 + uint32(i)*256, 256, uint32(i), uint32(blocks), family} {
			binary.LittleEndian.PutUint32(b[4*j:], word)
		}
		binary.LittleEndian.PutUint32(b[508:], 0x0ab16f30)
		file = append(file, b...)
	}
	return file
}

const rp2040Family = 0xe48bff56

// picoDrive is what an RP2040 shows while BOOTSEL is held.
func picoDrive(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	info := "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n"
	if err := os.WriteFile(filepath.Join(dir, infoFile), []byte(info), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFirmwareIsCopiedOntoThePicosDrive(t *testing.T) {
	drive, err := DriveAt(picoDrive(t))
	if err != nil || drive.Chip != "rp2040" {
		t.Fatalf("%+v, %v", drive, err)
	}
	file := uf2File(400, rp2040Family)
	var told []int64
	if err := CopyUF2(t.Context(), drive, file, func(done, _ int64) { told = append(told, done) }); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(drive.Path, "ROOST.UF2")); err != nil || !bytes.Equal(got, file) {
		t.Errorf("%d bytes on the drive, %v", len(got), err)
	}
	if len(told) != 4 || told[3] != int64(len(file)) {
		t.Errorf("told %v", told)
	}
}

func TestFirmwareForAnotherBoardIsNotCopied(t *testing.T) {
	drive, err := DriveAt(picoDrive(t))
	if err != nil {
		t.Fatal(err)
	}
	esp := append([]byte{0xe9, 3, 0, 0, 0, 0, 8, 0x40}, make([]byte, 2000)...)
	for says, file := range map[string][]byte{"is for an rp2350": uf2File(3, 0xe48bff59), "with --flash": esp, "is no firmware": []byte("x")} {
		if err := CopyUF2(t.Context(), drive, file, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if _, err := os.Stat(filepath.Join(drive.Path, "ROOST.UF2")); err == nil {
		t.Error("something was written")
	}
	if d, err := DriveAt(t.TempDir()); err == nil {
		t.Errorf("an empty folder is taken for %+v", d)
	}
	if err := os.WriteFile(filepath.Join(drive.Path, infoFile), []byte("Board-ID: Trinket\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := DriveAt(drive.Path); err == nil || !strings.Contains(err.Error(), "Trinket") {
		t.Errorf("%+v, %v", d, err)
	}
}
