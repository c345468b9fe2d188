package web

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// espImage is the head of a firmware for an ESP32, and some more.
func espImage() string {
	return "\xe9\x03\x02\x20\x34\x12\x08\x40\xee\x00\x00\x00\x00\x00" + strings.Repeat("\x00", 5000)
}

func TestFirmwareShelfShowsForWhatAFileIs(t *testing.T) {
	h := open(t)
	ada := h.owner()
	put := func(status int, name, body string) map[string]any {
		t.Helper()
		return ada.want(status, "POST", "/firmware?name="+name, body, "Content-Type", fileType)
	}
	made := put(201, "ESP32_GENERIC.bin", espImage())
	if made["chip"] != "esp32" || made["kind"] != "esp" || made["offset"] != 4096.0 || made["size"] != 5014.0 || made["added"].(float64) < 1e12 {
		t.Errorf("made: %v", made)
	}
	if p := put(409, "ESP32_GENERIC.bin", espImage()); !strings.Contains(p["detail"].(string), "delete it first") {
		t.Errorf("twice: %v", p)
	}
	if p := put(422, "x.zip", "PK"+strings.Repeat("x", 1000)); !strings.Contains(p["detail"].(string), "micropython.org") {
		t.Errorf("a zip: %v", p)
	}
	for _, bad := range []string{"..%2Fx.bin", ".hidden", "a%20b", "a%2Fb.bin"} {
		put(422, bad, espImage())
	}
	put(413, "large.bin", strings.Repeat("\xe9", 16<<20+1))
	list := listAt(ada.want(200, "GET", "/firmware", nil), "firmware")
	if len(list) != 1 || field(list[0], "name") != "ESP32_GENERIC.bin" {
		t.Errorf("list: %v", list)
	}
	res, raw := ada.send("GET", "/firmware/ESP32_GENERIC.bin", nil)
	if res.StatusCode != 200 || string(raw) != espImage() || res.Header.Get("Content-Type") != fileType || res.ContentLength != 5014 {
		t.Errorf("%d %v, %d bytes", res.StatusCode, res.Header, len(raw))
	}
	ada.want(404, "GET", "/firmware/other.bin", nil)
	viewer := h.as(ada, "viewer")
	viewer.want(403, "DELETE", "/firmware/ESP32_GENERIC.bin", nil)
	ada.want(204, "DELETE", "/firmware/ESP32_GENERIC.bin", nil)
	ada.want(404, "DELETE", "/firmware/ESP32_GENERIC.bin", nil)
	h.wantAudit("firmware.add", "firmware.remove")
}

func TestFirmwareShelfIsAFolderThatPeopleMayFill(t *testing.T) {
	dir := t.TempDir()
	shelf := &firmwareShelf{folder: dir}
	for name, text := range map[string]string{
		"mine.bin": espImage(), "notes.txt": strings.Repeat("words ", 200), firmwarePrefix + "half": "half", "sub dir.bin": espImage(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "outside.bin")
	if err := os.WriteFile(outside, []byte(espImage()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link.bin")); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it knows them
		if all, err := shelf.list(); err != nil || len(all) != 1 || all[0].Name != "mine.bin" {
			t.Errorf("%v, %v", all, err)
		}
	}
	if raw, err := shelf.read("link.bin"); err == nil {
		t.Errorf("%d bytes from outside of the shelf", len(raw))
	}
	if _, err := shelf.add("other.bin", []byte(espImage())); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, firmwarePrefix+"half")); err == nil {
		t.Error("what an interrupted addition left is still there")
	}
}
