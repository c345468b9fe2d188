package storetest

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

func boardOf(thing string) roost.Board {
	return roost.Board{
		Ref: home(thing), MAC: "28cdc1010203", AppType: "meter", DeviceType: "pico_w", Firmware: "1.2", Version: "7", IP: "10.0.0.7",
		Meta: `{"a":"\u00e9"}`, Interval: 1500 * time.Millisecond, Booted: after(3), Files: map[string]string{"app.py": "aa", "ü.py": "bb"},
	}
}

func testBoards(t *testing.T, b *bench) {
	ctx := t.Context()
	b.addOther()
	same(t, "a new store", get(b.Boards(ctx))(t), []roost.Board(nil))
	one, bare := boardOf("m1"), roost.Board{Ref: roost.Ref{Project: other, Thing: "m1"}}
	b.must(b.SaveBoard(ctx, bare))
	b.must(b.SaveBoard(ctx, one))
	lost := one
	lost.Project = "nowhere"
	b.kind(b.SaveBoard(ctx, lost), roost.NotFound)
	one.Firmware, one.Files, one.Meta = "1.3", map[string]string{}, ""
	b.must(b.SaveBoard(ctx, one))
	b.reopen()
	same(t, "boards", get(b.Boards(ctx))(t), []roost.Board{one, bare})
	b.must(b.DeleteBoard(ctx, one.Ref))
	b.must(b.DeleteBoard(ctx, one.Ref))
	b.reopen()
	same(t, "boards left", get(b.Boards(ctx))(t), []roost.Board{bare})

	meter := roost.BoardDirectory{Project: roost.Home, Board: "meter", App: aid, Commit: "100"}
	theirs := roost.BoardDirectory{Project: other, Board: "meter", App: "x", Commit: "1"}
	b.must(b.SaveBoardDirectory(ctx, theirs))
	b.must(b.SaveBoardDirectory(ctx, meter))
	meter.Commit = "101"
	b.must(b.SaveBoardDirectory(ctx, meter))
	b.reopen()
	same(t, "directories", get(b.BoardDirectories(ctx))(t), []roost.BoardDirectory{meter, theirs})
	b.must(b.DeleteBoardDirectory(ctx, roost.Home, "meter"))
	b.must(b.DeleteBoardDirectory(ctx, roost.Home, "meter"))
	b.reopen()
	same(t, "directories left", get(b.BoardDirectories(ctx))(t), []roost.BoardDirectory{theirs})

	a := blink(roost.Home, aid)
	a.Board = "meter"
	a, _, _ = b.made(a)
	again := blink(roost.Home, "another")
	again.Board = "meter"
	c, contents := commitOf(again, "100", "", 0, "a.py")
	b.kind(second(b.MakeApp(ctx, again, nil, c, contents)), roost.Conflict)
	b.reopen()
	same(t, "an app for boards", get(b.Apps(ctx))(t), []roost.App{a})
}

func hotfixOf(thing, id string, made int, names ...string) (roost.Hotfix, []string) {
	h := roost.Hotfix{Ref: home(thing), ID: id, State: roost.HotfixWaiting, By: "Ada", At: after(made), Dropped: true}
	var contents []string
	for _, name := range names {
		text := id + " of " + name + " ü"
		h.Files = append(h.Files, roost.HotfixFile{Name: name, Digest: sha256.Sum256([]byte(text)), MD5: "m" + name, Size: len(text), Base: "b" + name})
		contents = append(contents, text)
	}
	return h, contents
}

func testHotfixes(t *testing.T, b *bench) {
	ctx := t.Context()
	same(t, "a new store", get(b.OpenHotfixes(ctx))(t), []roost.Hotfix(nil))
	one, contents := hotfixOf("m1", "one", 1, "a.py", "b.py")
	b.must(b.AddHotfix(ctx, one, contents))
	two, contents := hotfixOf("m1", "two", 2, "a.py")
	b.must(b.AddHotfix(ctx, two, contents))
	far, contents := hotfixOf("m2", "far", 0, "a.py")
	b.must(b.AddHotfix(ctx, far, contents))
	b.reopen()
	same(t, "open ones, oldest first", get(b.OpenHotfixes(ctx))(t), []roost.Hotfix{far, one, two})
	same(t, "content", get(b.HotfixContent(ctx, "one", "b.py"))(t), "one of b.py ü")
	b.kind(second(b.HotfixContent(ctx, "one", "c.py")), roost.NotFound)

	one.State, one.Served, one.Files[1].Over = roost.HotfixServed, after(5), true
	two.State, two.Ended, two.Undoer, two.Dropped = roost.HotfixUndone, after(6), "Bob", false
	b.must(b.SaveHotfixes(ctx, []roost.Hotfix{one, two}))
	b.reopen()
	same(t, "open ones", get(b.OpenHotfixes(ctx))(t), []roost.Hotfix{far, one})
	same(t, "all of a board, newest first", get(b.Hotfixes(ctx, home("m1"), 0))(t), []roost.Hotfix{two, one})
	same(t, "the newest", get(b.Hotfixes(ctx, home("m1"), 1))(t), []roost.Hotfix{two})
	two.Reverting = true
	b.must(b.SaveHotfixes(ctx, []roost.Hotfix{two}))
	same(t, "one on its way back", get(b.OpenHotfixes(ctx))(t), []roost.Hotfix{far, one, two})

	next, contents := hotfixOf("m2", "far", 0, "c.py", "d.py")
	b.must(b.AddHotfix(ctx, next, contents))
	b.reopen()
	same(t, "replaced", get(b.Hotfixes(ctx, home("m2"), 0))(t), []roost.Hotfix{next})
	b.must(b.DeleteBoard(ctx, home("m1")))
	b.reopen()
	same(t, "hotfixes left", get(b.OpenHotfixes(ctx))(t), []roost.Hotfix{next})
	b.kind(second(b.HotfixContent(ctx, "one", "a.py")), roost.NotFound)
}
