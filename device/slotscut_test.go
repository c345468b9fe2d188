package device_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/roost-iot/roost/micropython"
)

// step is one boot of a story: what the board is to do in it, and what may be cut.
type step struct {
	errand string
	says   string // after it, if nothing was cut
}

// story is an update from its offer to its end.
type story struct {
	name     string
	kind     string
	before   *slotRig
	steps    []step
	old, new string // what a boot says of a version
	end      string // what it says in the end, old or new
}

// grown is a board with runtime 2 in a slot and app 1, both confirmed.
func grown(t testing.TB) *slotRig {
	t.Helper()
	r := newSlotRig(t)
	r.offer("os", "2", slotRuntime(t, "2"))
	wantLines(t, r.errand("install"), "runtime 1", "app none", "installed")
	wantLines(t, r.errand("confirm-os"), "runtime 2", "confirmed True")
	r.offer("app", "1", slotApp("1"))
	wantLines(t, r.errand("install"), "runtime 2", "app none", "installed")
	wantLines(t, r.errand("confirm-app"), "runtime 2", "app 1", "confirmed True")
	return r
}

func stories(t *testing.T) []story {
	app := grown(t)
	app.offer("app", "2", slotApp("2"))
	system := grown(t)
	system.offer("os", "3", slotRuntime(t, "3"))
	confirmed := func(kind, new string) []step {
		return []step{{"install", "installed"}, {"", new}, {"confirm-" + kind, "confirmed True"}, {"", new}}
	}
	returns := func(old, new string) []step {
		return []step{{"install", "installed"}, {"", new}, {"", new}, {"", new}, {"", old}, {"install", "refused: it was offered before"}}
	}
	rom := grownROM(t)
	rom.offer("os", "3", romImage(t, "3"))
	return []story{
		{"an app that is confirmed", "app", app, confirmed("app", "app 2"), "app 1", "app 2", "app 2"},
		{"an app that is not", "app", app, returns("app 1", "app 2"), "app 1", "app 2", "app 1"},
		{"a runtime that is confirmed", "os", system, confirmed("os", "runtime 3"), "runtime 2", "runtime 3", "runtime 3"},
		{"a runtime that is not", "os", system, returns("runtime 2", "runtime 3"), "runtime 2", "runtime 3", "runtime 2"},
		{"a runtime in ROM that is confirmed", "os", rom, confirmed("os", "runtime 3"), "runtime 2", "runtime 3", "runtime 3"},
		{"a runtime in ROM that is not", "os", rom, returns("runtime 2", "runtime 3"), "runtime 2", "runtime 3", "runtime 2"},
	}
}

// TestPowerCutsLeaveAWholeVersion cuts the power at every change of the flash in an update: before it,
// after it, and in the midst. Each cut is followed by boots until the story has come to its end.
func TestPowerCutsLeaveAWholeVersion(t *testing.T) {
	needVM(t)
	var mu sync.Mutex
	cuts, broken, older := 0, 0, 0
	t.Run("stories", func(t *testing.T) {
		for _, s := range stories(t) {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				at := s.before
				for i, x := range s.steps {
					whole := at.copied().put("/_s/why", "crash")
					from := whole.flash.Changes()
					wantLines(t, whole.errand(x.errand), x.says)
					for n, how := range s.cuts(i, whole.flash.Changes()-from) {
						ran := s.cut(t, at, i, n, how)
						mu.Lock()
						cuts++
						switch ran {
						case "":
							broken++
						case s.old:
							older++
						}
						mu.Unlock()
					}
					at = whole
				}
			})
		}
	})
	t.Logf("power cuts: %d, %d of them left the version before; boards without a running app: %d", cuts, older, broken)
	if cuts < 200/slotSparse || broken > 0 || older == 0 || older == cuts {
		t.Errorf("%d cuts, %d broken, %d older", cuts, broken, older)
	}
}

// cuts gives where to cut the power in step i: at each change in all ways, but where a runtime's files are
// copied, which are many alike, in one of them. To install is the same in stories that end otherwise.
func (s story) cuts(i, changes int) iter.Seq2[int, micropython.Cut] {
	sparse := slotSparse
	if s.before.rom != nil {
		sparse *= 2
	}
	return func(yield func(int, micropython.Cut) bool) {
		if i == 0 && s.end == s.old {
			return
		}
		for n := 1; n <= changes; n++ {
			for _, how := range []micropython.Cut{micropython.CutBefore, micropython.CutAfter, micropython.CutTorn} {
				alike := s.kind == "os" && n > 12 && n < changes-8
				if (!alike || n%3 == int(how)) && (n+i+int(how))%sparse == 0 && !yield(n, how) {
					return
				}
			}
		}
	}
}

// cut does step i of the story again, with a power cut, and what runs after it.
func (s story) cut(t *testing.T, before *slotRig, i, n int, how micropython.Cut) (ran string) {
	t.Helper()
	r := before.copied()
	r.put("/srv/errand", s.steps[i].errand).put("/_s/why", "crash")
	r.flash.Cut(n, how)
	if lines, err := slotSwitchOn(t, r.flash, r.rom); !errors.Is(err, micropython.ErrPowerCut) {
		t.Fatalf("step %d, cut %d.%d: %v, it printed %q", i, how, n, err, lines)
	}
	lines := r.errand(s.steps[i].errand)
	name := fmt.Sprintf("step %d after cut %d.%d", i, how, n)
	text := strings.Join(lines, " ")
	if slices.Contains(lines, s.old) == slices.Contains(lines, s.new) || strings.Contains(text, "failed") ||
		!strings.Contains(text, "app ") || slices.Contains(lines, "app none") {
		t.Errorf("%s it printed %q", name, lines)
		return ""
	}
	ran = s.new
	if slices.Contains(lines, s.old) {
		ran = s.old
	}
	s.converge(t, name, r)
	return ran
}

// converge boots until the story is at its end, as Roost goes on with it.
func (s story) converge(t *testing.T, name string, r *slotRig) {
	t.Helper()
	for range 8 {
		errand := "install"
		if s.end == s.new {
			errand += " confirm-" + s.kind
		}
		lines := r.errand(errand)
		text := strings.Join(lines, " ")
		if strings.Contains(text, "failed '") || strings.Contains(text, "mix") {
			t.Errorf("%s, later: %q", name, lines)
			return
		}
		if slices.Contains(lines, "refused: it was offered before") && slices.Contains(lines, s.end) {
			return
		}
	}
	t.Errorf("%s it did not come to %q", name, s.end)
}
