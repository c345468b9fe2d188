package device_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost/device"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/wire/agent"
)

// coreRuntime is a release of the runtime with some files other than they are.
func coreRuntime(t *testing.T, version string, other map[string]string) desk.Release {
	t.Helper()
	release := runtimeFiles(t, "full", version)
	maps.Copy(release, other)
	return desk.Runtime(version, release)
}

// runtimeFiles are the runtime's files as a release of another version has them.
func runtimeFiles(t *testing.T, profile, version string) map[string]string {
	t.Helper()
	files, err := device.Files(profile)
	if err != nil {
		t.Fatal(err)
	}
	release := map[string]string{}
	for name, text := range files {
		if rest, ok := strings.CutPrefix(name, "_f/"); ok {
			release[rest] = text
		}
	}
	release["rt/__init__.py"] = `VERSION = "` + version + "\"\n"
	return release
}

func coreOffer(t *testing.T, thing *desk.Thing, r desk.Release) {
	t.Helper()
	if err := thing.Offer(r); err != nil {
		t.Fatal(err)
	}
}

func TestAppIsUpdatedTriedAndConfirmed(t *testing.T) {
	for _, profile := range []string{"full", "lean"} {
		t.Run(profile, func(t *testing.T) {
			s := coreServer(t, desk.ServerConfig{})
			b := coreBoard(t, s, desk.BoardConfig{Profile: profile, App: coreCounter(1)})
			coreWait(t, b.Thing(), "the first app", func(v desk.View) bool { return len(v.Messages()) == 1 })
			coreOffer(t, b.Thing(), desk.App("2", coreCounter(2)))
			v := coreWait(t, b.Thing(), "it confirmed", func(v desk.View) bool { return v.Reported("app", "2", agent.Confirmed) })
			if v.App() != "2" || v.Slots.App.Ver != "2" || v.Slots.App.Try != nil || !v.Reported("app", "2", agent.Installed) {
				t.Errorf("%+v, %+v", v.Slots.App, v.Progress)
			}
			if v.Register.Reset != "planned" || v.Register.Why != "update" {
				t.Errorf("the last boot was %q, %q", v.Register.Reset, v.Register.Why)
			}
		})
	}
}

// coreHang keeps all else from running.
const coreHang = "import time\nwhile True: time.sleep(1)\n"

func TestAppThatFailsInItsTrialGoesBack(t *testing.T) {
	for name, app := range map[string]string{
		"import": "import nothing_like_that\n",
		"raises": "async def run():\n    raise ValueError('on purpose')\n",
		"resets": "import machine\nmachine.reset()\n",
		"hangs":  coreHang,
		"exits":  "raise SystemExit\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := coreServer(t, desk.ServerConfig{})
			b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(1), Settings: map[string]any{"watchdog": 10}})
			coreWait(t, b.Thing(), "the first app", func(v desk.View) bool { return len(v.Messages()) == 1 })
			coreOffer(t, b.Thing(), desk.App("2", map[string]string{"app.py": app}))
			v := coreWait(t, b.Thing(), "it returned", func(v desk.View) bool {
				return v.Reported("app", "2", agent.Returned) && v.App() == "1" && len(v.Messages()) > 1
			})
			if !slices.Contains(v.Slots.App.Bad, "2") || v.Boots < 5 {
				t.Errorf("%d boots, slot %+v", v.Boots, v.Slots.App)
			}
		})
	}
}

func TestRuntimeIsUpdatedTriedAndConfirmed(t *testing.T) {
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(1)})
	coreOffer(t, b.Thing(), coreRuntime(t, "1.0.1", nil))
	v := coreWait(t, b.Thing(), "it confirmed", func(v desk.View) bool { return v.Reported("os", "1.0.1", agent.Confirmed) })
	if v.OS() != "1.0.1" || v.Slots.OS.Run != "_a" || v.App() != "1" {
		t.Errorf("%q, %+v", v.OS(), v.Slots.OS)
	}
}

func TestRuntimeThatDoesNotWorkGoesBack(t *testing.T) {
	for name, other := range map[string]map[string]string{
		"syntax":      {"rt/main.py": "def (:\n"},
		"line":        {"rt/link.py": "raise ValueError('on purpose')\n"},
		"no register": {"rt/sync.py": "async def register(link):\n    raise OSError(5)\nsync = settings = register\n"},
		"resets":      {"rt/link.py": "import machine\nmachine.reset()\n"},
		"ends":        {"rt/main.py": "def main():\n    pass\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := coreServer(t, desk.ServerConfig{})
			b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(1)})
			coreWait(t, b.Thing(), "the first app", func(v desk.View) bool { return len(v.Messages()) == 1 })
			coreOffer(t, b.Thing(), coreRuntime(t, "1.0.1", other))
			v := coreWait(t, b.Thing(), "it returned", func(v desk.View) bool {
				return v.Reported("os", "1.0.1", agent.Returned) && v.OS() == device.Version() && len(v.Messages()) > 1
			})
			if !slices.Contains(v.Slots.OS.Bad, "1.0.1") || v.Slots.OS.From != "factory" {
				t.Errorf("slot %+v", v.Slots.OS)
			}
		})
	}
}

// One part that is broken does not keep a board from being mended.
func TestBrokenPartsLeaveTheLineStanding(t *testing.T) {
	for _, part := range []string{"apps", "net", "want"} {
		t.Run(part, func(t *testing.T) {
			s := coreServer(t, desk.ServerConfig{})
			b := coreBoard(t, s, desk.BoardConfig{
				App: coreCounter(1), Files: map[string]string{"_f/rt/" + part + ".py": "raise RuntimeError('broken on purpose')\n"},
			})
			coreWait(t, b.Thing(), "a sync", func(v desk.View) bool { return v.Syncs > 0 })
			coreOffer(t, b.Thing(), coreRuntime(t, "1.0.1", nil))
			coreWait(t, b.Thing(), "the mended runtime", func(v desk.View) bool { return v.OS() == "1.0.1" })
		})
	}
}

// An app that breaks the board again and again is left alone, and told of, until another version comes.
func TestSafeModeLeavesTheAppAlone(t *testing.T) {
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{App: map[string]string{"app.py": "import asyncio, machine\nasync def run():\n    await asyncio.sleep(5)\n    machine.reset()\n"}})
	v := coreWait(t, b.Thing(), "safe mode", func(v desk.View) bool {
		return slices.ContainsFunc(v.Logs(), func(l string) bool { return strings.Contains(l, "Safe mode") })
	})
	if v.Boots != 4 || v.Register.Reset != "crash" {
		t.Errorf("%d boots, the last after %q", v.Boots, v.Register.Reset)
	}
	coreOffer(t, b.Thing(), desk.App("2", coreCounter(2)))
	coreWait(t, b.Thing(), "the mended app", func(v desk.View) bool { return v.App() == "2" && len(v.Messages()) == 2 })
}

// An update goes on where it was cut, also over lost sessions.
func TestUpdatesGoOnAfterFaults(t *testing.T) {
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(1)})
	coreWait(t, b.Thing(), "the first app", func(v desk.View) bool { return len(v.Messages()) == 1 })
	n := 0
	s.Break(func(r *http.Request) desk.Fault {
		if !strings.HasPrefix(r.URL.Path, agent.PathFiles) {
			return desk.Fault{}
		}
		switch n++; n {
		case 1, 2, 3:
			return desk.Fault{Cut: 3000}
		case 4:
			return desk.Fault{Status: 401}
		}
		return desk.Fault{}
	})
	big := coreCounter(2)
	big["data.py"] = "x = '" + strings.Repeat("0123456789", 2500) + "'\n"
	coreOffer(t, b.Thing(), desk.App("2", big))
	coreWait(t, b.Thing(), "it confirmed", func(v desk.View) bool { return v.Reported("app", "2", agent.Confirmed) })
}

// The app runs on while Roost is away; what it says in the meantime comes later.
func TestAppRunsWithoutRoost(t *testing.T) {
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(100)})
	coreWait(t, b.Thing(), "messages", func(v desk.View) bool { return len(v.Messages()) > 3 })
	s.Break(func(*http.Request) desk.Fault { return desk.Fault{Cut: -1} })
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	if err := b.Printed(ctx, "counted to 100"); err != nil {
		t.Fatal(err)
	}
	s.Break(nil)
	v := coreWait(t, b.Thing(), "the last message, and how many were lost", func(v desk.View) bool {
		return slices.Contains(v.Messages(), "100") && slices.ContainsFunc(v.Logs(), func(l string) bool { return strings.Contains(l, "entries were dropped") })
	})
	if v.Boots != 1 || v.Doubled != 0 {
		t.Errorf("%d boots, %d doubled", v.Boots, v.Doubled)
	}
}

// An app that was confirmed and takes the line away from its start on, by whatever means: the line comes back.
func TestAppThatTakesTheLineAwayIsLeftAlone(t *testing.T) {
	b := coreBoard(t, coreServer(t, desk.ServerConfig{}), desk.BoardConfig{App: map[string]string{"app.py": `
from rt import link
async def broken(*all):
    raise OSError("the app has it")
link.Link.sealed = broken
`}})
	v := coreWait(t, b.Thing(), "safe mode", func(v desk.View) bool {
		return slices.ContainsFunc(v.Logs(), func(l string) bool { return strings.Contains(l, "Safe mode") })
	})
	if len(v.Crashes) != 3 || v.Crashes[0].Part != "app" || !strings.Contains(v.Crashes[0].Text, "Roost cannot be reached") {
		t.Errorf("told %+v", v.Crashes)
	}
	if a := sends(t, b, "shell", "6 * 7"); !a.OK {
		t.Errorf("answered %+v", a)
	}
}

// What ends the runtime while an app runs counts for the app; the runtime stays.
func TestEndOfTheRuntimeByItsAppIsTheApps(t *testing.T) {
	b := coreBoard(t, coreServer(t, desk.ServerConfig{}), desk.BoardConfig{App: map[string]string{"app.py": `
from rt import main
def watch(self):
    raise MemoryError("all is the app's")
main.Guard.watch = watch
`}, Files: map[string]string{"_s/os": `{"run":"","ver":"","prev":"","pver":"","bad":[],"n":0}`}})
	v := coreWait(t, b.Thing(), "safe mode", func(v desk.View) bool {
		return slices.ContainsFunc(v.Logs(), func(l string) bool { return strings.Contains(l, "Safe mode") })
	})
	if len(v.Crashes) == 0 || v.Crashes[0].Part != "app" || v.Crashes[0].Ver != "1" {
		t.Errorf("told %+v", v.Crashes)
	}
	if _, is := b.Flash().ReadFile("/_s/fail"); is {
		t.Error("it counts for the runtime")
	}
}
