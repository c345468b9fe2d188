package board_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
)

// fixes gives the hotfixes of the board, newest first.
func (h *house) fixes() []roost.Hotfix {
	h.t.Helper()
	all, err := h.door.Hotfixes(h.t.Context(), ref)
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// state wants the newest hotfix to stand so.
func (h *house) state(want roost.HotfixState) roost.Hotfix {
	h.t.Helper()
	all := h.fixes()
	if len(all) == 0 || all[0].State != want {
		h.t.Fatalf("hotfixes %+v, want %s", all, want)
	}
	return all[0]
}

// fix gives the board files of its own.
func (h *house) fix(files map[string]string) roost.Hotfix {
	h.t.Helper()
	f, err := h.door.AddHotfix(h.t.Context(), ref, files, "ada")
	if err != nil {
		h.t.Fatal(err)
	}
	return f
}

func (h *house) undo(id string) {
	h.t.Helper()
	if _, err := h.door.UndoHotfix(h.t.Context(), ref, id, "bob"); err != nil {
		h.t.Fatal(err)
	}
}

// brought wants an answer to bring these files.
func (h *house) brought(a object, want string) {
	h.t.Helper()
	got := "none"
	if files, ok := a["files"]; ok {
		got = fmt.Sprint(files)
	}
	if got != want {
		h.t.Errorf("brought %s, want %s", got, want)
	}
}

// settledHouse has a board that runs what it shall.
func settledHouse(t testing.TB) (*house, roost.App) {
	t.Helper()
	h, app := still(t, plan{})
	h.boot(meter)
	return h, app
}

const drop = "heartbeat/" + string(id) + "/"

func TestDroppedFileGoesOutWithTheNextHeartbeatAndIsArchived(t *testing.T) {
	h, _ := settledHouse(t)
	h.put(drop+"app.py", "fixed")
	h.look(0)
	h.brought(h.beat(nil), "none")
	h.look(whole)
	if f := h.state(roost.HotfixWaiting); f.By != "directory" || !f.Dropped {
		t.Errorf("hotfix %+v", f)
	}
	if !h.lies(drop+"app.py", "fixed") {
		t.Error("the file left before it was served")
	}
	a := h.beat(nil)
	h.brought(a, "map[app.py:fixed]")
	if fmt.Sprint(a["order"]) != "[app.py]" {
		t.Errorf("order %v", a["order"])
	}
	h.state(roost.HotfixServed)
	h.brought(h.beat(nil), "none")
	h.look(whole)
	at := drop + "served/" + h.fixes()[0].Served.UTC().Format("20060102T150405.000Z") + "/app.py"
	if h.lies(drop+"app.py", "fixed") || !h.lies(at, "fixed") {
		t.Errorf("not archived at %s", at)
	}
	h.look(whole)
	h.look(whole)
	if n := len(h.fixes()); n != 1 {
		t.Errorf("%d hotfixes", n)
	}
	h.brought(h.boot(with(map[string]string{"app.py": "fixed"})), "none") // a boot does not revert it
	h.brought(h.boot(meter), "map[app.py:fixed]")
	if said := h.log(); !strings.Contains(said, "gets by its heartbeat: app.py") {
		t.Errorf("log %s", said)
	}
}

func TestHotfixReachesABoardThatCannotSendHeartbeats(t *testing.T) {
	h, _ := settledHouse(t)
	h.fix(map[string]string{"app.py": "fixed"})
	h.brought(h.boot(meter), "map[app.py:fixed]")
	h.state(roost.HotfixServed)
	h.brought(h.beat(nil), "none")
}

func TestHotfixOutlivesARestartOfTheServer(t *testing.T) {
	h, _ := settledHouse(t)
	h.put(drop+"app.py", "fixed")
	h.look(0)
	h.look(whole)
	h = h.again(plan{blind: true})
	h.brought(h.beat(nil), "map[app.py:fixed]")
	h = h.again(plan{blind: true}) // killed between serving and archiving
	h.look(0)
	h.look(whole)
	h.look(whole)
	kept, _ := filepath.Glob(filepath.Join(h.ota, drop, "served/*/app.py"))
	if len(kept) != 1 || len(h.fixes()) != 1 || h.lies(drop+"app.py", "fixed") {
		t.Errorf("archived %v, hotfixes %+v", kept, h.fixes())
	}
	h.brought(h.beat(nil), "none")
	h.brought(h.boot(meter), "map[app.py:fixed]")
}

func TestDropThatChangesWhileItIsServed(t *testing.T) {
	h, _ := settledHouse(t)
	h.put(drop+"app.py", "one")
	h.look(0)
	h.look(whole)
	h.put(drop+"app.py", "two!")
	h.brought(h.beat(nil), "map[app.py:one]")
	h.look(0)
	h.look(whole)
	old, _ := filepath.Glob(filepath.Join(h.ota, drop, "served/*/app.py"))
	if len(old) != 1 || !h.lies(strings.TrimPrefix(old[0], h.ota), "one") {
		t.Errorf("archived %v", old)
	}
	h.brought(h.beat(nil), "map[app.py:two!]")
	h.look(whole)
	if all := h.fixes(); len(all) != 2 || all[1].State != roost.HotfixOvertaken {
		t.Errorf("hotfixes %+v", all)
	}
}

func TestDropIsChangedAndTakenBackByHand(t *testing.T) {
	h, _ := settledHouse(t)
	h.put(drop+"app.py", "one")
	h.look(0)
	h.look(whole)
	h.put(drop+"app.py", "two!")
	h.put(drop+"more.py", "m")
	h.look(0)
	h.look(whole)
	if f := h.state(roost.HotfixWaiting); len(f.Files) != 2 || len(h.fixes()) != 1 {
		t.Errorf("hotfixes %+v", h.fixes())
	}
	for _, name := range []string{"app.py", "more.py"} {
		if err := os.Remove(filepath.Join(h.ota, drop, name)); err != nil {
			t.Fatal(err)
		}
	}
	h.look(0)
	h.look(whole)
	h.state(roost.HotfixUndone)
	h.brought(h.beat(nil), "none")
	h.put(drop+"app.py", "three")
	h.look(0)
	h.look(whole)
	if err := os.RemoveAll(filepath.Join(h.ota, drop)); err != nil {
		t.Fatal(err)
	}
	h.look(whole)
	h.state(roost.HotfixUndone)
	h.brought(h.beat(nil), "none")
}

func TestUndoneBeforeItWasServed(t *testing.T) {
	h, _ := settledHouse(t)
	h.put(drop+"app.py", "one")
	h.look(0)
	h.look(whole)
	h.undo(h.fixes()[0].ID)
	h.brought(h.beat(nil), "none")
	h.look(whole)
	h.look(whole)
	h.brought(h.beat(nil), "none")
	if kept, _ := filepath.Glob(filepath.Join(h.ota, drop, "undone/*/app.py")); len(kept) != 1 || len(h.fixes()) != 1 {
		t.Errorf("kept %v, hotfixes %+v", kept, h.fixes())
	}
}

func TestUndoneAfterItWasServed(t *testing.T) {
	h, _ := settledHouse(t)
	f := h.fix(map[string]string{"app.py": "fixed", "extra.py": "e"})
	h.brought(h.beat(nil), "map[app.py:fixed extra.py:e]")
	h.undo(f.ID)
	h = h.again(plan{blind: true})
	h.brought(h.beat(nil), fmt.Sprintf("map[app.py:%s]", meter["app.py"]))
	h.brought(h.beat(nil), "none")
	if f := h.state(roost.HotfixUndone); f.Undoer != "bob" || f.Ended.IsZero() {
		t.Errorf("hotfix %+v", f)
	}
	if _, err := h.door.UndoHotfix(t.Context(), ref, f.ID, "bob"); roost.KindOf(err) != roost.Conflict {
		t.Errorf("undone again: %v", err)
	}
	if _, err := h.door.UndoHotfix(t.Context(), ref, "nope", "bob"); roost.KindOf(err) != roost.NotFound {
		t.Errorf("none of that id: %v", err)
	}
}

func TestAppOvertakesAHotfix(t *testing.T) {
	h, app := settledHouse(t)
	h.fix(map[string]string{"app.py": "fixed", "main.py": "fixed too"})
	h.beat(nil)
	h.edit(app, with(map[string]string{"app.py": "newer"}))
	h.brought(h.boot(with(map[string]string{"app.py": "fixed", "main.py": "fixed too"})), "map[app.py:newer]")
	h.state(roost.HotfixServed) // main.py still is
	h.edit(app, with(map[string]string{"app.py": "newer", "main.py": "newest"}))
	h.state(roost.HotfixOvertaken)
	h.brought(h.boot(with(map[string]string{"app.py": "newer", "main.py": "fixed too"})), "map[main.py:newest]")
}

func TestLaterHotfixCounts(t *testing.T) {
	h, _ := settledHouse(t)
	h.fix(map[string]string{"app.py": "one", "main.py": "one"})
	h.beat(nil)
	two := h.fix(map[string]string{"app.py": "two"})
	h.brought(h.beat(nil), "map[app.py:two]")
	h.brought(h.boot(meter), "map[app.py:two main.py:one]")
	h.undo(two.ID)
	h.brought(h.beat(nil), "map[app.py:one]")
}

func TestDropsThatCannotBe(t *testing.T) {
	h, _ := settledHouse(t)
	h.put(drop+"boot.py", "x")
	h.put(drop+"huge.py", strings.Repeat("x", 256<<10+1))
	h.put("heartbeat/nobody/app.py", "x")
	for range 3 {
		h.look(whole)
	}
	h.brought(h.beat(nil), "none")
	if said := h.log(); strings.Count(said, "hotfix refused: boot.py") != 1 || strings.Count(said, "hotfix refused: huge.py") != 1 {
		t.Errorf("log %s", said)
	}
	if said := h.logged.String(); strings.Count(said, "no board that was let in has the id nobody") != 1 {
		t.Errorf("log %s", said)
	}
	if !h.lies(drop+"boot.py", "x") {
		t.Error("what was refused is gone")
	}
	for _, files := range []map[string]string{nil, {"boot.py": "x"}, {"a/b.py": "x"}, {"..": "x"}, {"x.bin": "\xff"}, {"h.py": strings.Repeat("x", 256<<10+1)}} {
		if _, err := h.door.AddHotfix(t.Context(), ref, files, "ada"); roost.KindOf(err) != roost.Invalid {
			t.Errorf("%.40v: %v", files, err)
		}
	}
}

func TestWantedAgainstThere(t *testing.T) {
	h, _ := settledHouse(t)
	h.boot(map[string]string{"app.py": "old", "main.py": meter["main.py"], "mine.py": "m"})
	f := h.fix(map[string]string{"main.py": "fixed"})
	files, err := h.door.Files(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]roost.BoardFile{}
	for _, f := range files {
		got[f.Name] = f
	}
	for name, want := range map[string]roost.BoardFile{
		"app.py":     {Name: "app.py", Wanted: hash(meter["app.py"]), There: hash("old"), Size: len(meter["app.py"])},
		"main.py":    {Name: "main.py", Wanted: hash("fixed"), There: hash(meter["main.py"]), Size: 5, Hotfix: f.ID},
		"mine.py":    {Name: "mine.py", There: hash("m")},
		"vl53l0x.py": {Name: "vl53l0x.py", Wanted: hash(meter["vl53l0x.py"]), Size: len(meter["vl53l0x.py"])},
	} {
		if got[name] != want {
			t.Errorf("%+v, want %+v", got[name], want)
		}
	}
	if len(got) != 4 {
		t.Errorf("files %+v", files)
	}
}

// Roost was killed after the thing was deleted and before its board was.
func TestBoardThatWasDeletedLeavesNothingToTheNextOfItsMAC(t *testing.T) {
	h, _ := settledHouse(t)
	h.fix(map[string]string{"app.py": "fixed"})
	if err := h.rooms.Switchboard.Forget(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	h = h.again(plan{})
	if _, ok := h.door.Board(ref); ok {
		t.Error("what it said is still known")
	}
	if all := h.fixes(); len(all) > 0 {
		t.Errorf("hotfixes %+v", all)
	}
}
