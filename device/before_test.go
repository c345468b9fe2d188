package device_test

import (
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/wire/agent"
)

// beforeFiles are the boot.py and main.py of things that were installed earlier: no update changes them, so
// each later runtime has to live with them.
func beforeFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{"boot.py", "main.py"} {
		text, err := os.ReadFile(filepath.Join("testdata", "before", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	return files
}

// safely tells whether a thing has said that it is in safe mode with this version of its app.
func safely(ver string) func(desk.View) bool {
	return func(v desk.View) bool {
		return slices.ContainsFunc(v.Logs(), func(l string) bool { return strings.Contains(l, "Safe mode: app "+ver) })
	}
}

func TestThingsInstalledBeforeTakeTheRuntime(t *testing.T) {
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(1), Files: beforeFiles(t)})
	beforeLife(t, b.Thing(), func(ver string, other map[string]string) desk.Release { return coreRuntime(t, ver, other) })
	if fail, is := b.Flash().ReadFile("/_s/fail"); is {
		t.Errorf("_s/fail is %q", fail)
	}
	if slotSparse > 1 {
		return
	}
	// what breaks on the flash behind the state's back: the factory's, as it was
	if err := b.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, slot := range []string{"/_a", "/_b"} {
		b.Flash().WriteFile(slot+"/rt/hal.py", []byte("def ("))
	}
	b.Start()
	coreWait(t, b.Thing(), "the factory's", func(v desk.View) bool { return v.Slots.OS.From == "factory" })
	coreOffer(t, b.Thing(), coreRuntime(t, "1.0.9", nil))
	coreWait(t, b.Thing(), "the mended runtime", func(v desk.View) bool { return v.Reported("os", "1.0.9", agent.Confirmed) })
}

func TestComputersInstalledBeforeTakeTheRuntime(t *testing.T) {
	before := beforeFiles(t)
	before["main.py"] = strings.Replace(before["main.py"], "time.sleep(5)", "time.sleep(0.1)", 1)
	thing, _ := coreLinux(t, coreCounter(1)["app.py"], httptest.NewServer, before)
	beforeLife(t, thing, func(ver string, other map[string]string) desk.Release { return pythonRuntime(t, ver, other) })
}

// beforeLife is what may happen to a thing: an update of the runtime, one of the app, a restart, a runtime that
// does not work, an app that does not.
func beforeLife(t *testing.T, thing *desk.Thing, release func(ver string, other map[string]string) desk.Release) {
	t.Helper()
	coreWait(t, thing, "the first app", func(v desk.View) bool { return len(v.Messages()) == 1 })
	confirmed := func(r desk.Release) desk.View {
		coreOffer(t, thing, r)
		return coreWait(t, thing, r.Kind+" "+r.Ver+" confirmed", func(v desk.View) bool { return v.Reported(r.Kind, r.Ver, agent.Confirmed) })
	}
	v := confirmed(release("1.0.7", nil))
	if v.OS() != "1.0.7" || v.Slots.OS.Run != "_a" || v.Slots.OS.Try != nil || v.App() != "1" || len(v.Crashes) > 0 {
		t.Errorf("runtime %s in %+v, app %s, crashes %+v", v.OS(), v.Slots.OS, v.App(), v.Crashes)
	}
	confirmed(desk.App("2", coreCounter(2)))
	boots := thing.View().Boots
	if ack, err := thing.Send(t.Context(), "restart", nil); err != nil || !ack.OK {
		t.Fatalf("restart: %+v, %v", ack, err)
	}
	v = coreWait(t, thing, "the next start", func(v desk.View) bool { return v.Boots > boots })
	if v.Register.Reset != "planned" || v.OS() != "1.0.7" || v.App() != "2" {
		t.Errorf("started %q, runtime %s, app %s", v.Register.Reset, v.OS(), v.App())
	}
	coreOffer(t, thing, release("1.0.8", map[string]string{"rt/link.py": "raise ValueError('on purpose')\n"}))
	v = coreWait(t, thing, "it returned", func(v desk.View) bool { return v.Reported("os", "1.0.8", agent.Returned) })
	if v.OS() != "1.0.7" || !slices.Contains(v.Slots.OS.Bad, "1.0.8") {
		t.Errorf("runtime %s in %+v", v.OS(), v.Slots.OS)
	}
	// the app that ends the runtime, when it is no longer in its trial
	confirmed(desk.App("3", map[string]string{"app.py": beforeEnds}))
	if ack, err := thing.Send(t.Context(), "message", "end"); err != nil || !ack.OK {
		t.Fatalf("message: %+v, %v", ack, err)
	}
	v = coreWait(t, thing, "safe mode", safely("3"))
	if v.OS() != "1.0.7" || slices.Contains(v.Slots.OS.Bad, "1.0.7") {
		t.Errorf("what the app did counts for the runtime: %s in %+v", v.OS(), v.Slots.OS)
	}
	confirmed(desk.App("4", coreCounter(4)))
}

// beforeEnds is told to end the runtime, and does it at each start from then on.
const beforeEnds = `
import asyncio, os, platform
from rt import hal

def ends():
    try:
        os.stat(hal.ROOT + "/ends")
        return True
    except OSError:
        return False

async def run():
    while not ends():
        await asyncio.sleep(1)
    async def end():
        raise SystemExit(3)
    asyncio.create_task(end())
    await asyncio.sleep(100)

@platform.on_message
def end(body):
    with open(hal.ROOT + "/ends", "w") as f:
        f.write("x")
`

// pythonRuntime is coreRuntime for a computer, which starts again sooner after a crash.
func pythonRuntime(t *testing.T, ver string, other map[string]string) desk.Release {
	t.Helper()
	release := runtimeFiles(t, "python", ver)
	release["rt/main.py"] = strings.Replace(release["rt/main.py"], "time.sleep(5)", "time.sleep(0.1)", 1)
	maps.Copy(release, other)
	return desk.Runtime(ver, release)
}
