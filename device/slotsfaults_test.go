package device_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost/wire/agent"
)

// kept is all that an update must not touch before it is taken.
func (r *slotRig) kept() map[string]string {
	files := map[string]string{}
	for _, name := range r.flash.Files() {
		if !strings.HasPrefix(name, "/srv/") && name != "/_s/wait" {
			text, _ := r.flash.ReadFile(name)
			files[name] = string(text)
		}
	}
	return files
}

type spoil = func(*agent.Release, *agent.Envelope, *agent.Update)

func TestUpdatesAreRefusedBeforeTheFlashIsTouched(t *testing.T) {
	needVM(t)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, other, _ := ed25519.GenerateKey(nil)
	sign := func(key ed25519.PrivateKey) spoil {
		return func(_ *agent.Release, _ *agent.Envelope, u *agent.Update) {
			if u != nil {
				u.Sig = agent.Sign(key, u.R)
			}
		}
	}
	sealed := func(f func(*agent.Update)) spoil {
		return func(_ *agent.Release, _ *agent.Envelope, u *agent.Update) {
			if u != nil {
				f(u)
			}
		}
	}
	text := func(f func(*agent.Release, *agent.Envelope)) spoil {
		return func(r *agent.Release, e *agent.Envelope, _ *agent.Update) {
			if r != nil {
				f(r, e)
			}
		}
	}
	file := agent.FileOf([]byte("x"))
	named := func(names ...string) spoil {
		return text(func(r *agent.Release, e *agent.Envelope) {
			for _, n := range names {
				r.Files[n] = file
			}
			e.Use = append([]string{}, names...)
		})
	}
	plain := grown(t)
	owned := plain.copied()
	owned.put("/_s/owner", fmt.Sprintf("%x\n", []byte(public)))
	trial := plain.copied().put("/_s/app", `{"run":"_p","ver":"1","prev":"","pver":"","try":0,"bad":[],"n":2}`)
	broken := plain.copied().put("/_s/app", `{"run":"_p","ver":"1","prev":"","pver":"","bad":["0","2"],"n":2}`)
	badOwner := plain.copied().put("/_s/owner", "no key")
	older := text(func(r *agent.Release, _ *agent.Envelope) { r.Seq = 1 })
	for _, c := range []struct {
		name  string
		rig   *slotRig
		says  string
		spoil []spoil
	}{
		{"mac of nobody", plain, "refused: its mac is wrong", []spoil{sealed(func(u *agent.Update) { u.MAC = strings.Repeat("0", 64) })}},
		{"release changed", plain, "refused: its mac is wrong", []spoil{sealed(func(u *agent.Update) { u.R = strings.Replace(u.R, `"2"`, `"3"`, 1) })}},
		{"envelope changed", plain, "refused: its mac is wrong", []spoil{sealed(func(u *agent.Update) { u.E = strings.Replace(u.E, `"n":`, `"n":1`, 1) })}},
		{"parts swapped", plain, "refused: its mac is wrong", []spoil{sealed(func(u *agent.Update) { u.E, u.R = u.R, u.E })}},
		{"no signature", owned, "refused: it is not signed by the owner's release key", nil},
		{"signature of another", owned, "refused: it is not signed by the owner's release key", []spoil{sign(other)}},
		{"signature of another text", owned, "refused: it is not signed by the owner's release key", []spoil{sealed(func(u *agent.Update) { u.Sig = agent.Sign(private, u.E) })}},
		{"signature cut off", owned, "refused: it is not signed by the owner's release key", []spoil{sign(private), sealed(func(u *agent.Update) { u.Sig = u.Sig[:126] })}},
		{"owner's key unreadable", badOwner, "", []spoil{sign(private)}},
		{"older than what runs", owned, "refused: it is older than what runs", []spoil{sign(private), older}},
		{"for another thing", plain, "refused: it is for board-2", []spoil{text(func(_ *agent.Release, e *agent.Envelope) { e.For = "board-2" })}},
		{"replayed", plain, "refused: it was offered before", []spoil{text(func(_ *agent.Release, e *agent.Envelope) { e.N = 2 })}},
		{"failed before", broken, "refused: this version failed here", nil},
		{"trial under way", trial, "held: a trial is under way", nil},
		{"newer runtime needed", plain, "held: it needs runtime 99.0.0", []spoil{text(func(r *agent.Release, _ *agent.Envelope) { r.MinOS = "99.0.0" })}},
		{"name that leads out", plain, "refused: no file can be named ../boot.py here", []spoil{named("../boot.py")}},
		{"name that is absolute", plain, "refused: no file can be named /boot.py here", []spoil{named("/boot.py")}},
		{"name too deep", plain, "refused: no file can be named a/b/c.py here", []spoil{named("a/b/c.py")}},
		{"name with a space", plain, "refused: no file can be named a b.py here", []spoil{named("a b.py")}},
		{"name of the release", plain, "refused: no file can be named _r here", []spoil{named("_r")}},
		{"name in a file", plain, "refused: no file can be named a/b here", []spoil{named("a", "a/b")}},
		{"name of a part", plain, "refused: no file can be named a here", []spoil{named("a", "a.n")}},
		{"both forms of a module", plain, "refused: no file can be named app.mpy here", []spoil{named("app.mpy", "app.py")}},
		{"no files", plain, "refused: it has no files", []spoil{named()}},
		{"a file that the release has not", plain, "", []spoil{text(func(_ *agent.Release, e *agent.Envelope) { e.Use = []string{"z.py"} })}},
		{"another kind", plain, "", []spoil{text(func(r *agent.Release, _ *agent.Envelope) { r.Kind = "firmware" })}},
		{"no JSON", plain, "", []spoil{sealed(func(u *agent.Update) { *u = plain.key.Offer("{", "[", "") })}},
		{"no room", plain, "held: there is no room", []spoil{text(func(r *agent.Release, _ *agent.Envelope) {
			r.Files["app.py"] = agent.File{Size: 3 << 20, SHA256: file.SHA256}
		})}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.rig.copied()
			r.t = t
			r.offer("app", "2", slotApp("2"), c.spoil...)
			before := r.kept()
			lines := r.errand("install due")
			if i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "refused: ") || strings.HasPrefix(l, "held: ") }); i < 0 || c.says != "" && lines[i] != c.says {
				t.Errorf("it printed %q", lines)
			}
			wantLines(t, lines, "due False") // not again at once
			for name, text := range r.kept() {
				if name != "/_s/app" && text != before[name] {
					t.Errorf("%s has changed to %q", name, text)
				}
				delete(before, name)
			}
			if len(before) > 0 {
				t.Errorf("%d files are gone", len(before))
			}
		})
	}
	for name, changes := range map[string][]spoil{
		"signed":                         {sign(private)},
		"older, and the release says so": {sign(private), older, text(func(r *agent.Release, _ *agent.Envelope) { r.Down = true })},
	} {
		t.Run(name, func(t *testing.T) {
			r := owned.copied()
			r.t = t
			r.offer("app", "2", slotApp("2"), changes...)
			wantLines(t, r.errand("install"), "app 1", "installed")
			wantLines(t, r.errand(""), "app 2")
		})
	}
}

func TestDownloadsThatFailLeaveWhatRuns(t *testing.T) {
	needVM(t)
	plain := grown(t)
	plain.offer("app", "2", slotApp("2"))
	for _, c := range []struct{ name, faults, says string }{
		{"another content", "other", "held: another content came than the release says"},
		{"more than it should be", "more", "held: more came than the release says"},
		{"no memory", "memory", "held: there is not enough memory"},
		{"gone for good", strings.Repeat("cut 0\n", 5), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := plain.copied().put("/srv/faults", c.faults)
			r.t = t
			lines := r.errand("install due state")
			if i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "held: ") }); i < 0 || c.says != "" && lines[i] != c.says {
				t.Errorf("it printed %q", lines)
			}
			wantLines(t, lines, "app 1", "due False")
			r.put("/srv/faults", "")
			wantLines(t, r.errand("install"), "app 1", "installed") // what came is no harm
			wantLines(t, r.errand("due"), "app 2", "due True")
		})
	}
	for name, faults := range map[string]string{
		"server gone mid-download": "cut 3" + strings.Repeat("\ncut 0", 4) + strings.Repeat("\ncut 700", 3) + "\ncut 0\ncut 100", "timeouts": "\ncut 1\ntimeout",
	} {
		t.Run(name, func(t *testing.T) {
			r := plain.copied().put("/srv/faults", faults).put("/srv/asked", "yes")
			r.t = t
			lines := r.errand("install")
			wantLines(t, lines, "app 1", "installed")
			if name == "server gone mid-download" {
				wantLines(t, lines, "asked [0, 3, 3, 3, 3, 3, 0, 0, 700, 700, 800]")
			}
			wantLines(t, r.errand(""), "app 2")
		})
	}
	t.Run("a part that is left of another version", func(t *testing.T) {
		r := plain.copied().put("/_q/part.py.n", "V = 'old'").put("/_q/app.mpy", "old").put("/_q/os/x", "old").put("/_q/left.n", "old")
		r.t = t
		wantLines(t, r.errand("install"), "app 1", "installed")
		wantLines(t, r.errand(""), "app 2")
		for _, name := range r.flash.Files() {
			if strings.HasPrefix(name, "/_q/") && (strings.HasSuffix(name, ".n") || strings.HasSuffix(name, ".mpy") || strings.HasPrefix(name, "/_q/os")) {
				t.Errorf("%s is left", name)
			}
		}
	})
}

// TestFullFlashLeavesWhatRuns lets other files fill the flash while an update comes, so that each
// write in turn is the one that fails.
func TestFullFlashLeavesWhatRuns(t *testing.T) {
	needVM(t)
	r := grown(t)
	r.offer("app", "2", slotApp("2"))
	files := 0
	for _, name := range r.flash.Files() {
		text, _ := r.flash.ReadFile(name)
		files += 1 + max(0, len(text)-1)/4096
	}
	refused := 0
	for room := 0; room < 22; room += 3 { // blocks; 16 kB are asked for at least
		x := r.copied()
		x.flash.Size = (files + 10 + room) * 4096
		lines := x.errand("install")
		switch {
		case slices.Contains(lines, "installed"):
			wantLines(t, x.errand(""), "app 2")
			continue
		case slices.Contains(lines, "held: there is no room"):
			refused++
		default:
			t.Fatalf("with %d blocks it printed %q", room, lines)
		}
		wantLines(t, x.errand(""), "app 1")
	}
	whole := r.copied()
	from := whole.flash.Changes()
	wantLines(t, whole.errand("install"), "installed")
	changes := whole.flash.Changes() - from
	writes := 0
	for n := 1; n <= changes; n++ { // now it fills up at the n-th change
		x := r.copied()
		seen, full := 0, false
		big := bytes.Repeat([]byte("x"), 4<<20)
		x.flash.Before = func(change, name string) error {
			if seen++; seen == n && !full {
				full = true
				x.flash.WriteFile("/log", big)
			}
			return nil
		}
		lines := x.errand("install")
		x.flash.Before = nil
		if !slices.Contains(lines, "installed") {
			writes++
			if !slices.Contains(lines, "held: there is no room") {
				t.Fatalf("full at change %d it printed %q", n, lines)
			}
			for _, name := range x.flash.Files() {
				if strings.HasPrefix(name, "/_q/") {
					t.Errorf("full at change %d: %s takes room", n, name)
					break
				}
			}
			wantLines(t, x.errand(""), "app 1")
		}
		x.flash.RemoveFile("/log")
		wantLines(t, x.errand("install"), "runtime 2")
		wantLines(t, x.errand(""), "app 2")
	}
	t.Logf("refused with %d sizes of flash; full at %d of %d changes", refused, writes, changes)
	if refused == 0 || refused == 8 || writes < 5 {
		t.Errorf("refused %d, full at %d", refused, writes)
	}
}

func TestNoStateIsTooBroken(t *testing.T) {
	needVM(t)
	r := grown(t)
	r.offer("app", "2", slotApp("2"))
	wantLines(t, r.errand("install"), "installed")
	wantLines(t, r.errand("confirm-app"), "app 2", "confirmed True")
	good, _ := r.flash.ReadFile("/_s/app")
	states := []string{
		"", " ", "{", "null", "[]", "5", `"x"`, "true", "{}", `{"run":"_a"}`, `{"run":"_b","ver":"9"}`, `{"run":"_f","ver":"1"}`, `{"run":"../../x","ver":"1"}`,
		`{"run":"_a","ver":"2","try":"x"}`, `{"run":"_a","ver":"2","try":null}`, `{"run":"_a","ver":"2","try":-5}`, `{"run":"_a","ver":"2","try":1e9}`,
		`{"run":"_a","ver":"2","try":true}`, `{"run":"_a","ver":7,"try":3}`, `{"run":"_a","try":3,"bad":5}`, `{"run":"_a","ver":"2","try":99999999999999999999}`,
		`{"run":"_p","ver":"2","try":3,"prev":"_p","pver":"2","bad":[1,2],"n":"x"}`, `{"run":["_a"],"ver":"2"}`, `{"run":{"a":1}}`,
		string(good[:len(good)/2]), strings.Repeat("[", 3000), strings.Repeat("9", 5000), "\x00\xff\xfe", strings.Repeat("\x00", 4096), "\xc3\x28",
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 6 {
		b := make([]byte, random.IntN(300))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		states = append(states, string(b))
		b = bytes.Clone(good)
		for range 3 {
			b[random.IntN(len(b))] = byte(random.Uint32())
		}
		states = append(states, string(b))
	}
	for _, kind := range []string{"os", "app"} {
		for _, s := range states {
			x := r.copied().put("/_s/"+kind, s)
			text := strings.Join(x.errand("state"), "\n")
			if strings.Contains(text, "failed '") || strings.Contains(text, "failed V") || !strings.Contains(text, "runtime ") || !strings.Contains(text, "\napp ") {
				t.Errorf("with %s state %.60q it printed %q", kind, s, text)
			}
			state, ok := x.flash.ReadFile("/_s/" + kind)
			if ok && s != "" && !json.Valid(state) && json.Valid([]byte(s)) {
				t.Errorf("with %s state %.60q there is %.60q now", kind, s, state)
			}
		}
	}
	// nothing that can be read: the newest whole version
	x := r.copied().put("/_s/app", "x").put("/_s/os", "x")
	lines := x.errand("state")
	lines = append(lines, x.errand("state")...)
	wantLines(t, lines, "app 2", "runtime 2", "app 2")
	// the newest is damaged: the one before
	x = r.copied().put("/_s/app", "x").put("/_q/part.py", "V = 2")
	wantLines(t, x.errand(""), "app 1")
	// both are: none, and the runtime stands
	x.put("/_s/app", "x").put("/_p/part.py", "V = 1")
	wantLines(t, x.errand(""), "runtime 2", "app none")
	// the runtime's slots are, too: the factory's
	x.put("/_s/os", "x").put("/_a/ver_b.py", "V = 1")
	wantLines(t, x.errand("state"), "runtime 1", "app none")
}

// TestBrokenRuntimesEndInTheFactorys: a version that was good and does not start any more is left.
func TestBrokenRuntimesEndInTheFactorys(t *testing.T) {
	needVM(t)
	r := grown(t)
	r.offer("os", "3", slotRuntime(t, "3"))
	wantLines(t, r.errand("install"), "runtime 2", "installed")
	wantLines(t, r.errand("confirm-os"), "runtime 3", "confirmed True")
	for _, damage := range []struct{ name, text string }{
		{"/_b/ver_b.py", "V = '2'"},
		{"/_b/rt/slots.mpy", "no code"},
		{"/_b/ver_a.py", "def ("},
		{"/_b/ver_a.py", "import nothing"},
		{"/_b/ver_a.py", "x = bytearray(99999999)"},
	} {
		x := r.copied().put(damage.name, damage.text)
		for range 3 {
			if lines := x.errand("state"); !strings.Contains(strings.Join(lines, "\n"), "failed ") {
				t.Fatalf("with %+v it printed %q", damage, lines)
			}
		}
		wantLines(t, x.errand("state"), "runtime 2", "app 1")
		x.put("/_a/ver_b.py", "def (")
		for range 3 {
			x.errand("state")
		}
		wantLines(t, x.errand("state"), "runtime 1", "app 1")
		x.offer("os", "4", slotRuntime(t, "4"))
		wantLines(t, x.errand("install"), "runtime 1", "installed") // and it still takes updates
		wantLines(t, x.errand("confirm-os"), "runtime 4", "confirmed True")
	}
}
