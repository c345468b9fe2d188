package board_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// whole is longer than a file must be quiet in these tests.
const whole = time.Second

// still has the directory boot/meter as an app; nobody looks but the test.
func still(t testing.TB, p plan) (*house, roost.App) {
	t.Helper()
	p.blind = true
	h := build(t, p)
	for name, text := range meter {
		h.put("boot/meter/"+name, text)
	}
	h.look(0)
	h.look(whole)
	return h, h.has(meter)
}

// has wants the app of boot/meter to have these files, and no more.
func (h *house) has(files map[string]string) roost.App {
	h.t.Helper()
	app, ok := h.releases.BoardApp(roost.Home, "meter")
	if !ok {
		h.t.Fatalf("there is no app; log: %s", h.logged)
	}
	if !h.hasFiles(app, files) {
		h.t.Fatalf("commit %+v; log: %s", h.commits(app)[0], h.logged)
	}
	return app
}

// with gives the meter's files with others over them; "" takes one out.
func with(more map[string]string) map[string]string {
	all := map[string]string{}
	for name, text := range meter {
		all[name] = text
	}
	for name, text := range more {
		if all[name] = text; text == "" {
			delete(all, name)
		}
	}
	return all
}

// lie wants the directory to have these files, and no more.
func (h *house) lie(files map[string]string) {
	h.t.Helper()
	entries, err := os.ReadDir(filepath.Join(h.ota, "boot/meter"))
	if err != nil {
		h.t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(h.ota, "boot/meter", e.Name()))
		if err != nil {
			h.t.Fatal(err)
		}
		got[e.Name()] = string(b)
	}
	if fmt.Sprint(got) != fmt.Sprint(files) {
		h.t.Errorf("the directory has %q, want %q", got, files)
	}
}

func TestDirectoryIsAnApp(t *testing.T) {
	h, app := still(t, plan{})
	if app.Name != "meter" || app.By != "directory" || app.DefaultPool != "development" {
		t.Errorf("app %+v", app)
	}
	all := h.commits(app)
	if len(all) != 1 || all[0].Origin != "directory" || all[0].Author != "directory" {
		t.Errorf("commits %+v", all)
	}
	for _, p := range h.releases.Pools(roost.Home, app.ID) {
		if p.Settings.Management != 300 || p.Commit != all[0].ID {
			t.Errorf("pool %+v", p)
		}
	}
	h.look(whole)
	h.look(whole)
	if len(h.commits(app)) != 1 {
		t.Error("looking made a commit")
	}
}

func TestEmptyDirectoryIsAKindOfBoard(t *testing.T) {
	h := build(t, plan{blind: true})
	if err := os.MkdirAll(filepath.Join(h.ota, "boot/meter"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.look(0)
	h.look(whole)
	h.has(map[string]string{})
	if a := h.boot(nil); a["update"] != false {
		t.Errorf("answer %v", a)
	}
	h.put("boot/meter/app.py", "x")
	h.look(0)
	h.look(whole)
	if a := h.boot(nil); fmt.Sprint(a["files"]) != "map[app.py:x]" {
		t.Errorf("answer %v", a)
	}
}

func TestChangeOnDiskIsACommit(t *testing.T) {
	h, app := still(t, plan{})
	h.put("boot/meter/app.py", "x = 2")
	h.put("boot/meter/new.py", "y = 1")
	if err := os.Remove(filepath.Join(h.ota, "boot/meter/vl53l0x.py")); err != nil {
		t.Fatal(err)
	}
	h.look(0)
	h.look(whole)
	h.has(with(map[string]string{"app.py": "x = 2", "new.py": "y = 1", "vl53l0x.py": ""}))
	c := h.commits(app)[0]
	if c.Origin != "directory" || c.Author != "directory" || c.Message != "changed: app.py, new: new.py, gone: vl53l0x.py" {
		t.Errorf("commit %+v", c)
	}
}

func TestCommitIsWrittenToTheDirectory(t *testing.T) {
	h, app := still(t, plan{})
	files := with(map[string]string{"app.py": "x = 3", "new.py": "z", "vl53l0x.py": ""})
	h.edit(app, files)
	h.look(0)
	h.lie(files)
	h.look(whole)
	if n := len(h.commits(app)); n != 2 {
		t.Errorf("%d commits", n)
	}
	h = h.again(plan{blind: true})
	h.look(0)
	h.look(whole)
	h.lie(files)
	if n := len(h.commits(app)); n != 2 {
		t.Errorf("%d commits after a restart", n)
	}
}

func TestHalfCopiedFileIsNotServed(t *testing.T) {
	h, app := still(t, plan{})
	h.put("boot/meter/new.py", "y = 1\n")
	for i := range 5 {
		h.put("boot/meter/app.py", strings.Repeat("x = 1\n", i+1))
		h.look(40 * time.Millisecond) // it is quiet for 50 ms at last
		if n := len(h.commits(app)); n != 1 {
			t.Fatalf("%d commits while it was being written", n)
		}
	}
	h.look(whole)
	h.has(with(map[string]string{"app.py": strings.Repeat("x = 1\n", 5), "new.py": "y = 1\n"}))
	if n := len(h.commits(app)); n != 2 {
		t.Errorf("%d commits: the files did not come together", n)
	}
}

func TestFileThatChangesForEverHoldsNothingUp(t *testing.T) {
	h, app := still(t, plan{})
	h.put("boot/meter/new.py", "y = 1\n")
	for i := range 20 {
		h.put("boot/meter/app.py", strings.Repeat("x = 1\n", i+1))
		h.look(40 * time.Millisecond)
	}
	h.has(with(map[string]string{"new.py": "y = 1\n"}))
	h.look(whole)
	h.has(with(map[string]string{"app.py": strings.Repeat("x = 1\n", 20), "new.py": "y = 1\n"}))
	_ = app
}

func TestFilesThatCannotBeAreLeftOutAndSaidOnce(t *testing.T) {
	h, app := still(t, plan{})
	h.put("boot/meter/boot.py", "a board's own")
	h.put("boot/meter/huge.py", strings.Repeat("x", 256<<10+1))
	h.put("boot/meter/bad..py", "x")
	h.put("boot/meter/"+strings.Repeat("n", 65), "x")
	h.put("boot/meter/logo.bin", "\xff\xfe")
	h.put("boot/meter/.app.py.swp", "x")
	h.put("boot/meter/sub/app.py", "x")
	secret := filepath.Join(h.data, "secret.py")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(h.ota, "boot/meter/link.py")); err != nil {
		t.Fatal(err)
	}
	h.put("boot/meter/good.py", "x")
	h.put("boot/..x/app.py", "x")
	for range 5 {
		h.look(whole)
	}
	h.has(with(map[string]string{"good.py": "x"}))
	for _, what := range []string{"boot/meter/boot.py", "boot/meter/huge.py", "boot/meter/bad..py", "boot/meter/nnn", "boot/meter/logo.bin", "boot/meter/link.py"} {
		if n := strings.Count(h.logged.String(), "path="+what); n != 1 {
			t.Errorf("%s was said %d times: %s", what, n, h.logged)
		}
	}
	if a := h.boot(nil); strings.Contains(fmt.Sprint(a), "boot.py") || strings.Contains(fmt.Sprint(a), "secret") {
		t.Errorf("answer %v", a)
	}
	h.put("boot/meter/app.py", strings.Repeat("x", 256<<10+1)) // one that was good: the old one stays
	h.look(whole)
	h.look(whole)
	h.has(with(map[string]string{"good.py": "x"}))
	_ = app
}

func TestManyFilesAreRefusedTogether(t *testing.T) {
	h, app := still(t, plan{})
	for i := range 1000 {
		h.put(fmt.Sprintf("boot/meter/f%03d.py", i), "x")
	}
	for range 5 {
		h.look(whole)
	}
	if n := len(h.commits(app)); n != 1 {
		t.Fatalf("%d commits", n)
	}
	if said := h.logged.String(); strings.Count(said, "at most 200 files") != 1 {
		t.Errorf("log %s", said)
	}
	h.lies("boot/meter/f999.py", "x")
	for i := 100; i < 1000; i++ {
		if err := os.Remove(filepath.Join(h.ota, fmt.Sprintf("boot/meter/f%03d.py", i))); err != nil {
			t.Fatal(err)
		}
	}
	h.look(whole)
	h.look(whole)
	if n := len(h.commits(app)[0].Files); n != 103 {
		t.Errorf("%d files", n)
	}
	if a := h.boot(nil); len(a["files"].(map[string]any)) != 103 {
		t.Errorf("%d files at a boot", len(a["files"].(map[string]any)))
	}
}

func TestBothSidesChangeOtherFiles(t *testing.T) {
	h, app := still(t, plan{})
	h.put("boot/meter/app.py", "disk")
	h.edit(app, with(map[string]string{"main.py": "editor"}))
	h.look(0)
	h.look(whole)
	both := with(map[string]string{"app.py": "disk", "main.py": "editor"})
	h.has(both)
	h.lie(both)
}

func TestConflictKeepsBothAndServesTheNewer(t *testing.T) {
	for name, c := range map[string]struct {
		disk time.Duration // of its change, after the editor's
		want string
	}{"disk newer": {time.Hour, "disk"}, "editor newer": {-time.Hour, "editor"}} {
		t.Run(name, func(t *testing.T) {
			h, app := still(t, plan{})
			h.put("boot/meter/app.py", "disk")
			h.put("boot/meter/other.py", "disk too")
			e := h.edit(app, with(map[string]string{"app.py": "editor"}))
			when := e.At.Add(c.disk)
			for _, f := range []string{"app.py", "other.py"} {
				if err := os.Chtimes(filepath.Join(h.ota, "boot/meter", f), when, when); err != nil {
					t.Fatal(err)
				}
			}
			h.look(0)
			h.look(whole)
			want := with(map[string]string{"app.py": c.want, "other.py": "disk too"})
			h.has(want)
			h.lie(want)
			seen := map[string]bool{}
			for _, c := range h.commits(app) {
				text, err := h.releases.Content(t.Context(), roost.Home, app.ID, c.ID, "app.py")
				if err != nil {
					t.Fatal(err)
				}
				seen[text] = true
			}
			if !seen["disk"] || !seen["editor"] {
				t.Errorf("commits have %v", seen)
			}
			n := len(h.commits(app))
			h.look(whole)
			h.look(whole)
			if len(h.commits(app)) != n {
				t.Error("it goes on making commits")
			}
		})
	}
}

func TestEmptiedDirectoryIsNotServed(t *testing.T) {
	h, app := still(t, plan{})
	for name := range meter {
		if err := os.Remove(filepath.Join(h.ota, "boot/meter", name)); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		h.look(whole)
	}
	h.has(meter)
	if !strings.Contains(h.logged.String(), "without files") {
		t.Errorf("log %s", h.logged)
	}
	h.put("boot/meter/app.py", "again")
	h.look(whole)
	h.look(whole)
	h.has(map[string]string{"app.py": "again"})
	_ = app
}

func TestDirectoryThatWasTakenAwayComesWithTheNextCommit(t *testing.T) {
	h, app := still(t, plan{})
	if err := os.RemoveAll(filepath.Join(h.ota, "boot/meter")); err != nil {
		t.Fatal(err)
	}
	h.look(whole)
	h.look(whole)
	h.has(meter)
	if _, err := os.Stat(filepath.Join(h.ota, "boot/meter")); err == nil {
		t.Error("it is back at once")
	}
	next := with(map[string]string{"app.py": "x = 9"})
	h.edit(app, next)
	h.look(whole)
	h.lie(next)
}

func TestDirectoryOfADeletedAppIsMoved(t *testing.T) {
	h, app := still(t, plan{})
	if err := h.releases.DeleteApp(t.Context(), roost.Home, app.ID); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		h.look(whole)
	}
	if _, ok := h.releases.BoardApp(roost.Home, "meter"); ok {
		t.Error("the app is back")
	}
	kept, err := filepath.Glob(filepath.Join(h.ota, "removed/meter-*/app.py"))
	if err != nil || len(kept) != 1 {
		t.Errorf("kept %v, %v", kept, err)
	}
	h.put("boot/meter/app.py", "new") // a new kind of the old name
	h.look(whole)
	h.look(whole)
	h.has(map[string]string{"app.py": "new"})
}

func TestAppMadeByPeopleGetsADirectory(t *testing.T) {
	h := build(t, plan{blind: true})
	_, err := h.releases.CreateApp(t.Context(), roost.Home, release.NewApp{Name: "Distance", By: "ada", Board: "meter", Latest: true, Files: meter})
	if err != nil {
		t.Fatal(err)
	}
	h.look(0)
	h.lie(meter)
	if a := h.boot(nil); a["update"] != true {
		t.Errorf("answer %v", a)
	}
}

// An app that was there before has the name of a directory.
func TestDirectoryOfATakenName(t *testing.T) {
	h := build(t, plan{blind: true})
	if _, err := h.releases.CreateApp(t.Context(), roost.Home, release.NewApp{Name: "Meter", By: "ada"}); err != nil {
		t.Fatal(err)
	}
	h.put("boot/meter/app.py", "x")
	h.look(0)
	h.look(whole)
	if app := h.has(map[string]string{"app.py": "x"}); app.Name != "meter (boards)" {
		t.Errorf("app %+v", app)
	}
}

func TestSyntaxOfADirectoryShipsAsItIs(t *testing.T) {
	h, _ := still(t, plan{})
	h.put("boot/meter/app.py", "def broken(:\n")
	h.look(0)
	h.look(whole)
	h.has(with(map[string]string{"app.py": "def broken(:\n"}))
}
