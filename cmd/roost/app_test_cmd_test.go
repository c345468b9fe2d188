package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
)

// keepVM has the machine code of MicroPython made, and stay until the test ends: a slow machine makes it in longer
// than anybody waits for a board or an app.
func keepVM(t *testing.T) {
	t.Helper()
	release, err := micropython.Keep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
}

func TestAppTestSaysWhetherAnAppIsHealthy(t *testing.T) {
	if !micropython.Available() {
		t.Skip("MicroPython is not built in: make vm, then go test -tags vm (make test does both)")
	}
	keepVM(t)
	folder := func(text string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	const good = "import asyncio, platform\nasync def run():\n    while True:\n        platform.report(n=7)\n        await asyncio.sleep(1)\n"
	for _, c := range []struct {
		dir    string
		status int
		out    string // in what it prints
		errs   string
	}{
		{folder(good), 0, "Healthy: it ran for ", ""},
		{"luminosity", 0, "sends {", ""},
		{folder("def f(:\n"), 1, "", "app.py:1: "},
		{folder("import asyncio\nasync def run():\n    raise ValueError('broken')\n"), 1, "", "ValueError: broken"},
		{filepath.Join(t.TempDir(), "nowhere"), 2, "", "there is no folder"},
	} {
		status, out, errs := cli(t, "app", "test", c.dir)
		if status != c.status || !strings.Contains(out, c.out) || !strings.Contains(errs, c.errs) {
			t.Errorf("%s: ended with %d: %s%s", c.dir, status, out, errs)
		}
	}
	status, out, _ := cli(t, "app", "test", "--json", "--seconds", "60", "--profile", "lean", folder(good))
	var v desk.Verdict
	if err := json.Unmarshal([]byte(out), &v); err != nil || status != 0 || !v.Healthy || v.Seconds < 60 || v.Values["n"] != "7" {
		t.Errorf("ended with %d: %s, %v", status, out, err)
	}
}
