package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInstallCopiesFirmwareOntoAPico(t *testing.T) {
	drive, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(drive, "INFO_UF2.TXT"), []byte("UF2 Bootloader v3.0\r\nBoard-ID: RPI-RP2\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 512)
	for i, word := range []uint32{0x0a324655, 0x9e5d5157, 0x2000, 0x10000000, 256, 0, 1, 0xe48bff56} {
		binary.LittleEndian.PutUint32(block[4*i:], word)
	}
	binary.LittleEndian.PutUint32(block[508:], 0x0ab16f30)
	file := filepath.Join(dir, "pico.uf2")
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	out, status := installing(t, "", "--uf2", file, "--drive", drive, "--await-port", "1ms")
	if status != 0 || !strings.Contains(out, "an rp2040") || !strings.Contains(out, "The firmware is on the board") {
		t.Errorf("status %d, %s", status, out)
	}
	if got, err := os.ReadFile(filepath.Join(drive, "ROOST.UF2")); err != nil || !bytes.Equal(got, block) {
		t.Errorf("%d bytes on the drive, %v", len(got), err)
	}
	if out, status := installing(t, "", "--uf2", file, "--drive", dir); status == 0 || !strings.Contains(out, "no drive of a board") {
		t.Errorf("status %d, %s", status, out)
	}
	if err := os.WriteFile(file, block[:500], 0o600); err != nil {
		t.Fatal(err)
	}
	if out, status := installing(t, "", "--uf2", file, "--drive", drive); status == 0 || !strings.Contains(out, "no firmware") {
		t.Errorf("status %d, %s", status, out)
	}
}
