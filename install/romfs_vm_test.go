package install

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/wire/romfs"
)

// anImage has a runtime in it that says who it is, and is busy then.
func anImage(t *testing.T, version string) []byte {
	t.Helper()
	image, err := romfs.Image(map[string][]byte{
		"rt/__init__.py": []byte("VERSION = '" + version + "'\n"),
		"rt/hal.py":      []byte("import machine\n_wdt = None\ndef feed():\n _wdt.feed()\ndef watch():\n global _wdt\n _wdt = machine.WDT()\n"),
		"rt/main.py":     []byte("import rt, time\nfrom rt import hal\ndef main():\n print('it is', rt.VERSION)\n hal.watch()\n while True:\n  hal.feed()\n  time.sleep_ms(5)\n"),
		"rt/filling.py":  bytes.Repeat([]byte("# so that it is not small\n"), 200),
	})
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// mounts is a boot.py that runs what lies in the first part.
const mounts = `# reads /_s/os
import sys, time, vfs
try:
 vfs.mount(vfs.VfsRom(memoryview(vfs.rom_ioctl(2, 0))), '/_rf')
 sys.path.insert(0, '/_rf')
except OSError as e:
 print('no runtime:', e)
time.sleep(0.5)
`

func TestRealMicroPythonTakesTheRuntimeIntoItsPartition(t *testing.T) {
	flash, rom := micropython.NewFlash(nil), micropython.NewROM(0, nil)
	c := realBoard(t, flash, rom)
	board := open(t, c)
	details, err := board.Details(t.Context())
	if err != nil || details.ROM != micropython.ROMSize || board.About().Platform != esp8266 {
		t.Fatalf("%+v, %v", details, err)
	}
	if fit, err := FitFor(board.About(), details, "auto"); err != nil || !fit.Image {
		t.Errorf("%+v, %v", fit, err)
	}
	r := forROM(anImage(t, "one"))
	r.Files = Files{"boot.py": []byte(mounts), "main.py": []byte("import rt.main\nrt.main.main()\n")}
	for _, version := range []string{"one", "two"} { // the second while the first runs, out of what is erased then
		r.Image = anImage(t, version)
		if _, err := board.InstallRuntime(t.Context(), r, Progress{}); err != nil {
			t.Fatal(err)
		}
		if got := rom.Bytes(); !bytes.HasPrefix(got, r.Image) {
			t.Fatal("the partition does not begin with the image")
		}
		says(t, board, "it is "+version)
		board = open(t, c).ready(t)
	}
}

// says restarts the board and waits for words.
func says(t *testing.T, board *Board, words string) {
	t.Helper()
	var log strings.Builder
	ctx, heard := context.WithCancel(t.Context())
	defer heard()
	err := board.Restart(ctx, time.Minute, time.Minute, func(text []byte) {
		if log.Write(text); strings.Contains(log.String(), words) {
			heard()
		}
	})
	if err != nil && !errors.Is(err, context.Canceled) || !strings.Contains(log.String(), words) {
		t.Fatalf("after the restart it says %q, %v", log.String(), err)
	}
}

func TestRealMicroPythonIsCutInItsPartition(t *testing.T) {
	flash, rom := micropython.NewFlash(nil), micropython.NewROM(0, anImage(t, "old"))
	r := forROM(anImage(t, "new"))
	ctx, pull := context.WithCancel(t.Context())
	board := open(t, realBoard(t, flash, rom)).ready(t)
	_, err := board.InstallRuntime(ctx, r, Progress{Sent: func(done, all int64) {
		if done*2 > all {
			pull()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	half := rom.Bytes()
	if _, err := romfs.Files(half); err == nil || bytes.HasPrefix(half, r.Image) {
		t.Errorf("what was cut passes for an image (%v)", err)
	}
	again := micropython.NewROM(0, half)
	next := open(t, realBoard(t, flash.Copy(), again)).ready(t)
	r.ID, r.Key = "", ""
	if _, err := next.InstallRuntime(t.Context(), r, Progress{}); err != nil || !bytes.HasPrefix(again.Bytes(), r.Image) {
		t.Errorf("again: %v", err)
	}
}
