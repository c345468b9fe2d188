package install

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost/device"
	"github.com/roost-iot/roost/micropython"
)

const testKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// some are enough of the runtime's files for tests; under the race detector a played
// board is slow. All of them go onto one in cmd/roost.
var some = []string{"boot.py", "main.py", "_f/platform.py", "_f/rt/__init__.py", "_f/rt/conf.py", "_f/rt/link.py"}

// ourRuntime is the real one, as source, for a board of its own.
func ourRuntime(t *testing.T, profile string) Runtime {
	t.Helper()
	texts, err := device.Files(profile)
	if err != nil {
		t.Fatal(err)
	}
	r := Runtime{
		Files: Files{}, ID: "north", Key: testKey, APPassword: "moss-2471-fern",
		Settings: map[string]any{"server": "http://192.0.2.1:8080"}, Network: &Network{"Home", "correct horse"},
	}
	for _, name := range some {
		if texts[name] == "" {
			t.Fatalf("the runtime has no %s", name)
		}
		r.Files[name] = []byte(texts[name])
	}
	return r
}

func (b *Board) ready(t *testing.T) *Board {
	t.Helper()
	if _, err := b.Details(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// holds wants files on a flash.
func holds(t *testing.T, flash *micropython.Flash, files map[string]string) {
	t.Helper()
	for name, want := range files {
		if got, there := flash.ReadFile(name); !there || string(got) != want {
			t.Errorf("%s is %q (%v), want %q", name, got, there, want)
		}
	}
}

func TestRealMicroPythonTakesTheRuntime(t *testing.T) {
	t.Run("whole", runtimeGoesOntoABoard)
	t.Run("again", runtimeKeepsIDAndSettings)
	t.Run("afresh", runtimeForgets)
	t.Run("cut", runtimeInstallationIsBegunAgain)
	t.Run("configured", runtimeIsConfigured)
}

func runtimeGoesOntoABoard(t *testing.T) {
	const theirs = "import time\nwhile True:\n print('noise ' * 20)\n time.sleep_ms(1)\n"
	flash := micropython.NewFlash(map[string]string{"/main.py": theirs, "/boot.py": "", "/old_main.py": "older", "/data.txt": "stays"})
	board := open(t, realPython(t, flash))
	details, err := board.Details(t.Context())
	if err != nil || details.MPY != 6 || len(details.UID) != 12 {
		t.Fatalf("details %+v, %v", details, err)
	}
	if now, err := board.Runtime(t.Context()); err != nil || now.ID != "" {
		t.Errorf("before it has %+v, %v", now, err)
	}
	r := ourRuntime(t, "full")
	var order []string
	kept, err := board.InstallRuntime(t.Context(), r, Progress{File: func(name string, _ int, same bool) {
		if !same {
			order = append(order, name)
		}
	}})
	if err != nil || !slices.Equal(kept, []string{"/old_main_2.py"}) {
		t.Fatalf("kept %v, %v", kept, err)
	}
	if n := len(order); order[n-2] != "boot.py" || order[n-1] != "main.py" || slices.Index(order, "_s/key") > slices.Index(order, "_f/platform.py") {
		t.Errorf("written in the order %v", order)
	}
	for name, data := range r.Files {
		holds(t, flash, map[string]string{"/" + name: string(data)})
	}
	holds(t, flash, map[string]string{
		"/old_main_2.py": theirs, "/old_main.py": "older", "/data.txt": "stays", "/_s/ap": "moss-2471-fern\n",
		"/_s/key": `{"id":"north","key":"` + testKey + `"}`, "/settings.json": `{"server":"http://192.0.2.1:8080"}`,
		"/wifi.json": `[{"ssid":"Home","password":"correct horse"}]`,
	})
	now, err := board.Runtime(t.Context())
	if err != nil || now.ID != "north" || now.Server != "http://192.0.2.1:8080" || now.APPassword != "moss-2471-fern" || now.Networks[0].SSID != "Home" {
		t.Errorf("then it has %+v, %v", now, err)
	}
}

func runtimeKeepsIDAndSettings(t *testing.T) {
	r := ourRuntime(t, "lean")
	flash := micropython.NewFlash(map[string]string{
		"/main.py": string(r.Files["main.py"]), "/boot.py": "# an older one, that reads /_s/os\n",
		"/_s/key": `{"id":"old","key":"` + testKey + `"}`, "/settings.json": `{"server":"http://192.0.2.9","worker_interval":5}`,
		"/wifi.json": `{"ssid":"Shed","password":"spade and rake"}`, "/_f/rt/gone.py": "old", "/_f/rt/link.mpy": "old",
		"/_s/os": `{"run":"_a","ver":"0.9","prev":"_b","pver":"0.8","bad":["0.7"],"n":17}`, "/_s/fail": "xx", "/_a/rt/link.py": "old",
	})
	board := open(t, realPython(t, flash)).ready(t)
	r.ID, r.Key, r.APPassword, r.Settings = "", "", "", nil
	kept, err := board.InstallRuntime(t.Context(), r, Progress{})
	if err != nil || len(kept) != 0 {
		t.Fatalf("kept %v, %v", kept, err)
	}
	holds(t, flash, map[string]string{
		"/_s/key": `{"id":"old","key":"` + testKey + `"}`, "/settings.json": `{"server":"http://192.0.2.9","worker_interval":5}`,
		"/wifi.json": `[{"ssid":"Home","password":"correct horse"},{"ssid":"Shed","password":"spade and rake"}]`,
		"/_s/os":     `{"run":"","ver":"","prev":"","pver":"","bad":["0.7"],"n":17}`,
	})
	for _, name := range []string{"/_f/rt/gone.py", "/_f/rt/link.mpy", "/_s/fail"} {
		if _, there := flash.ReadFile(name); there {
			t.Errorf("%s is still there", name)
		}
	}
}

func runtimeForgets(t *testing.T) {
	flash := micropython.NewFlash(map[string]string{
		"/_s/key": `{"id":"old","key":"` + testKey + `"}`, "/settings.json": `{"server":"x","name":"y"}`, "/wifi.json": `[{"ssid":"Shed","password":""}]`,
		"/_s/app": `{"run":"_p"}`, "/_p/app.py": "old", "/_p/lib/x.py": "old", "/notes.txt": "stays",
	})
	board := open(t, realPython(t, flash)).ready(t)
	r := ourRuntime(t, "lean")
	r.Afresh, r.Network = true, nil
	if _, err := board.InstallRuntime(t.Context(), r, Progress{}); err != nil {
		t.Fatal(err)
	}
	holds(t, flash, map[string]string{
		"/_s/key": `{"id":"north","key":"` + testKey + `"}`, "/settings.json": `{"server":"http://192.0.2.1:8080"}`, "/notes.txt": "stays",
	})
	for _, name := range []string{"/wifi.json", "/_s/app", "/_p/app.py", "/_p/lib/x.py"} {
		if _, there := flash.ReadFile(name); there {
			t.Errorf("%s is still there", name)
		}
	}
}

// runtimeInstallationIsBegunAgain pulls the cable at several places, and installs once
// more: without the id and the key, which the board has already.
func runtimeInstallationIsBegunAgain(t *testing.T) {
	r := ourRuntime(t, "lean")
	const theirs = "print('theirs')\n"
	for _, share := range []int64{5, 97} {
		flash := micropython.NewFlash(map[string]string{"/main.py": theirs})
		ctx, pull := context.WithCancel(t.Context())
		board := open(t, realPython(t, flash)).ready(t)
		_, err := board.InstallRuntime(ctx, r, Progress{Sent: func(done, all int64) {
			if done*100 > all*share {
				pull()
			}
		}})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("at %d %%: %v", share, err)
		}
		if main, _ := flash.ReadFile("/main.py"); string(main) != theirs && string(main) != string(r.Files["main.py"]) {
			t.Errorf("cut at %d %%, main.py is %q", share, main)
		}
		again := r
		again.ID, again.Key = "", ""
		next := open(t, realPython(t, flash.Copy())).ready(t)
		if now, err := next.Runtime(t.Context()); err != nil || now.ID != "north" {
			t.Errorf("cut at %d %%, it has %+v, %v", share, now, err)
		}
		if _, err := next.InstallRuntime(t.Context(), again, Progress{}); err != nil {
			t.Fatalf("again after %d %%: %v", share, err)
		}
		for name, data := range r.Files {
			if now, err := next.state(t.Context(), "/"+name); err != nil || now.sum != sumOf(data) {
				t.Errorf("cut at %d %%, then again: %s is %+v, %v", share, name, now, err)
			}
		}
	}
}

func runtimeIsConfigured(t *testing.T) {
	flash := micropython.NewFlash(map[string]string{"/settings.json": `{"server":"http://192.0.2.9","worker_interval":5,"setup_pin":4}`})
	board := open(t, realPython(t, flash)).ready(t)
	err := board.ConfigureRuntime(t.Context(), Runtime{
		Settings: map[string]any{"server": "http://192.0.2.1", "setup_pin": nil}, Network: &Network{"Caf\u00e9", ""},
	})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, flash, map[string]string{"/settings.json": `{"server":"http://192.0.2.1","worker_interval":5}`})
	var networks []Network
	raw, _ := flash.ReadFile("/wifi.json")
	if err := json.Unmarshal(raw, &networks); err != nil || len(networks) != 1 || networks[0].SSID != "Caf\u00e9" {
		t.Errorf("%s, %v", raw, err)
	}
	if err := board.ConfigureRuntime(t.Context(), Runtime{Network: &Network{"x", "short"}}); err == nil {
		t.Error("a password of 5 characters is taken")
	}
}

func TestProfileFitsTheBoard(t *testing.T) {
	good := About{Implementation: "micropython", Version: "1.27.0", FileSystem: "VfsLfs2", Platform: "esp32", Size: 2 << 20}
	with := func(change func(*About)) About { a := good; change(&a); return a }
	for _, c := range []struct {
		about       About
		flash       int64
		asked, want string
		says        string
	}{
		{good, 4 << 20, "auto", "full", ""},
		{with(func(a *About) { a.Platform = "rp2" }), 0, "auto", "full", ""},
		{with(func(a *About) { a.Platform = "samd" }), 0, "auto", "", "--profile full"},
		{with(func(a *About) { a.Platform = "samd" }), 0, "lean", "lean", ""},
		{with(func(a *About) { a.Version = "1.22.0" }), 0, "auto", "full", ""},
		{with(func(a *About) { a.Version = "1.21.3" }), 0, "full", "", "1.22 or later"},
		{with(func(a *About) { a.Version = "2.0.0" }), 0, "auto", "full", ""},
		{with(func(a *About) { a.Version = "" }), 0, "auto", "", "1.22 or later"},
		{with(func(a *About) { a.Implementation = "circuitpython" }), 0, "auto", "", "circuitpython"},
		{with(func(a *About) { a.FileSystem = "VfsFat" }), 0, "full", "", "littlefs"},
		{with(func(a *About) { a.FileSystem = "" }), 0, "auto", "full", ""},
	} {
		got, err := FitFor(c.about, Details{Flash: c.flash}, c.asked)
		if got.Profile != c.want || got.Image || got.Warning != "" || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v, %d, %s: %+v, %v", c.about, c.flash, c.asked, got, err)
		}
	}
}

func FuzzNetworksOf(f *testing.F) {
	f.Add([]byte(`[{"ssid":"Home","password":"x"}]`))
	f.Add([]byte(`{"ssid":"Home"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		all := first(Network{"Home", ""}, networksOf(raw))
		if len(all) > mostNetworks || all[0].SSID != "Home" || slices.ContainsFunc(all[1:], func(n Network) bool { return n.SSID == "Home" || n.SSID == "" }) {
			t.Errorf("%s gives %v", raw, all)
		}
	})
}
