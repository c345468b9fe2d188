//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/wire/romfs"
)

func TestRuntimeGoesOntoABoardWhichThenComesToRoost(t *testing.T) {
	if !micropython.Available() {
		t.Skip("built without MicroPython (tag vm)")
	}
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	if status, _, errs := cli(t, "app", "new", "Greenhouse", "--data", s.data); status != 0 {
		t.Fatal(errs)
	}
	line, port := pty(t)
	const theirs = "import time\nprint('theirs')\nwhile True:\n time.sleep(1)\n"
	flash := micropython.NewFlash(map[string]string{"/main.py": theirs})
	boardAt(t, line, flash)
	install := func(args ...string) string {
		t.Helper()
		args = append([]string{"--runtime", "--port", port, "--profile", "full", "--data", s.data, "--look-on", "10m"}, args...)
		out, status := installing(t, "correct horse\n", args...)
		if status != 0 || strings.Contains(out, "correct horse") {
			t.Fatalf("status %d, %s", status, out)
		}
		return out
	}
	out := install("--name", "North wall", "--app", "Greenhouse", "--backend", s.url, "--wifi", "Home")
	id := regexp.MustCompile(`(?m)^Thing:  (\S+)$`).FindStringSubmatch(out)
	if id == nil || !strings.Contains(out, id[1]+" is here") || !strings.Contains(out, "kept as /old_main.py") || !strings.Contains(out, "Set-up: network Roost-") {
		t.Fatalf("it says:\n%s", out)
	}
	var thing apiThing
	status, shown, errs := cli(t, "thing", "show", id[1], "--json", "--data", s.data)
	if err := json.Unmarshal([]byte(shown), &thing); status != 0 || err != nil || thing.Name != "North wall" || thing.State != "enrolled" || !thing.Online {
		t.Errorf("the thing is %s%s", shown, errs)
	}
	if old, _ := flash.ReadFile("/old_main.py"); string(old) != theirs {
		t.Errorf("what was there is kept as %q", old)
	}
	compiled := slices.ContainsFunc(flash.Files(), func(name string) bool { return name == "/_f/rt/main.mpy" })
	if !compiled {
		t.Errorf("not compiled: %v", flash.Files())
	}
	key, _ := flash.ReadFile("/_s/key")
	if out := install(); !strings.Contains(out, "keeps its id "+id[1]) || !strings.Contains(out, id[1]+" is here") {
		t.Errorf("again, it says:\n%s", out)
	}
	if again, _ := flash.ReadFile("/_s/key"); !bytes.Equal(again, key) {
		t.Error("it has another key")
	}
	boardIsConfigured(t, s, port, id[1], flash)
}

// boardIsConfigured changes settings of a board that runs.
func boardIsConfigured(t *testing.T, s *server, port, id string, flash *micropython.Flash) {
	t.Helper()
	out, status := installing(t, "another horse\n", "--configure", "--port", port, "--data", s.data, "--wifi", "Shed", "--name", "South wall", "--no-restart")
	if status != 0 || !strings.Contains(out, id+" is called South wall") {
		t.Fatalf("status %d, %s", status, out)
	}
	if wifi, _ := flash.ReadFile("/wifi.json"); string(wifi) != `[{"ssid":"Shed","password":"another horse"},{"ssid":"Home","password":"correct horse"}]` {
		t.Errorf("wifi.json is %s", wifi)
	}
	out, status = installing(t, "", "--configure", "--port", port)
	if status != 0 || !strings.Contains(out, "Shed, Home") || !strings.Contains(out, id) || !strings.Contains(out, s.url) || strings.Contains(out, "horse") {
		t.Errorf("status %d, %s", status, out)
	}
	if out, status := installing(t, "", "--configure", "--port", port, "--loglevel", "10"); status == 0 || !strings.Contains(out, "is set in Roost") {
		t.Errorf("status %d, %s", status, out)
	}
}

func TestRuntimeGoesOntoABoardWithoutARunningRoost(t *testing.T) {
	if !micropython.Available() {
		t.Skip("built without MicroPython (tag vm)")
	}
	line, port := pty(t)
	flash := micropython.NewFlash(nil)
	boardAt(t, line, flash)
	dir := t.TempDir()
	key, owner := strings.Repeat("0f", 32), strings.Repeat("a1", 32)
	for name, text := range map[string]string{"key": `{"id":"roof","key":"` + key + `"}`, "owner": owner + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"--runtime", "--offline", "--port", port, "--profile", "lean", "--no-restart", "--owner-key", filepath.Join(dir, "owner")}
	if out, status := installing(t, "", args...); status == 0 || !strings.Contains(out, "--id and --key") {
		t.Errorf("without an id: status %d, %s", status, out)
	}
	args = append(args, "--id", "roof", "--key", filepath.Join(dir, "key"))
	if out, status := installing(t, "", args...); status == 0 || !strings.Contains(out, "--backend") {
		t.Errorf("without an address: status %d, %s", status, out)
	}
	if out, status := installing(t, "", append(args, "--backend", "https://roost.example.org")...); status == 0 || !strings.Contains(out, "no TLS") {
		t.Errorf("lean, with TLS: status %d, %s", status, out)
	}
	if out, status := installing(t, "", append(args, "--backend", "192.0.2.1:8080")...); status != 0 || !strings.Contains(out, "will open its set-up network") {
		t.Fatalf("status %d, %s", status, out)
	}
	for name, want := range map[string]string{
		"/_s/key": `{"id":"roof","key":"` + key + `"}`, "/_s/owner": owner + "\n", "/_s/profile": "lean\n", "/settings.json": `{"server":"http://192.0.2.1:8080"}`,
	} {
		if got, _ := flash.ReadFile(name); string(got) != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if _, there := flash.ReadFile("/_f/rt/main.mpy"); !there {
		t.Error("the runtime is not on the board")
	}
}

func TestInstallRuntimeOnAnESP8266(t *testing.T) {
	if !micropython.Available() {
		t.Skip("built without MicroPython (tag vm)")
	}
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("0f", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := func(port string) []string {
		return []string{"--runtime", "--offline", "--port", port, "--no-restart", "--id", "roof", "--key", key, "--backend", "192.0.2.1:8080"}
	}
	line, port := pty(t)
	boardWith(t, line, micropython.NewFlash(nil), micropython.NewROM(12<<10, nil))
	if out, status := installing(t, "", args(port)...); status == 0 || !strings.Contains(out, "nothing was written") {
		t.Errorf("a partition of 12 kB: status %d, %s", status, out)
	}
	line, port = pty(t)
	flash, rom := micropython.NewFlash(nil), micropython.NewROM(0, nil)
	boardWith(t, line, flash, rom)
	if out, status := installing(t, "", append(args(port), "--profile", "full")...); status == 0 || !strings.Contains(out, "does not fit") {
		t.Errorf("full: status %d, %s", status, out)
	}
	out, status := installing(t, "", args(port)...)
	if status != 0 || !strings.Contains(out, "an image of") {
		t.Fatalf("status %d, %s", status, out)
	}
	inside, err := romfs.Files(rom.Bytes()[:rom.Size()/3])
	if err != nil || inside["rt/main.mpy"] == nil {
		t.Errorf("the partition has %d files, %v", len(inside), err)
	}
	if _, there := flash.ReadFile("/_f/rt/main.mpy"); there {
		t.Error("the runtime is in the file system, too")
	}
	if main, _ := flash.ReadFile("/main.py"); !strings.Contains(string(main), "rt.main") {
		t.Errorf("main.py is %q", main)
	}
}
