package install

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// firmwareFor makes a file that begins as one for this chip and then has
// something of all kinds.
func firmwareFor(c *Chip, size int) Firmware {
	f := Firmware(append(randomly(size/2), bytes.Repeat([]byte{0xc0, 0xdb, 0}, size/2/3)...))
	copy(f, []byte{imageMagic, 3, 0, 0x20, 0, 0, 0x08, 0x40, 0xee, 0, 0, 0, byte(c.id), byte(c.id >> 8)})
	if c.old {
		copy(f[4:], []byte{0, 0, 0x10, 0x40})
	}
	return f
}

// eachChip runs a test of every chip without waiting.
func eachChip(t *testing.T, f func(t *testing.T, c *Chip)) {
	for i := range Chips {
		t.Run(Chips[i].Name, inNoTime(func(t *testing.T) { f(t, &Chips[i]) }))
	}
}

func openROM(t *testing.T, r *playedROM) *Loader {
	t.Helper()
	l, err := OpenLoader(t.Context(), playROM(t, r), "auto")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// onFlash holds the flash against what must be there.
func (r *playedROM) onFlash(t *testing.T, want Firmware) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.flash[r.chip.Offset:][:len(want)]
	if r.chip.old { // whose head was made for this flash
		want = bytes.Clone(want)
		want[2], want[3] = modeDIO, 0x40
	}
	if !bytes.Equal(got, want) {
		t.Error("the flash is not what the file is")
	}
}

func TestFirmwareIsOnTheFlash(t *testing.T) {
	eachChip(t, func(t *testing.T, c *Chip) {
		rom := &playedROM{chip: c}
		l := openROM(t, rom)
		if l.Chip() != c.Name || l.FlashSize() != 4<<20 {
			t.Errorf("found %s with %d bytes", l.Chip(), l.FlashSize())
		}
		f, last := firmwareFor(c, 40_000), int64(0)
		verified, err := l.Flash(t.Context(), f, Flashing{Sent: func(done, all int64) {
			if last = done; done > all {
				t.Errorf("%d of %d sent", done, all)
			}
		}})
		if err != nil || verified == c.old || last == 0 {
			t.Errorf("verified %v, %d sent, %v", verified, last, err)
		}
		rom.onFlash(t, f)
		if err := l.Reset(t.Context()); err != nil || rom.loader {
			t.Errorf("after the reset it is in the loader: %v, %v", rom.loader, err)
		}
	})
}

func TestFilesOutsideTheFirmwareStayWithoutErase(t *testing.T) {
	eachChip(t, func(t *testing.T, c *Chip) {
		rom := &playedROM{chip: c}
		f := firmwareFor(c, 40_000)
		if _, err := openROM(t, rom).Flash(t.Context(), f, Flashing{}); err != nil {
			t.Fatal(err)
		}
		end := int(c.Offset) + len(f)
		if behind := (end + 2*sector) / sector * sector; rom.flash[behind] != 0xa5 {
			t.Error("more was erased than the firmware needs")
		}
	})
}

func TestEraseClearsAll(t *testing.T) {
	eachChip(t, func(t *testing.T, c *Chip) {
		rom := &playedROM{chip: c, flash: newFlash(1 << 20), power: 20}
		l, done := openROM(t, rom), int64(0)
		if err := l.erase(t.Context(), func(n, _ int64) { done = n }); err != nil || done != 1<<20 {
			t.Fatalf("%d erased, %v", done, err)
		}
		if !bytes.Equal(rom.flash, bytes.Repeat([]byte{0xff}, 1<<20)) {
			t.Error("something is left")
		}
	})
}

func TestPlainWhenTheROMCannotUnpack(t *testing.T) {
	inNoTime(func(t *testing.T) {
		rom := &playedROM{chip: &Chips[1], noPacking: true}
		f := firmwareFor(rom.chip, 20_000)
		if verified, err := openROM(t, rom).Flash(t.Context(), f, Flashing{}); err != nil || !verified {
			t.Fatal(verified, err)
		}
		rom.onFlash(t, f)
	})(t)
}

func TestBrokenPacketsAreSentAgain(t *testing.T) {
	eachChip(t, func(t *testing.T, c *Chip) {
		rom := &playedROM{chip: c, badSums: 2}
		f := firmwareFor(c, 20_000)
		if _, err := openROM(t, rom).Flash(t.Context(), f, Flashing{Plain: true}); err != nil {
			t.Fatal(err)
		}
		rom.onFlash(t, f)
	})
}

func TestLineThatBreaksEverythingIsSaid(t *testing.T) {
	inNoTime(func(t *testing.T) {
		rom := &playedROM{chip: &Chips[0], badSums: 1000}
		_, err := openROM(t, rom).Flash(t.Context(), firmwareFor(rom.chip, 20_000), Flashing{})
		if refused, is := errors.AsType[*RefusedError](err); !is || refused.Code != badSum {
			t.Errorf("err = %v", err)
		}
	})(t)
}

func TestFlashThatKeepsSomethingElseIsFound(t *testing.T) {
	inNoTime(func(t *testing.T) {
		rom := &playedROM{chip: &Chips[1], spoil: true}
		_, err := openROM(t, rom).Flash(t.Context(), firmwareFor(rom.chip, 20_000), Flashing{})
		if !errors.Is(err, ErrNotAsSent) {
			t.Errorf("err = %v", err)
		}
	})(t)
}

func TestLoaderIsFoundThroughNoiseAndLosses(t *testing.T) {
	eachChip(t, func(t *testing.T, c *Chip) {
		openROM(t, &playedROM{chip: c, deaf: 5, loseBytes: 1})
	})
}

func TestLoaderThatWasStartedByHandIsFound(t *testing.T) {
	inNoTime(func(t *testing.T) { openROM(t, &playedROM{chip: &Chips[1], boot: true}) })(t)
}

func TestChipWithoutALoaderIsSaid(t *testing.T) {
	inNoTime(func(t *testing.T) {
		_, err := OpenLoader(t.Context(), playROM(t, &playedROM{chip: &Chips[1], deaf: 1000}), "auto")
		if !errors.Is(err, errSilent) || !strings.Contains(err.Error(), "BOOT") {
			t.Errorf("err = %v", err)
		}
	})(t)
}

func TestSilenceInTheMiddleEnds(t *testing.T) {
	inNoTime(func(t *testing.T) {
		rom := &playedROM{chip: &Chips[1]}
		l := openROM(t, rom)
		rom.mu.Lock()
		rom.deaf = 1 << 30
		rom.mu.Unlock()
		if _, err := l.Flash(t.Context(), firmwareFor(rom.chip, 20_000), Flashing{}); !errors.Is(err, errSilent) {
			t.Errorf("err = %v", err)
		}
	})(t)
}

func TestNothingIsWrittenThatDoesNotFit(t *testing.T) {
	esp8266, esp32 := &Chips[0], &Chips[1]
	for name, c := range map[string]struct {
		rom  *playedROM
		file Firmware
		says string
	}{
		"for another chip":      {&playedROM{chip: esp32}, firmwareFor(&Chips[4], 20_000), "esp32c3"},
		"ESP32's on an ESP8266": {&playedROM{chip: esp8266}, firmwareFor(esp32, 20_000), "another chip"},
		"ESP8266's on an ESP32": {&playedROM{chip: esp32}, firmwareFor(esp8266, 20_000), "another chip"},
		"no firmware":           {&playedROM{chip: esp32}, Firmware(strings.Repeat("PK", 1000)), "no firmware"},
		"too large":             {&playedROM{chip: esp32, flash: newFlash(256 << 10), power: 18}, firmwareFor(esp32, 256<<10), "256 kB"},
	} {
		t.Run(name, inNoTime(func(t *testing.T) {
			_, err := openROM(t, c.rom).Flash(t.Context(), c.file, Flashing{Erase: true})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("err = %v", err)
			}
			if bytes.Count(c.rom.flash, []byte{0xa5}) != len(c.rom.flash) {
				t.Error("the flash was touched")
			}
		}))
	}
}

func TestWrongAndUnknownChipsAreRefused(t *testing.T) {
	for _, c := range []struct {
		rom  *playedROM
		ask  string
		says string
	}{
		{&playedROM{chip: &Chips[1]}, "esp8266", "is esp32, not esp8266"},
		{&playedROM{chip: &Chips[1]}, "esp99", "no chip"},
		{&playedROM{chip: &Chip{Name: "new", id: 99, magic: []uint32{77}}}, "auto", "not known"},
	} {
		t.Run(c.ask, inNoTime(func(t *testing.T) {
			if _, err := OpenLoader(t.Context(), playROM(t, c.rom), c.ask); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("err = %v", err)
			}
		}))
	}
}

func TestLaterChipIsKnownByItsWord(t *testing.T) {
	inNoTime(func(t *testing.T) {
		if l := openROM(t, &playedROM{chip: &Chips[4], magic: 0x12345}); l.Chip() != "esp32c3" {
			t.Errorf("found %s", l.Chip())
		}
	})(t)
}

func TestRateChangesOnBothSides(t *testing.T) {
	eachChip(t, func(t *testing.T, c *Chip) {
		rom := &playedROM{chip: c}
		l := openROM(t, rom)
		err := l.SetRate(t.Context(), 460800)
		if (err != nil) != c.old {
			t.Fatalf("err = %v", err)
		}
		f := firmwareFor(c, 10_000)
		if _, err := l.Flash(t.Context(), f, Flashing{}); err != nil {
			t.Fatal(err)
		}
		rom.onFlash(t, f)
	})
}

func TestOldROMErasesEnough(t *testing.T) {
	for offset := uint32(0); offset < 40; offset++ {
		for size := uint32(1); size < 80; size++ {
			ask := eraseOld(offset*sector, size*sector) / sector
			head := 16 - offset%16
			if got := min(head, ask) + ask; got < size || got > size+1 {
				t.Fatalf("at sector %d: %d erased of %d", offset, got, size)
			}
		}
	}
}

func TestPacketsAreThoseOfTheDocument(t *testing.T) {
	sync, _ := hex.DecodeString("c000082400000000000707122055555555555555555555555555555555555555555555555555555555555555" + "55c0")
	data := append([]byte{7, 7, 0x12, 0x20}, bytes.Repeat([]byte{0x55}, 32)...)
	if got := request(syncUp, 0, data); !bytes.Equal(got, sync) {
		t.Errorf("SYNC is\n%x, want\n%x", got, sync)
	}
	if got := hex.EncodeToString(request(readReg, 0, words(0x3ff40014))); got != "c0000a0400000000001400f43fc0" {
		t.Errorf("READ_REG is %s", got)
	}
	packet, _, err := cutSLIP([]byte("\xc0\x01\x0a\x02\x00\x62\x01\x00\x00\x00\x00\xc0"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := parseResponse(packet)
	if err != nil || r.command != readReg || r.value != 0x162 {
		t.Errorf("response %+v, %v", r, err)
	}
}

func FuzzCutSLIP(f *testing.F) {
	f.Add([]byte("boot\xc0\x01\x08\xdb\xdc\xdb\xdd\xc0\xc0\x02\xc0"))
	f.Add([]byte("\xc0\xdb\x00\xc0"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for range len(in) + 1 {
			packet, rest, err := cutSLIP(in)
			if packet == nil && err == nil {
				return
			}
			if len(rest) >= len(in) {
				t.Fatalf("%x: nothing was taken", in)
			}
			if err == nil && len(packet) > 0 {
				again, left, err := cutSLIP(appendSLIP(nil, packet))
				if err != nil || !bytes.Equal(again, packet) || len(left) > 0 {
					t.Fatalf("%x came back as %x, %v", packet, again, err)
				}
				if r, err := parseResponse(packet); err == nil {
					_, _ = r.split(32)
					_, _ = r.split(0)
				}
			}
			in = rest
		}
		t.Fatal("no end")
	})
}
