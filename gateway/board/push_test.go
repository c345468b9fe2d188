package board_test

import (
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/board"
)

func TestPushedDirectoryIsTakenAsItLies(t *testing.T) {
	h := build(t, plan{change: func(c *board.Config) { c.Stable = time.Hour }})
	for name, text := range meter {
		h.put("boot/meter/"+name, text)
	}
	if _, ok := h.releases.BoardApp(roost.Home, "meter"); ok {
		t.Fatal("a directory that is being written is an app")
	}
	c, err := h.door.Push(t.Context(), "meter")
	if err != nil || c.Origin != "directory" {
		t.Fatalf("commit %+v, %v; log: %s", c, err, h.logged)
	}
	app := h.has(meter)
	h.put("boot/meter/app.py", "x = 3\n")
	again, err := h.door.Push(t.Context(), "meter")
	if err != nil || again.ID == c.ID || !h.hasFiles(app, with(map[string]string{"app.py": "x = 3\n"})) {
		t.Errorf("commit %+v, %v; log: %s", again, err, h.logged)
	}
	if same, err := h.door.Push(t.Context(), "meter"); err != nil || same.ID != again.ID {
		t.Errorf("nothing has changed, and there is commit %+v, %v", same, err)
	}
}

func TestPushOfNoDirectory(t *testing.T) {
	h := build(t, plan{})
	for kind, want := range map[string]roost.ErrorKind{"nothing": roost.NotFound, "..": roost.Invalid, "a/b": roost.Invalid} {
		if _, err := h.door.Push(t.Context(), kind); roost.KindOf(err) != want {
			t.Errorf("%q: %v, want %v", kind, err, want)
		}
	}
}
