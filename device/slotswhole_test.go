package device_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost/device"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/wire/agent"
)

// slotGrown gives the flash of a board that runs app 1 by the whole runtime, as it is when the power goes.
func slotGrown(t *testing.T, rom *micropython.ROM) *micropython.Flash {
	t.Helper()
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(1), ROM: rom})
	coreWait(t, b.Thing(), "the first app", func(v desk.View) bool { return len(v.Messages()) == 1 })
	if err := b.Stop(); err != nil {
		t.Fatal(err)
	}
	return b.Flash().Copy()
}

// slotCutWhole updates a board by the whole runtime, and cuts the power at the n-th change that counts. It tells
// whether there was one, and fails unless the board comes back with an app that runs, and to the update.
func slotCutWhole(t *testing.T, flash *micropython.Flash, rom *micropython.ROM, r desk.Release, n int, how micropython.Cut) bool {
	t.Helper()
	s := coreServer(t, desk.ServerConfig{})
	flash = flash.Copy()
	if rom != nil {
		rom = micropython.NewROM(0, rom.Bytes())
	}
	seen, at := 0, ""
	flash.Before = func(change, name string) error {
		if slotCounts(change, name) {
			if seen++; seen == n {
				at = change + " " + name
				flash.Cut(1, how)
			}
		}
		return nil
	}
	b, err := desk.NewBoard(desk.BoardConfig{Server: s, Flash: flash, ROM: rom})
	if err != nil {
		t.Fatal(err)
	}
	coreOffer(t, b.Thing(), r)
	defer func() { _ = b.Stop() }()
	b.Start()
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	done := func(v desk.View) bool { return v.Reported(r.Kind, r.Ver, agent.Confirmed) }
	whole := make(chan struct{})
	go func() {
		defer close(whole)
		_, _ = b.Thing().Wait(ctx, "it confirmed", done)
	}()
	select {
	case <-b.Off():
		if err := b.Stop(); !errors.Is(err, micropython.ErrPowerCut) {
			t.Fatalf("the board ended: %v\n%s", err, b.Console())
		}
	case <-whole:
		cancel()
		return false
	case <-ctx.Done():
		t.Fatalf("neither a power cut nor an update: %s", b.Console())
	}
	told := len(b.Thing().View().Messages())
	b.Start()
	v, err := b.Thing().Wait(ctx, "the app again", func(v desk.View) bool { return len(v.Messages()) > told })
	if err != nil {
		t.Fatalf("without a running app after the cut at %s: %v\n%s", at, err, b.Console())
	}
	if v.App() != "1" && v.App() != r.Ver {
		t.Fatalf("after the cut at %s app %q runs", at, v.App())
	}
	runs := func(v desk.View) bool {
		slot := v.Slots.App
		if r.Kind == agent.KindOS {
			slot = v.Slots.OS
		}
		return slot.Ver == r.Ver && slot.Try == nil
	}
	if _, err := b.Thing().Wait(ctx, "the new version, confirmed", runs); err != nil {
		t.Fatalf("after the cut at %s: %v\n%s", at, err, b.Console())
	}
	cancel()
	<-whole
	return true
}

// slotCounts tells which changes are worth a power cut: all of the states, and of the files of slots those that
// are alike only now and then.
func slotCounts(change, name string) bool {
	switch {
	case strings.HasPrefix(name, "/_s/"):
		return true
	case strings.HasPrefix(name, "/_a/rt/"), strings.HasPrefix(name, "/_b/rt/"):
		return strings.Contains(name, "link.py") || strings.Contains(name, "slots.py")
	}
	return strings.HasPrefix(name, "/_") || name == "rom" && change == "erase"
}

// TestPowerCutsOfTheWholeRuntime is TestPowerCutsLeaveAWholeVersion with all that a board does, over the line.
func TestPowerCutsOfTheWholeRuntime(t *testing.T) {
	needVM(t)
	in := micropython.NewROM(0, nil)
	flash, beside := slotGrown(t, nil), slotGrown(t, in)
	cuts := 0
	for kind, r := range map[string]desk.Release{"app": desk.App("2", coreCounter(2)), "runtime": coreRuntime(t, "1.0.1", nil), "runtime in ROM": romRelease(t, "1.0.1")} {
		t.Run(kind, func(t *testing.T) {
			step, flash, rom := 3*slotSparse, flash, (*micropython.ROM)(nil)
			switch kind {
			case "runtime":
				step = 5 * slotSparse
			case "runtime in ROM":
				step, flash, rom = 11*slotSparse, beside, in
			}
			for n := 1; slotCutWhole(t, flash, rom, r, n, micropython.Cut(n%3)); n += step {
				cuts++
			}
		})
	}
	t.Logf("power cuts: %d; boards without a running app: 0", cuts)
	if cuts < 12/slotSparse {
		t.Errorf("%d cuts only", cuts)
	}
}

// TestAppsThatTakeAllMemoryGoBack goes on from TestAppThatFailsInItsTrialGoesBack.
func TestAppsThatTakeAllMemoryGoBack(t *testing.T) {
	for name, app := range map[string]string{
		"at import": "x = []\nwhile True: x.append(bytearray(100000))\n",
		"later":     "import asyncio\nasync def run():\n    await asyncio.sleep(20)\n    x = bytearray(1 << 30)\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := coreServer(t, desk.ServerConfig{})
			b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(1)})
			coreWait(t, b.Thing(), "the first app", func(v desk.View) bool { return len(v.Messages()) == 1 })
			coreOffer(t, b.Thing(), desk.App("2", map[string]string{"app.py": app}))
			v := coreWait(t, b.Thing(), "it returned", func(v desk.View) bool {
				return v.Reported("app", "2", agent.Returned) && v.App() == "1" && len(v.Messages()) > 1
			})
			if !slices.Contains(v.Slots.App.Bad, "2") || len(v.Crashes) == 0 {
				t.Errorf("slot %+v, %d crashes", v.Slots.App, len(v.Crashes))
			}
			// what failed here is not taken again, whoever offers it
			coreOffer(t, b.Thing(), desk.App("2", map[string]string{"app.py": "print('better')\n"}))
			v = coreWait(t, b.Thing(), "it refused", func(v desk.View) bool { return v.Reported("app", "2", agent.Refused) })
			why := v.Progress[slices.IndexFunc(v.Progress, func(p agent.Progress) bool { return p.State == agent.Refused })].Why
			if why != "this version failed here" {
				t.Errorf("it said %q", why)
			}
		})
	}
}

// TestNewRuntimeThatHangsGoesBack: boot.py's own watchdog ends what hangs before the runtime has one.
func TestNewRuntimeThatHangsGoesBack(t *testing.T) {
	needVM(t)
	boot, err := os.ReadFile("boot.py")
	if err != nil {
		t.Fatal(err)
	}
	const spins, waits = "while True: pass\n", "import time\nwhile True: time.sleep(1)\n"
	for name, c := range map[string]struct {
		rom       bool
		hang      string
		old, less string // what of boot.py is put otherwise, so that it takes less time
	}{
		"in files":           {false, spins, "timeout=300000", "timeout=1500"},
		"in ROM":             {true, spins, "machine.WDT()", "machine.WDT(timeout=1500)"},
		"in ROM, and waits":  {true, waits, "machine.WDT()", "machine.WDT(timeout=1500)"}, // fed for five minutes, which pass at once
		"fed as on a Pico W": {true, spins, `sys.platform == "rp2" else machine.WDT()`, `True else None`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			quick := strings.Replace(string(boot), c.old, c.less, 1)
			if quick == string(boot) {
				t.Fatalf("boot.py has no %s", c.old)
			}
			quick = strings.Replace(quick, "timeout=8300", "timeout=1500", 1)
			r, files := newSlotRig(t), slotRuntime(t, "2")
			if c.rom {
				r = newROMRig(t)
			}
			files["ver_a.py"] = c.hang
			if c.rom {
				files = map[string]string{"rt.rom": romOf(t, files)}
			}
			r.put("/boot.py", quick).offer("os", "2", files)
			wantLines(t, r.errand("install"), "runtime 1", "installed")
			// one switching on: three trials, each ended by the watchdog
			wantLines(t, r.errand("state"), "runtime 1", "app none")
			state, _ := r.flash.ReadFile("/_s/os")
			if !strings.Contains(string(state), `"bad": ["2"]`) {
				t.Errorf("the state is %s", state)
			}
		})
	}
}

func TestNewRuntimeThatHangsOnAComputerGoesBack(t *testing.T) {
	boot, err := os.ReadFile("boot.py")
	if err != nil {
		t.Fatal(err)
	}
	quick := strings.Replace(string(boot), "alarm(300)", "alarm(1)", 1)
	if quick == string(boot) {
		t.Fatal("boot.py sets no alarm")
	}
	thing, _ := coreLinux(t, coreCounter(1)["app.py"], httptest.NewServer, map[string]string{"boot.py": quick})
	coreWait(t, thing, "the first app", func(v desk.View) bool { return len(v.Messages()) == 1 })
	coreOffer(t, thing, pythonRuntime(t, "1.0.8", map[string]string{"rt/main.py": "while True: pass\n"}))
	v := coreWait(t, thing, "it returned", func(v desk.View) bool { return v.Reported("os", "1.0.8", agent.Returned) && len(v.Messages()) > 1 })
	if !slices.Contains(v.Slots.OS.Bad, "1.0.8") {
		t.Errorf("slot %+v", v.Slots.OS)
	}
}

// TestSlotsWithoutARuntimeAreLeft: the factory's is not taken for what is on trial.
func TestSlotsWithoutARuntimeAreLeft(t *testing.T) {
	needVM(t)
	for name, r := range map[string]*slotRig{"in files": newSlotRig(t), "in ROM": newROMRig(t)} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			files := map[string]string{"ver_a.py": "V = '2'\n", "ver_b.py": "V = '2'\n"}
			next := slotRuntime(t, "3")
			if r.rom != nil {
				files, next = map[string]string{"rt.rom": romOf(t, files)}, romImage(t, "3")
			}
			r.offer("os", "2", files)
			wantLines(t, r.errand("install"), "runtime 1", "installed")
			wantLines(t, r.errand("state"), "runtime 1")
			if state, _ := r.flash.ReadFile("/_s/os"); !strings.Contains(string(state), `"bad": ["2"]`) || strings.Contains(string(state), "try") {
				t.Errorf("the state is %s", state)
			}
			r.offer("os", "3", next)
			wantLines(t, r.errand("install"), "runtime 1", "installed")
			wantLines(t, r.errand("confirm-os"), "runtime 3", "confirmed True")
		})
	}
}

// TestNoRuntimeLeftButTheFactorys: both slots are damaged behind the state's back; the factory's comes to Roost
// and is mended from there.
func TestNoRuntimeLeftButTheFactorys(t *testing.T) {
	s := coreServer(t, desk.ServerConfig{})
	state := `{"run":"_a","ver":"1.0.1","prev":"_b","pver":"1.0.0","bad":[],"n":0}`
	b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(1), Files: map[string]string{
		"_s/os": state, "_a/rt/__init__.py": "VERSION = '1.0.1'\n", "_a/_r": "[1, []]\n{}", "_b/rt/__init__.py": "def (", "_b/_r": "x",
	}})
	v := coreWait(t, b.Thing(), "the factory's", func(v desk.View) bool { return v.Syncs > 0 && len(v.Messages()) > 0 })
	if v.Slots.OS.From != "factory" || !slices.Contains(v.Slots.OS.Bad, "1.0.1") {
		t.Errorf("slot %+v", v.Slots.OS)
	}
	coreOffer(t, b.Thing(), coreRuntime(t, "1.0.2", nil))
	coreWait(t, b.Thing(), "the mended runtime", func(v desk.View) bool { return v.Reported("os", "1.0.2", agent.Confirmed) })
}

// TestFullFlashIsTold: an update that has no room waits, with its reason, and the app runs on.
func TestFullFlashIsTold(t *testing.T) {
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(1)})
	coreWait(t, b.Thing(), "the first app", func(v desk.View) bool { return len(v.Messages()) == 1 })
	coreOffer(t, b.Thing(), desk.App("2", map[string]string{"app.py": "x = 1\n", "big.bin": strings.Repeat("0123456789", 250_000)}))
	v := coreWait(t, b.Thing(), "that it waits", func(v desk.View) bool { return v.Reported("app", "2", agent.Held) })
	if why := v.Progress[len(v.Progress)-1].Why; why != "there is no room" || v.App() != "1" || v.Boots != 1 {
		t.Errorf("%q, app %s, %d boots", why, v.App(), v.Boots)
	}
	coreOffer(t, b.Thing(), desk.App("3", coreCounter(3)))
	coreWait(t, b.Thing(), "a smaller one", func(v desk.View) bool { return v.Reported("app", "3", agent.Confirmed) })
}

// TestRuntimeComesBeforeTheApp: both wait.
func TestRuntimeComesBeforeTheApp(t *testing.T) {
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(1)})
	next := desk.App("2", coreCounter(2))
	next.MinOS = "9.0.1"
	coreOffer(t, b.Thing(), next)
	coreOffer(t, b.Thing(), coreRuntime(t, "9.0.1", nil))
	v := coreWait(t, b.Thing(), "both confirmed", func(v desk.View) bool {
		return v.Reported("os", "9.0.1", agent.Confirmed) && v.Reported("app", "2", agent.Confirmed)
	})
	var order []string
	for _, p := range v.Progress {
		if p.State == agent.Installed {
			order = append(order, p.Kind)
		}
	}
	if !slices.Equal(order, []string{"os", "app"}) {
		t.Errorf("installed in the order %q: %+v", order, v.Progress)
	}
}

// TestClockThatIsWrong: a board takes the time from Roost, however wrong either is, and updates go on.
func TestClockThatIsWrong(t *testing.T) {
	var now atomic.Int64
	now.Store(1_800_000_000)
	s := coreServer(t, desk.ServerConfig{Now: func() time.Time { return time.Unix(now.Load(), 0) }})
	b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(1)})
	coreWait(t, b.Thing(), "the first app", func(v desk.View) bool { return len(v.Messages()) == 1 })
	for i, year := range []int{2000, 2038, 2027} {
		now.Store(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Unix())
		s.Forget() // the next hello tells the time
		ver := fmt.Sprint(i + 2)
		coreOffer(t, b.Thing(), desk.App(ver, coreCounter(i+2)))
		coreWait(t, b.Thing(), "version "+ver, func(v desk.View) bool { return v.Reported("app", ver, agent.Confirmed) })
	}
}

// TestLeanRuntimeIsUpdated: the offer of a whole runtime is as long as a lean board's answers may be.
func TestLeanRuntimeIsUpdated(t *testing.T) {
	files, err := device.Files("lean")
	if err != nil {
		t.Fatal(err)
	}
	slot := map[string]string{}
	for name, text := range files {
		if rest, ok := strings.CutPrefix(name, "_f/"); ok {
			slot[rest] = text
		}
	}
	slot["rt/__init__.py"] = "VERSION = '1.0.1'\n"
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(1), Profile: "lean"})
	coreOffer(t, b.Thing(), desk.Runtime("1.0.1", slot))
	v := coreWait(t, b.Thing(), "it confirmed", func(v desk.View) bool { return v.Reported("os", "1.0.1", agent.Confirmed) })
	if v.OS() != "1.0.1" || v.App() != "1" {
		t.Errorf("runtime %s, app %s", v.OS(), v.App())
	}
}
