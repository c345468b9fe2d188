package device_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/roost-iot/roost/device"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/wire/agent"
	"github.com/roost-iot/roost/wire/romfs"
)

// Runtimes that lie in the ROM of a board: a third of it each, the factory's first.

const romPart = micropython.ROMSize / 3 / 4096 * 4096

// romImage is slotRuntime as a release for such a board has it.
func romImage(t testing.TB, version string) map[string]string {
	t.Helper()
	return map[string]string{"rt.rom": romOf(t, slotRuntime(t, version))}
}

// romOf is an image of files.
func romOf(t testing.TB, files map[string]string) string {
	t.Helper()
	in := map[string][]byte{}
	for name, text := range files {
		in[name] = []byte(text)
	}
	image, err := romfs.Image(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(image)
}

// newROMRig is newSlotRig with the factory's runtime in ROM.
func newROMRig(t testing.TB) *slotRig {
	t.Helper()
	r := newSlotRig(t)
	for name := range slotRuntime(t, "1") {
		r.flash.RemoveFile("/_f/" + name)
	}
	r.rom = micropython.NewROM(0, []byte(romImage(t, "1")["rt.rom"]))
	return r
}

// grownROM is grown with its runtimes in ROM.
func grownROM(t testing.TB) *slotRig {
	t.Helper()
	r := newROMRig(t)
	r.offer("os", "2", romImage(t, "2"))
	wantLines(t, r.errand("install"), "runtime 1", "app none", "installed")
	wantLines(t, r.errand("confirm-os"), "runtime 2", "confirmed True")
	r.offer("app", "1", slotApp("1"))
	wantLines(t, r.errand("install"), "runtime 2", "app none", "installed")
	wantLines(t, r.errand("confirm-app"), "runtime 2", "app 1", "confirmed True")
	return r
}

func TestRuntimesInROMAreRefused(t *testing.T) {
	needVM(t)
	rig := newROMRig(t)
	factory := string(rig.rom.Bytes()[:romPart])
	for name, c := range map[string]struct {
		rig    *slotRig
		faults string
		files  map[string]string
		says   string
	}{
		"files":               {rig, "", slotRuntime(t, "2"), "refused: the runtime lies in ROM here"},
		"an image, to files":  {newSlotRig(t), "", romImage(t, "2"), "refused: the runtime lies in files here"},
		"one that is too big": {rig, "", map[string]string{"rt.rom": strings.Repeat("x", romPart+1)}, fmt.Sprintf("refused: the ROM has %d bytes for it", romPart)},
		"another content":     {rig, "other\nother", romImage(t, "2"), "held: another content came than the release says"},
		"more":                {rig, "more", romImage(t, "2"), "held: more came than the release says"},
		"less, for ever":      {rig, strings.Repeat("cut 0\n", 9), romImage(t, "2"), "held: [Errno 104] ECONNRESET"},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.rig.copied()
			r.t = t
			r.offer("os", "2", c.files)
			r.put("/srv/faults", c.faults)
			wantLines(t, r.errand("install"), "runtime 1", c.says)
			wantLines(t, r.put("/srv/faults", "").errand("state"), "runtime 1")
			if r.rom != nil && string(r.rom.Bytes()[:romPart]) != factory {
				t.Error("the factory's runtime has changed")
			}
		})
	}
}

// What came before a fault is not fetched again, but for the sector in which it ended.
func TestRuntimeInROMGoesOnWhereItWas(t *testing.T) {
	needVM(t)
	r := newROMRig(t)
	r.offer("os", "2", romImage(t, "2"))
	r.put("/srv/faults", "cut 9000\ncut 100\ncut 5000").put("/srv/asked", "1")
	wantLines(t, r.errand("install"), "installed", "asked [0, 8192, 8192, 12288]")
	wantLines(t, r.errand("confirm-os"), "runtime 2", "confirmed True")
}

func TestRuntimesInROMThatDoNotWorkGoBack(t *testing.T) {
	needVM(t)
	r := grownROM(t)
	files := slotRuntime(t, "3")
	files["ver_a.py"] = "raise ValueError('on purpose')\n"
	r.offer("os", "3", map[string]string{"rt.rom": romOf(t, files)})
	wantLines(t, r.errand("install"), "runtime 2", "installed")
	for range 3 {
		wantLines(t, r.errand(""), "failed ValueError('on purpose',)")
	}
	wantLines(t, r.errand(""), "runtime 2", "app 1")
	// what is no image any more: the factory's, which takes updates
	for part := 1; part < 3; part++ {
		r.rom.Put(part*romPart, make([]byte, 4096))
	}
	wantLines(t, r.errand("state"), "runtime 1", "app 1")
	r.put("/_s/os", "{")
	r.offer("os", "4", romImage(t, "4"))
	wantLines(t, r.errand("install"), "runtime 1", "installed")
	wantLines(t, r.errand("confirm-os"), "runtime 4", "app 1", "confirmed True")
}

// romWhole is the lean runtime as an image, compiled once.
var romWhole = sync.OnceValues(func() ([]byte, error) {
	c, err := micropython.NewCompiler(context.Background())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return device.ROM(context.Background(), c.Compile)
})

// romRelease is the lean runtime as a board with a ROM gets it.
func romRelease(t *testing.T, version string) desk.Release {
	t.Helper()
	image, err := romWhole()
	if err != nil {
		t.Fatal(err)
	}
	files, err := romfs.Files(image)
	if err != nil {
		t.Fatal(err)
	}
	delete(files, "rt/__init__.mpy")
	files["rt/__init__.py"] = []byte(fmt.Sprintf("VERSION = %q\n", version))
	if image, err = romfs.Image(files); err != nil {
		t.Fatal(err)
	}
	return desk.Runtime(version, map[string]string{"rt.rom": string(image)})
}

// An ESP8266 with the runtime in its ROM: over the line, by all of it.
func TestBoardWithROM(t *testing.T) {
	needVM(t)
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{ROM: micropython.NewROM(0, nil), App: coreCounter(1), Settings: map[string]any{"setup_at_start": 0}})
	v := coreWait(t, b.Thing(), "the app", func(v desk.View) bool { return len(v.Messages()) == 1 })
	if r := v.Register; r.ROM != romPart || r.Platform != "esp8266" || r.Profile != "lean" || r.Slots.OS.From != "factory" {
		t.Errorf("registered %+v", r)
	}
	for i, version := range []string{"1.0.1", "1.0.2"} {
		coreOffer(t, b.Thing(), romRelease(t, version))
		v = coreWait(t, b.Thing(), "runtime "+version, func(v desk.View) bool { return v.Reported("os", version, agent.Confirmed) && v.OS() == version })
		if want := []string{"_a", "_b"}[i%2]; v.Slots.OS.Run != want || v.App() != "1" {
			t.Errorf("slot %+v, app %s", v.Slots.OS, v.App())
		}
		if a := sends(t, b, "shell", "len(__import__('_timer')._running)"); string(a.Body) != `"1\n"` {
			t.Errorf("%s timers feed the watchdog: boot.py's is one too many", a.Body)
		}
	}
	bad := romRelease(t, "1.0.3")
	image := slices.Clone(bad.Contents["rt.rom"])
	copy(image[len(image)/2:], strings.Repeat("x", 2000)) // signed so: an image that is none
	coreOffer(t, b.Thing(), desk.Runtime("1.0.3", map[string]string{"rt.rom": string(image)}))
	coreWait(t, b.Thing(), "it returned", func(v desk.View) bool { return v.Reported("os", "1.0.3", agent.Returned) && v.OS() == "1.0.2" })
	v = b.Thing().View()
	if p := v.Progress[slices.IndexFunc(v.Progress, func(p agent.Progress) bool { return p.State == agent.Returned })]; !strings.Contains(p.Why, "Error") {
		t.Errorf("it told why: %q", p.Why)
	}
}

// A sound image in which there is no runtime, or only a part of one, is no more than one that fails: the next update comes.
func TestBoardLeavesImagesThatAreNoRuntime(t *testing.T) {
	needVM(t)
	for name, files := range map[string]map[string]string{
		"no rt":   {"readme.txt": "nothing"},
		"no main": {"rt/__init__.py": "VERSION = '1.0.1'\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := coreServer(t, desk.ServerConfig{})
			b := coreBoard(t, s, desk.BoardConfig{ROM: micropython.NewROM(0, nil), App: coreCounter(1), Settings: map[string]any{"setup_at_start": 0}})
			coreOffer(t, b.Thing(), desk.Runtime("1.0.1", map[string]string{"rt.rom": romOf(t, files)}))
			v := coreWait(t, b.Thing(), "it returned", func(v desk.View) bool { return v.Reported("os", "1.0.1", agent.Returned) })
			if i := slices.IndexFunc(v.Progress, func(p agent.Progress) bool { return p.State == agent.Returned }); v.Progress[i].Why == "" || v.Slots.OS.Try != nil {
				t.Errorf("%+v in %+v", v.Progress[i], v.Slots.OS)
			}
			coreOffer(t, b.Thing(), romRelease(t, "1.0.2"))
			coreWait(t, b.Thing(), "the next", func(v desk.View) bool { return v.Reported("os", "1.0.2", agent.Confirmed) && v.App() == "1" })
		})
	}
}
