package board_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/board"
	"github.com/roost-iot/roost/release"
)

// full is a store that cannot take commits as long as it is full.
type full struct {
	release.Store
	full bool
}

func (f *full) SaveCommit(ctx context.Context, c roost.Commit, contents, drafts []string) error {
	if f.full {
		return errors.New("the disk is full")
	}
	return f.Store.SaveCommit(ctx, c, contents, drafts)
}

func TestChangeThatCannotBeStoredIsTakenLater(t *testing.T) {
	var disk *full
	h, app := still(t, plan{source: func(s release.Store) release.Store { disk = &full{Store: s}; return disk }})
	disk.full = true
	h.put("boot/meter/app.py", "x = 2")
	for range 3 {
		h.look(whole)
	}
	h.hasStill(app, meter)
	disk.full = false
	h.look(whole)
	h.has(with(map[string]string{"app.py": "x = 2"}))
	if n := strings.Count(h.logged.String(), "cannot be stored at present"); n != 1 {
		t.Errorf("it was said %d times: %s", n, h.logged)
	}
}

// hasStill wants an app to have these files, and no more.
func (h *house) hasStill(app roost.App, files map[string]string) {
	h.t.Helper()
	if !h.hasFiles(app, files) {
		h.t.Fatalf("commit %+v", h.commits(app)[0])
	}
}

func TestDirectoryThatWasTakenAwayIsSaidOnce(t *testing.T) {
	h, _ := still(t, plan{})
	if err := os.RemoveAll(filepath.Join(h.ota, "boot/meter")); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		h.look(whole)
	}
	if n := strings.Count(h.logged.String(), "was taken away"); n != 1 {
		t.Errorf("it was said %d times", n)
	}
}

func TestAllDirectoriesThatWereTakenAwayComeWithTheNextCommit(t *testing.T) {
	h, app := still(t, plan{})
	if err := os.RemoveAll(filepath.Join(h.ota, "boot")); err != nil {
		t.Fatal(err)
	}
	h.look(whole)
	h.hasStill(app, meter)
	next := with(map[string]string{"app.py": "x = 9"})
	h.edit(app, next)
	h.look(whole)
	h.lie(next)
}

// killed is a store of a Roost that was killed as it had written but a part of a directory.
type killed struct {
	board.Store
	kill func()
}

func (k *killed) SaveBoardDirectory(ctx context.Context, d roost.BoardDirectory) error {
	if k.kill != nil {
		k.kill()
		return errors.New("killed")
	}
	return k.Store.SaveBoardDirectory(ctx, d)
}

// What was not written yet is not what somebody deleted.
func TestDirectoryIsWrittenAgainAfterItWasWrittenByHalves(t *testing.T) {
	k := &killed{}
	h, app := still(t, plan{change: func(c *board.Config) { k.Store = c.Store; c.Store = k }})
	if err := os.RemoveAll(filepath.Join(h.ota, "boot/meter")); err != nil {
		t.Fatal(err)
	}
	next := with(map[string]string{"new.py": "x = 9"})
	h.edit(app, next)
	k.kill = func() {
		if err := os.Remove(filepath.Join(h.ota, "boot/meter/main.py")); err != nil {
			t.Error(err)
		}
	}
	h.look(whole)
	h = h.again(plan{blind: true})
	for range 3 {
		h.look(whole)
	}
	h.has(next)
	h.lie(next)
}

// A file whose name is one of those that are never looked at may be an app's all the same.
func TestFileThatDirectoriesLeaveAloneStaysInItsApp(t *testing.T) {
	h, app := still(t, plan{})
	next := with(map[string]string{"words.new": "of people"})
	h.edit(app, next)
	for range 3 {
		h.look(whole)
	}
	h.hasStill(app, next)
	h.lie(meter)
	h.put("boot/meter/words.new", "of a program that copies")
	next["app.py"] = "x = 4"
	next["words.new"] = "of people, changed"
	h.edit(app, next)
	for range 3 {
		h.look(whole)
	}
	h.hasStill(app, next)
	h.lie(with(map[string]string{"app.py": "x = 4", "words.new": "of a program that copies"}))
}

func TestDirectoryOfManyLargeFilesIsNotRead(t *testing.T) {
	h, app := still(t, plan{})
	for i := range 70 {
		name := fmt.Sprintf("boot/meter/f%02d.py", i)
		h.put(name, "")
		if err := os.Truncate(filepath.Join(h.ota, name), 256<<10); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		h.look(whole)
	}
	h.hasStill(app, meter)
	if n := strings.Count(h.logged.String(), "at most 16777216 are read"); n != 1 {
		t.Errorf("it was said %d times: %s", n, h.logged)
	}
}

// That the directories cannot be read does not mean that their files are gone.
func TestHotfixWaitsWhileItsDirectoryCannotBeRead(t *testing.T) {
	h, _ := settledHouse(t)
	h.put(drop+"app.py", "fixed")
	h.look(0)
	h.look(whole)
	f := h.state(roost.HotfixWaiting)
	at, away := filepath.Join(h.ota, "heartbeat"), filepath.Join(h.ota, "away")
	if err := errors.Join(os.Rename(at, away), os.WriteFile(at, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	h.look(whole)
	if err := errors.Join(os.Remove(at), os.Rename(away, at)); err != nil {
		t.Fatal(err)
	}
	h.look(whole)
	h.look(whole)
	if again := h.state(roost.HotfixWaiting); again.ID != f.ID || len(h.fixes()) != 1 {
		t.Errorf("hotfixes %+v", h.fixes())
	}
}

// meanwhile is somebody who does something while an answer is being written.
type meanwhile struct {
	*httptest.ResponseRecorder
	do func()
}

func (m *meanwhile) Write(b []byte) (int, error) {
	m.do()
	return m.ResponseRecorder.Write(b)
}

// beatWhile sends a heartbeat, and does something while it is answered.
func (h *house) beatWhile(do func()) string {
	h.t.Helper()
	m := &meanwhile{httptest.NewRecorder(), do}
	r := httptest.NewRequest(http.MethodPost, "/iot/heartbeat", bytes.NewBufferString(`{"device_id":"`+string(id)+`"}`))
	h.door.ServeHTTP(m, r)
	return m.Body.String()
}

func TestDropThatChangesWhileItsAnswerIsWritten(t *testing.T) {
	h, _ := settledHouse(t)
	h.put(drop+"app.py", "one")
	h.look(0)
	h.look(whole)
	a := h.beatWhile(func() {
		h.put(drop+"app.py", "two!")
		h.look(0)
		h.look(whole)
	})
	if !strings.Contains(a, `"app.py":"one"`) {
		t.Fatalf("answer %s", a)
	}
	h.look(whole)
	h.look(whole)
	h.brought(h.beat(nil), "map[app.py:two!]")
	if all := h.fixes(); len(all) != 2 || all[0].State != roost.HotfixServed {
		t.Errorf("hotfixes %+v", all)
	}
}

func TestDropThatIsTakenBackWhileItsAnswerIsWritten(t *testing.T) {
	h, _ := settledHouse(t)
	h.put(drop+"app.py", "one")
	h.look(0)
	h.look(whole)
	h.beatWhile(func() {
		if err := os.Remove(filepath.Join(h.ota, drop, "app.py")); err != nil {
			t.Error(err)
		}
		h.look(0)
		h.look(whole)
	})
	h.state(roost.HotfixUndone)
	h.brought(h.beat(nil), fmt.Sprintf("map[app.py:%s]", meter["app.py"]))
	h.brought(h.beat(nil), "none")
}

// The app's newer file goes out with its others, at the next boot.
func TestHotfixThatIsOvertakenBeforeItWasServedBringsNothing(t *testing.T) {
	h, app := settledHouse(t)
	h.fix(map[string]string{"app.py": "fixed"})
	h.edit(app, with(map[string]string{"app.py": "newer"}))
	h.brought(h.beat(nil), "none")
	h.state(roost.HotfixOvertaken)
}

func TestDropsOfADeletedBoardWaitForTheNextOfItsID(t *testing.T) {
	h, _ := settledHouse(t)
	h.put(drop+"app.py", "fixed")
	h.look(0)
	h.look(whole)
	for _, forget := range []func(context.Context, roost.Ref) error{h.rooms.Switchboard.Forget, h.door.Forget, h.releases.Forget} {
		if err := forget(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
	h.look(whole)
	h.boot(meter)
	h.look(whole)
	h.brought(h.beat(nil), "map[app.py:fixed]")
}

func TestRefusedDropIsSaidAgainAfterItWasGood(t *testing.T) {
	h, _ := settledHouse(t)
	bad := strings.Repeat("x", 256<<10+1)
	for _, text := range []string{bad, "good", bad} {
		h.put(drop+"app.py", text)
		h.look(time.Second)
		h.look(whole)
		h.beat(nil)
	}
	if said := h.log(); strings.Count(said, "hotfix refused: app.py") != 2 {
		t.Errorf("log %s", said)
	}
}
