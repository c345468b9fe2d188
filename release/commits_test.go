package release_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// pickyCompiler finds fault with lines that say so.
type pickyCompiler struct{ fails bool }

func (c pickyCompiler) Check(_ context.Context, name string, source []byte) (all []release.Problem, err error) {
	if c.fails {
		return nil, errors.New("out of order")
	}
	for i, line := range strings.Split(string(source), "\n") {
		if strings.Contains(line, "fault") {
			all = append(all, release.Problem{Line: i + 1, Column: 1 + strings.Index(line, "fault"), Text: "invalid syntax"})
		}
	}
	return all, nil
}

func TestCommitsOfOneSecondHaveRisingIDs(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	last := int64(0)
	for i := range 5 {
		c := r.commit(a, strconv.Itoa(i))
		id, err := strconv.ParseInt(c.ID, 10, 64)
		if err != nil || id <= last || c.Parent == "" {
			t.Errorf("commit %q on %q after %d (%v)", c.ID, c.Parent, last, err)
		}
		last = id
	}
	before := get(r.Commits(t.Context(), roost.Home, a.ID))(t)
	texts := contents(r, a, before[0].ID)
	r.reopen()
	after := get(r.Commits(t.Context(), roost.Home, a.ID))(t)
	if len(after) != 6 || after[0].ID != strconv.FormatInt(last, 10) || after[0].Message != "4" || !slices.Equal(after[0].Files, before[0].Files) {
		t.Errorf("commits after a restart %+v", after)
	}
	if got := contents(r, a, after[0].ID); got["worker_task.py"] != texts["worker_task.py"] {
		t.Errorf("content after a restart %q", got)
	}
	kind(t, second(r.Commit(t.Context(), roost.Home, a.ID, "17")), roost.NotFound)
	kind(t, second(r.Content(t.Context(), roost.Home, a.ID, after[0].ID, "../x")), roost.NotFound)
}

func TestCommitsAtOnceAreAllKept(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	base := r.pool(a, "development").Commit
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids, won := map[string]bool{}, 0
	for i := range 16 {
		wg.Go(func() {
			n := release.NewCommit{Message: "m", Files: files(strconv.Itoa(i))}
			if i%2 == 0 {
				n.Parent = base
			}
			c, err := r.MakeCommit(t.Context(), roost.Home, a.ID, n)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && n.Parent != "":
				won++
				fallthrough
			case err == nil:
				ids[c.ID] = true
			case roost.KindOf(err) != roost.Conflict:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won > 1 || len(ids) != 8+won {
		t.Errorf("%d ids, %d of them on the same parent; want 8 and at most one more", len(ids), won)
	}
	r.reopen()
	if all := get(r.Commits(t.Context(), roost.Home, a.ID))(t); len(all) != len(ids)+1 {
		t.Errorf("%d commits kept of %d", len(all)-1, len(ids))
	}
}

func TestCommitOfWhatIsTheNewestAlreadyIsRefused(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	first := r.pool(a, "production").Commit
	_, err := r.MakeCommit(t.Context(), roost.Home, a.ID, release.NewCommit{})
	kind(t, err, roost.Invalid)
	next := r.commit(a, "x")
	_, err = r.MakeCommit(t.Context(), roost.Home, a.ID, release.NewCommit{Parent: first, Files: files("y")})
	kind(t, err, roost.Conflict)
	_, err = r.MakeCommit(t.Context(), roost.Home, a.ID, release.NewCommit{Parent: next.ID, Files: files("y")})
	r.must(err)
	_, err = r.MakeCommit(t.Context(), roost.Home, "nope", release.NewCommit{Files: files("y")})
	kind(t, err, roost.NotFound)
}

func TestFaultyFilesAreRefusedWithTheirPlace(t *testing.T) {
	r := newRoom(t, pickyCompiler{})
	a := r.app("Blink")
	for name, c := range map[string]struct {
		file, text   string
		line, column int
	}{
		"syntax":      {"lib.py", "import x\n  a fault", 2, 5},
		"not ASCII":   {"worker_task.py", "class WorkerTask:\n# caffè\n", 2, 7}, // compatibility case S08
		"boot.py":     {"boot.py", "", 0, 0},
		"in a folder": {"lib/x.py", "", 0, 0},
		"too large":   {"data.txt", strings.Repeat("x", 256<<10+1), 0, 0},
		"no text":     {"data.txt", "a\x00b", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			n := release.NewCommit{Files: files("x")}
			n.Files[c.file] = c.text
			_, err := r.MakeCommit(t.Context(), roost.Home, a.ID, n)
			kind(t, err, roost.Invalid)
			refused, ok := errors.AsType[*release.CheckError](err)
			if !ok || len(refused.Problems) == 0 {
				t.Fatalf("error %v has no problems", err)
			}
			p := refused.Problems[0]
			if p.File != c.file || p.Line != c.line || p.Column != c.column || p.Severity != release.Fault || p.Text == "" {
				t.Errorf("problem %+v, want one at %s:%d:%d", p, c.file, c.line, c.column)
			}
			if all := get(r.Commits(t.Context(), roost.Home, a.ID))(t); len(all) != 1 {
				t.Errorf("%d commits after a refused one", len(all))
			}
		})
	}
}

func TestTooMuchIsNoCommit(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	big, many := map[string]string{}, map[string]string{}
	for i := range 201 {
		many["f"+strconv.Itoa(i)] = "x"
		if i < 5 {
			big["f"+strconv.Itoa(i)] = strings.Repeat("x", 256<<10)
		}
	}
	for _, f := range []map[string]string{big, many, {}} {
		_, err := r.MakeCommit(t.Context(), roost.Home, a.ID, release.NewCommit{Files: f})
		kind(t, err, roost.Invalid)
	}
}

func TestWarningsStandInNobodysWay(t *testing.T) {
	r := newRoom(t, pickyCompiler{fails: true})
	a := r.app("Blink")
	on := true
	get(r.ChangePool(t.Context(), roost.Home, a.ID, "staging", release.PoolChange{Settings: roost.SettingsChange{Encrypt: &on}}))(t)
	f := map[string]string{"worker_task.py": "x = 1\ny = x & 3\n"}
	problems := get(r.Check(t.Context(), roost.Home, a.ID, f))(t)
	var texts []string
	for _, p := range problems {
		if p.Severity != release.Warning {
			t.Errorf("%+v is no warning", p)
		}
		texts = append(texts, p.String())
	}
	all := strings.Join(texts, "\n")
	for _, want := range []string{"could not be checked", "worker_task.py, line 2, column 7", "class WorkerTask", "management_task.py: There is no such file"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning says %q:\n%s", want, all)
		}
	}
	get(r.MakeCommit(t.Context(), roost.Home, a.ID, release.NewCommit{Files: f}))(t)
}

func TestUncheckedAppTakesBadSyntaxButNoBadBytes(t *testing.T) {
	r := newRoom(t, pickyCompiler{})
	a := r.app("Blink")
	on := true
	get(r.ChangeApp(t.Context(), roost.Home, a.ID, release.AppChange{Unchecked: &on}))(t)
	r.commit(a, "fault")
	_, err := r.MakeCommit(t.Context(), roost.Home, a.ID, release.NewCommit{Files: files("è")})
	kind(t, err, roost.Invalid)
}

func TestRestoreGoesBackAndKeepsDrafts(t *testing.T) {
	r := newRoom(t, pickyCompiler{})
	a := r.app("Blink")
	one := r.commit(a, "one")
	r.commit(a, "two")
	r.must(r.SaveDraft(t.Context(), roost.Home, a.ID, "lib.py", "x = 1", "bob"))
	c := get(r.Restore(t.Context(), roost.Home, a.ID, one.ID, "ada"))(t)
	if !slices.Equal(c.Files, one.Files) || c.ID <= one.ID || !strings.Contains(c.Message, one.ID) || c.Author != "ada" {
		t.Errorf("restored %+v", c)
	}
	if d := r.pool(a, "development").Commit; d != c.ID {
		t.Errorf("development is on %s, want %s", d, c.ID)
	}
	if n := r.Drafts(roost.Home, a.ID); n != 1 {
		t.Errorf("%d drafts", n)
	}
	kind(t, second(r.Restore(t.Context(), roost.Home, a.ID, c.ID, "ada")), roost.Invalid)
	kind(t, second(r.Restore(t.Context(), roost.Home, a.ID, "1", "ada")), roost.NotFound)
}

func TestZipOutAndInGivesTheSameFiles(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	c := r.commit(a, "zipped")
	r.must(r.SaveDraft(t.Context(), roost.Home, a.ID, "notes.md", "été", "ada"))
	for _, cid := range []string{c.ID, ""} {
		var b bytes.Buffer
		r.must(r.Zip(t.Context(), roost.Home, a.ID, cid, &b))
		got := get(release.ReadZip(bytes.NewReader(b.Bytes()), int64(b.Len())))(t)
		want := files("zipped")
		if cid == "" {
			want["notes.md"] = "été"
		}
		if len(got) != len(want) {
			t.Errorf("files of %q: %v", cid, got)
		}
		for name, text := range want {
			if got[name] != text {
				t.Errorf("%s came back as %q", name, got[name])
			}
		}
	}
}

// countingCompiler counts what it is asked.
type countingCompiler struct{ asked atomic.Int64 }

func (c *countingCompiler) Check(context.Context, string, []byte) ([]release.Problem, error) {
	c.asked.Add(1)
	return nil, nil
}

func TestSameTextIsCompiledOnce(t *testing.T) {
	c := &countingCompiler{}
	r := newRoom(t, c)
	a := r.app("Blink")
	for range 3 {
		get(r.Check(t.Context(), roost.Home, a.ID, files("x")))(t)
	}
	r.commit(a, "x")
	if n := c.asked.Load(); n != 2 {
		t.Errorf("%d files compiled, want each of two once", n)
	}
	r.commit(a, "y")
	if n := c.asked.Load(); n != 3 {
		t.Errorf("%d files compiled, want one more", n)
	}
}

func TestTaskThatImportsAnotherFileIsWarnedOf(t *testing.T) {
	r := newRoom(t, nil)
	a := r.app("Blink")
	f := files("x")
	f["lib.py"], f["worker_task.py"] = "y = 1\n", "import time\n\nif True:\n    from lib import y\nimport lib\n"+f["worker_task.py"]
	problems := get(r.Check(t.Context(), roost.Home, a.ID, f))(t)
	if len(problems) != 1 || problems[0].Severity != release.Warning || problems[0].File != "worker_task.py" || problems[0].Line != 4 || problems[0].Column != 10 {
		t.Errorf("problems %+v, want one warning at 4:10", problems)
	}
}
