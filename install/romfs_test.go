package install

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestRuntimeFitsAnESP8266(t *testing.T) {
	good := About{Implementation: "micropython", Version: "1.28.0", FileSystem: "VfsLfs2", Platform: esp8266, Size: 2 << 20}
	with := func(change func(*About)) About { a := good; change(&a); return a }
	old := with(func(a *About) { a.Version = "1.24.1" })
	for _, c := range []struct {
		about      About
		flash, rom int64
		asked      string
		want       Fit
		says       []string
	}{
		{good, 4 << 20, 320 << 10, "auto", Fit{Profile: "lean", Image: true}, nil},
		{good, 4 << 20, 320 << 10, "lean", Fit{Profile: "lean", Image: true}, nil},
		{good, 4 << 20, 320 << 10, "full", Fit{}, []string{"does not fit"}},
		{good, 4 << 20, 0, "auto", Fit{}, []string{ROMFirmware, "--flash FILE --erase --runtime", "--flash PythingsOS_"}},
		{old, 4 << 20, 0, "auto", Fit{}, []string{"1.24.1", "1.25 or later", ROMFirmware}},
		{with(func(a *About) { a.Version = "1.11.0" }), 4 << 20, 0, "lean", Fit{}, []string{"1.22 or later"}},
		{good, 1 << 20, 0, "lean", Fit{}, []string{"2 MB or more"}},
		{with(func(a *About) { a.Size = 400 << 10 }), 0, 0, "lean", Fit{}, []string{"2 MB or more"}},
		{with(func(a *About) { a.FileSystem = "VfsFat" }), 4 << 20, 320 << 10, "auto", Fit{}, []string{"littlefs"}},
	} {
		got, err := FitFor(c.about, Details{Flash: c.flash, ROM: c.rom, MPY: 6}, c.asked)
		if got != c.want || (err == nil) != (len(c.says) == 0) {
			t.Errorf("%+v, %d, %s: %+v, %v", c.about, c.rom, c.asked, got, err)
		}
		for _, words := range c.says {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%q does not say %q", err, words)
			}
		}
	}
	for _, a := range []About{good, old} { // who says lean knows it better, and is told
		got, err := FitFor(a, Details{Flash: 4 << 20, MPY: 6}, "lean")
		if err != nil || got.Profile != "lean" || got.Image || !strings.Contains(got.Warning, "61 kB") {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// anESP8266 is a played one with a partition whose old content is not erased.
func anESP8266(size int) *fakeBoard {
	return &fakeBoard{about: []string{"micropython", "1.28.0", esp8266, "ESP module with ESP8266"}, fs: "VfsLfs2", rom: bytes.Repeat([]byte{0xa5}, size)}
}

func forROM(image []byte) Runtime {
	return Runtime{Files: Files{"boot.py": []byte("# /_s/os\n"), "main.py": []byte("import rt.main\n")}, Image: image, ID: "north", Key: testKey}
}

func TestRuntimeGoesIntoThePartition(t *testing.T) {
	for _, size := range []int{1, 383, 384, 9001} {
		inNoTime(func(t *testing.T) {
			fake, c := playBoard(t, anESP8266(3*3*sector+777))
			fake.files = map[string][]byte{"_f/rt/link.mpy": []byte("of flash"), "_s/os": []byte(`{"run":"_a","n":3}`)}
			board := open(t, c)
			details, err := board.Details(t.Context())
			if err != nil || details.Part() != 3*sector {
				t.Fatalf("%+v, %v", details, err)
			}
			image := randomly(size)
			var order []string
			var last, all int64
			_, err = board.InstallRuntime(t.Context(), forROM(image), Progress{
				File: func(name string, _ int, _ bool) { order = append(order, name) },
				Sent: func(d, a int64) { last, all = d, a },
			})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(fake.rom[:size], image) || fake.rom[3*sector] != 0xa5 {
				t.Error("the first part is not as it must be, or another one was touched")
			}
			if want := []string{"_s/key", ROMName, "boot.py", "main.py"}; !slices.Equal(order, want) {
				t.Errorf("in the order %v", order)
			}
			if last != all || all < int64(size) {
				t.Errorf("progress ended at %d of %d", last, all)
			}
			if now, _ := fake.content("_s/os"); !strings.Contains(now, `"run":""`) {
				t.Errorf("the runtime that runs is %s", now)
			}
			if _, there := fake.content("_f/rt/link.mpy"); there {
				t.Error("an older runtime is still in the file system")
			}
			same := map[string]bool{}
			_, err = board.InstallRuntime(t.Context(), forROM(image), Progress{File: func(name string, _ int, is bool) { same[name] = is }})
			if err != nil || slices.Contains(slices.Collect(maps.Values(same)), false) {
				t.Errorf("again: %v, %v", same, err)
			}
		})(t)
	}
}

func TestCutImageIsNoneAndIsWrittenAnew(t *testing.T) {
	image := append([]byte("\xd2\xcd\x31"), randomly(8000)...)
	for _, after := range []int64{0, 3000, 7700} {
		part := anESP8266(9 * sector).rom
		fake, c := playBoard(t, &fakeBoard{about: anESP8266(0).about, fs: "VfsLfs2", rom: part})
		ctx, pull := context.WithCancel(t.Context())
		board := open(t, c).ready(t)
		begun := false
		_, err := board.InstallRuntime(ctx, forROM(image), Progress{
			File: func(name string, _ int, _ bool) { begun = name == ROMName },
			Sent: func(d, _ int64) {
				if begun && d > after {
					pull()
				}
			},
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cut after %d: %v", after, err)
		}
		c.Close()
		if bytes.HasPrefix(part, image[:3]) {
			t.Errorf("cut after %d bytes it passes for an image", after)
		}
		if _, there := fake.content("boot.py"); there {
			t.Errorf("cut after %d, it would start what is not there", after)
		}
		again, c := playBoard(t, &fakeBoard{about: fake.about, fs: "VfsLfs2", rom: part, files: fake.files})
		r := forROM(image)
		r.ID, r.Key = "", ""
		next := open(t, c).ready(t)
		if _, err := next.InstallRuntime(t.Context(), r, Progress{}); err != nil || !bytes.HasPrefix(part, image) {
			t.Errorf("again after %d: %v", after, err)
		}
		if key, _ := again.content("_s/key"); !strings.Contains(key, "north") {
			t.Errorf("its key is %q", key)
		}
	}
}

func TestImageThatReadsBackWrong(t *testing.T) {
	inNoTime(func(t *testing.T) {
		image := randomly(3000)
		fake, c := playBoard(t, anESP8266(9*sector))
		fake.rots = 1
		var last, all int64
		_, err := open(t, c).ready(t).InstallRuntime(t.Context(), forROM(image), Progress{Sent: func(d, a int64) { last, all = d, a }})
		if err != nil || !bytes.HasPrefix(fake.rom, image) || last != all {
			t.Errorf("a bit that fell over once: %v, %d of %d", err, last, all)
		}
		fake, c = playBoard(t, anESP8266(9*sector))
		fake.rots = 1000
		_, err = open(t, c).ready(t).InstallRuntime(t.Context(), forROM(image), Progress{})
		if !errors.Is(err, errDiffers) {
			t.Errorf("one that always falls over: %v", err)
		}
		if _, there := fake.content("boot.py"); there {
			t.Error("it would start what is broken")
		}
	})(t)
}

func TestNothingIsWrittenWhenThePartitionIsTooSmall(t *testing.T) {
	inNoTime(func(t *testing.T) {
		fake, c := playBoard(t, anESP8266(3*sector))
		_, err := open(t, c).ready(t).InstallRuntime(t.Context(), forROM(randomly(sector+1)), Progress{})
		if err == nil || !strings.Contains(err.Error(), "nothing was written") || len(fake.files) != 0 || fake.rom[0] != 0xa5 {
			t.Errorf("err = %v, files %v", err, fake.files)
		}
	})(t)
}

func TestBusyESP8266IsEmptiedFirst(t *testing.T) {
	for _, c := range []struct {
		runs, caught string
		stubborn     bool
		soft, hard   int
		says         string
	}{
		{"0", "0", false, 0, 0, ""},
		{"1", "", false, 1, 0, ""},
		{"2", "0", false, 0, 1, ""},
		{"2", "1", false, 1, 1, ""},
		{"2", "2", false, 1, 2, ""}, // caught too late the first time
		{"2", "2", true, 0, resets, "watchdog"},
	} {
		inNoTime(func(t *testing.T) {
			fake := anESP8266(9 * sector)
			fake.runs, fake.caught, fake.stubborn = c.runs, c.caught, c.stubborn
			_, line := playBoard(t, fake)
			_, err := OpenBoard(t.Context(), line)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%+v: %v", c, err)
			}
			if fake.soft != c.soft || fake.hard != c.hard {
				t.Errorf("%+v: %d soft resets, %d of the chip", c, fake.soft, fake.hard)
			}
		})(t)
	}
	inNoTime(func(t *testing.T) { // an ESP32 has the room
		fake, line := playBoard(t, &fakeBoard{runs: "2"})
		if open(t, line); fake.soft+fake.hard != 0 {
			t.Error("it was reset")
		}
	})(t)
}

func TestFirmwareWithAPartitionIsKnown(t *testing.T) {
	with := append(randomly(5000), "\x00mount\x00rom_ioctl\x00"...)
	if !HasROM(with) || HasROM(randomly(5000)) {
		t.Error("a firmware with a partition is not told from one without")
	}
}
