package release_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// states gives the working copy as "name state", without what is the same.
func (r *room) states(a roost.App) string {
	r.t.Helper()
	var all []string
	for _, f := range get(r.Working(r.t.Context(), roost.Home, a.ID))(r.t) {
		if f.State != release.Same {
			all = append(all, fmt.Sprintf("%s %s by %s", f.Name, f.State, f.By))
		}
	}
	if n := r.Drafts(roost.Home, a.ID); n != len(all) {
		r.t.Errorf("%d drafts counted, working copy has %q", n, all)
	}
	return strings.Join(all, ", ")
}

func TestWorkingCopyIsTheNewestCommitWithDraftsOverIt(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	ctx, old := t.Context(), contents(r, a, r.pool(a, "production").Commit)["worker_task.py"]
	want := func(text string) {
		t.Helper()
		if got := r.states(a); got != text {
			t.Errorf("working copy: %s\nwant: %s", got, text)
		}
	}
	want("")
	r.must(r.SaveDraft(ctx, roost.Home, a.ID, "worker_task.py", "x = 1\n", "ada"))
	r.must(r.SaveDraft(ctx, roost.Home, a.ID, "lib.py", "# è\n", "bob")) // a draft may be what a commit may not
	want("lib.py new by bob, worker_task.py changed by ada")
	r.must(r.SaveDraft(ctx, roost.Home, a.ID, "worker_task.py", old, "ada"))
	want("lib.py new by bob")
	r.must(r.RenameFile(ctx, roost.Home, a.ID, "lib.py", "tool.py", "ada"))
	want("tool.py new by ada")
	r.must(r.RenameFile(ctx, roost.Home, a.ID, "worker_task.py", "old.py", "ada"))
	want("old.py new by ada, tool.py new by ada, worker_task.py deleted by ada")
	r.reopen()
	want("old.py new by ada, tool.py new by ada, worker_task.py deleted by ada")
	if got := get(r.Content(ctx, roost.Home, a.ID, "", "old.py"))(t); got != old {
		t.Errorf("renamed file has %q", got)
	}
	kind(t, second(r.Content(ctx, roost.Home, a.ID, "", "worker_task.py")), roost.NotFound)
	kind(t, r.RenameFile(ctx, roost.Home, a.ID, "old.py", "tool.py", "ada"), roost.Conflict)
	kind(t, r.RenameFile(ctx, roost.Home, a.ID, "nope.py", "x.py", "ada"), roost.NotFound)
	kind(t, r.DeleteFile(ctx, roost.Home, a.ID, "worker_task.py", "ada"), roost.NotFound)
	r.must(r.DeleteFile(ctx, roost.Home, a.ID, "tool.py", "ada"))
	r.must(r.Discard(ctx, roost.Home, a.ID, "worker_task.py"))
	kind(t, r.Discard(ctx, roost.Home, a.ID, "worker_task.py"), roost.NotFound)
	want("old.py new by ada")
	r.must(r.Discard(ctx, roost.Home, a.ID, ""))
	want("")
}

func TestCommitTakesTheDraftsUp(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	ctx := t.Context()
	r.must(r.SaveDraft(ctx, roost.Home, a.ID, "lib.py", "x = 1\n", "ada"))
	r.must(r.DeleteFile(ctx, roost.Home, a.ID, "management_task.py", "ada"))
	c := get(r.MakeCommit(ctx, roost.Home, a.ID, release.NewCommit{Message: "lib", Author: "ada", Origin: "editor"}))(t)
	if len(c.Files) != 2 || c.Files[0].Name != "lib.py" || c.Files[1].Name != "worker_task.py" {
		t.Errorf("commit has %+v", c.Files)
	}
	if got := r.states(a); got != "" {
		t.Errorf("left over: %s", got)
	}
	if e := get(r.App(roost.Home, a.ID))(t).Edited; !e.Equal(c.At) {
		t.Errorf("edited %v, committed %v", e, c.At)
	}
}

// A commit that came from elsewhere must not destroy what somebody has in the editor.
func TestCommitOfOtherFilesLeavesDrafts(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	r.must(r.SaveDraft(t.Context(), roost.Home, a.ID, "mine.py", "x = 1\n", "ada"))
	r.must(r.SaveDraft(t.Context(), roost.Home, a.ID, "worker_task.py", files("pushed")["worker_task.py"], "ada"))
	r.commit(a, "pushed")
	if got := r.states(a); got != "mine.py new by ada" {
		t.Errorf("drafts: %q, want the one that the commit does not have", got)
	}
}

func TestNamesThatCannotBe(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	for _, name := range []string{"", "a/b.py", `a\b`, "../x", "..", ".git", "1.py", "-x", "boot.py", "a..py", "ü.py", "a b", strings.Repeat("x", 65)} {
		kind(t, r.SaveDraft(t.Context(), roost.Home, a.ID, name, "", "ada"), roost.Invalid)
	}
	for _, name := range []string{"", " ", " x", "x ", "a\nb", strings.Repeat("ü", 65), "\xff"} {
		_, err := r.CreateApp(t.Context(), roost.Home, release.NewApp{Name: name})
		kind(t, err, roost.Invalid)
	}
	cid := r.pool(a, "production").Commit
	for _, name := range []string{"", "latest", "Latest", "1700000000", "a b", "a/b", "-a", strings.Repeat("x", 37), "ü"} {
		_, err := r.SetTag(t.Context(), roost.Home, a.ID, name, cid, "ada")
		kind(t, err, roost.Invalid)
	}
	for _, name := range []string{"", "a b", "a/b", "é", strings.Repeat("x", 37)} {
		_, err := r.AddPool(t.Context(), roost.Home, a.ID, name, roost.Staging)
		kind(t, err, roost.Invalid)
	}
	_, err := r.CreateApp(t.Context(), roost.Home, release.NewApp{Name: "bLINK"})
	kind(t, err, roost.Conflict)
	_, err = r.AddPool(t.Context(), roost.Home, a.ID, "Staging", roost.Staging)
	kind(t, err, roost.Conflict)
}
