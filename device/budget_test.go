package device_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/roost-iot/roost/device"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
)

// mostSource is how long a source of the lean set may be: to compile one costs a board
// four times its size.
const mostSource = 6144

// budgets are bytes of compiled code by what the modules are for. A tenth more is refused.
var budgets = []struct {
	what    string
	modules string
	most    int
}{
	{"hardware, settings, log", "rt rt/hal rt/about rt/conf rt/log rt/dog", 5700},
	{"life of a boot", "rt/main rt/start rt/enter rt/offer rt/lost", 8200},
	{"line", "rt/link rt/life rt/push rt/sync rt/register rt/queue rt/move rt/pull", 12000},
	{"Wi-Fi", "rt/net rt/nets rt/wifi", 3300},
	{"set-up", "rt/setup rt/want rt/portal rt/air rt/page rt/cmd rt/dns", 10400},
	{"nodes of Pyaiot", "rt/node rt/coap rt/mqtt rt/ws", 10000},
	{"HTTP", "rt/http rt/tls", 3100},
	{"keys and frames", "rt/seal rt/keys rt/join rt/x25519", 3900},
}

func coreCompiled(t *testing.T, profile string) map[string][]byte {
	t.Helper()
	needVM(t)
	c, err := micropython.NewCompiler(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	files, err := device.Compiled(t.Context(), profile, c.Compile)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestLeanSourcesAreSmall(t *testing.T) {
	files, err := device.Files("lean")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if n := len(files[name]); n > mostSource {
			t.Errorf("%s has %d bytes, %d are the most", name, n, mostSource)
		}
	}
}

// importsOf finds the modules of rt that a source names.
var importsOf = regexp.MustCompile(`(?m)^\s*(?:from rt import ([a-zA-Z0-9_, ]+)|import rt\.([a-z0-9]+)|from rt\.([a-z0-9]+) import)`)

// A profile imports nothing that it does not carry, unless it asks first.
func TestProfilesAreWhole(t *testing.T) {
	asked := map[string]string{ // by what guards it
		"tls": "https", "push": "profile", "web": "profile", "serve": "full", "node": "setting", "logs": "full", "aes": "no cryptolib", "pc": "no board", "micro": "CPython", "led": "board", "setup": "board", "want": "board",
	}
	for _, profile := range device.Profiles {
		files, err := device.Files(profile)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			for _, m := range importsOf.FindAllStringSubmatch(files[name], -1) {
				for module := range strings.SplitSeq(m[1]+m[2]+m[3], ",") {
					module, _, _ = strings.Cut(strings.TrimSpace(module), " ")
					if module == "VERSION" || asked[module] != "" {
						continue
					}
					if _, ok := files["_f/rt/"+module+".py"]; !ok {
						t.Errorf("%s: %s imports rt.%s, which is not there", profile, name, module)
					}
				}
			}
		}
		if _, ok := files["boot.py"]; !ok || strings.Contains(files["boot.py"], "import rt") {
			t.Errorf("%s: boot.py stands by itself", profile)
		}
	}
}

func TestRuntimeCompilesWithinItsBudget(t *testing.T) {
	files := coreCompiled(t, "full")
	seen := map[string]bool{}
	t.Logf("%-28s %8s %8s", "compiled", "bytes", "budget")
	for _, b := range budgets {
		n := 0
		for m := range strings.FieldsSeq(b.modules) {
			name := "_f/" + m + ".mpy"
			if m == "rt" {
				name = "_f/rt/__init__.mpy"
			}
			if files[name] == nil {
				t.Errorf("%s is not there", name)
			}
			n += len(files[name])
			seen[name] = true
		}
		t.Logf("%-28s %8d %8d", b.what, n, b.most)
		if n > b.most+b.most/10 {
			t.Errorf("%s has %d bytes compiled, its budget is %d", b.what, n, b.most)
		}
	}
	rest := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Ext(name) == ".mpy" {
			t.Logf("  %-26s %8d", strings.TrimPrefix(name, "_f/"), len(files[name]))
			if !seen[name] {
				rest += len(files[name])
			}
		}
	}
	t.Logf("%-28s %8d", "apps, updates, set-up, web", rest)
}

// coreIdle tells how much heap is in use when nothing happens: the least of some looks,
// as the VM collects garbage only while a program waits, and not each time.
const coreIdle = `
import asyncio, gc
async def run():
    await asyncio.sleep(12)
    least = 1 << 30
    for i in range(40):
        gc.collect()
        await asyncio.sleep(0.05)
        least = min(least, gc.mem_alloc())
    print("in use %d bytes" % least)
    while True:
        await asyncio.sleep(60)
`

// coreShims are the modules that a board has in its firmware and the VM in its heap.
const coreShims = "import socket, network, machine, cryptolib, hashlib, neopixel, binascii, io, os, json, time, _streams\n"

// The heap that the runtime holds when it waits, beside what the VM's own modules take. The
// VM has the objects of a 32-bit board.
func TestRuntimeHoldsLittleMemory(t *testing.T) {
	base := coreInUse(t, "full", map[string][]byte{"main.py": []byte(coreShims + coreIdle + "asyncio.run(run())\n")}, nil)
	for profile, most := range map[string]int{"lean": 45 << 10, "full": 50 << 10} {
		n := coreInUse(t, profile, coreCompiled(t, profile), nil) - base
		t.Logf("%s: %d bytes held at idle", profile, n)
		if n > most+most/10 {
			t.Errorf("%s holds %d bytes, its budget is %d", profile, n, most)
		}
	}
}

// coreBare has what any program on the network has: tasks, one that waits for bytes with a limit, the radio.
const coreBare = `
import asyncio, network
async def rest(e):
    while True:
        await asyncio.wait_for(e.wait(), 1000)
async def main():
    w = network.WLAN(0)
    w.active(True)
    e = asyncio.Event()
    for _ in range(4):
        asyncio.create_task(rest(e))
    await run()
asyncio.run(main())
`

// On the chip asyncio, sockets and the radio are firmware; in the VM they are Python's objects, which the bare program has, too.
func TestRuntimeInROMHoldsLittleMemory(t *testing.T) {
	needVM(t)
	const most = 29 << 10 // the goal is 20, on a chip
	base := coreInUse(t, "lean", map[string][]byte{"main.py": []byte(coreIdle + coreBare)}, micropython.NewROM(0, nil))
	n := coreInUse(t, "lean", nil, micropython.NewROM(0, nil)) - base
	t.Logf("lean from ROM: %d bytes held at idle, beside %d", n, base)
	if n > most+most/10 {
		t.Errorf("lean from ROM holds %d bytes, its budget is %d", n, most)
	}
}

var inUse = regexp.MustCompile(`in use (\d+) bytes`)

func coreInUse(t *testing.T, profile string, files map[string][]byte, rom *micropython.ROM) int {
	t.Helper()
	s := desk.NewServer(desk.ServerConfig{})
	t.Cleanup(s.Close)
	var runtime map[string]string
	if files != nil {
		runtime = map[string]string{"_s/profile": profile}
	}
	for name, text := range files {
		runtime[name] = string(text)
	}
	b := coreBoard(t, s, desk.BoardConfig{
		Runtime: runtime, ROM: rom, Profile: profile, Settings: map[string]any{"setup_at_start": false}, App: map[string]string{"app.py": coreIdle},
	})
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	if err := b.Printed(ctx, " bytes"); err != nil {
		t.Fatal(err)
	}
	if now, _ := b.Held(); rom != nil {
		_ = b.Stop()
		return now
	}
	m := inUse.FindStringSubmatch(b.Console())
	if m == nil {
		t.Fatal(b.Console())
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	_ = b.Stop()
	return n
}

func TestVersionIsTheRuntimes(t *testing.T) {
	source, err := os.ReadFile("rt/__init__.py")
	if err != nil || !strings.Contains(string(source), fmt.Sprintf("VERSION = %q", device.Version())) {
		t.Errorf("%q, %v", device.Version(), err)
	}
	if _, err := device.Files("tiny"); err == nil {
		t.Error("there is a profile tiny")
	}
}
