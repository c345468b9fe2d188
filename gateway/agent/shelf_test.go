package agent_test

import (
	"context"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
	"github.com/roost-iot/roost/wire/romfs"
)

// versioned is a program's runtime of two files that says its version.
type versioned struct{ version string }

func (v versioned) Version() string { return v.version }

func (v versioned) Files(_ context.Context, _ string, mpy int) (map[string][]byte, error) {
	if mpy == 6 {
		return map[string][]byte{"boot.py": []byte("boot"), "_f/rt/__init__.mpy": []byte("M\x06" + v.version), "_f/platform.mpy": []byte("p")}, nil
	}
	return map[string][]byte{"boot.py": []byte("boot"), "_f/rt/__init__.py": []byte("VERSION = \"" + v.version + "\"\n"), "_f/platform.py": []byte("p")}, nil
}

func (v versioned) ROM(context.Context) ([]byte, error) {
	return romfs.Image(map[string][]byte{"rt/__init__.mpy": []byte("M\x06" + v.version)})
}

// runsRuntime is a plan of a program with that version.
func runsRuntime(version string) plan {
	return plan{change: func(c *agent.Config) { c.Runtime, c.KeepAfter = versioned{version}, time.Millisecond }}
}

// asks tells the default pool of an app to run an OS.
func (h *house) asks(a roost.App, os string) {
	h.t.Helper()
	_, err := h.releases.ChangePool(h.t.Context(), roost.Home, a.ID, a.DefaultPool, release.PoolChange{Settings: roost.SettingsChange{OS: &os}})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) shelved(version string) (s roost.RuntimeState, ok bool) {
	h.t.Helper()
	all, err := h.door.Runtimes(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(s roost.RuntimeState) bool { return s.Version == version })
	if i < 0 {
		return s, false
	}
	return all[i], true
}

// held waits for the reason for which a thing does not get what it shall.
func (h *house) held(c *desk.Client, boot, why string) {
	h.t.Helper()
	h.until(c, wire.Sync{Boot: boot}, "held: "+why, func(x wire.Answer) bool {
		if x.Update != nil {
			h.t.Fatalf("offered %s", x.Update.R)
		}
		st, _, _ := h.door.Agent(h.t.Context(), ref(c))
		return st.Offer != nil && st.Offer.State == roost.OfferHeld && strings.Contains(st.Offer.Why, why)
	})
}

func TestRuntimeOfAnEarlierProgramCanBeGoneBackTo(t *testing.T) {
	h := build(t, runsRuntime("1.2.0"))
	roomtest.Eventually(t, "the runtime is kept whole", func() bool {
		s, ok := h.shelved("1.2.0")
		return ok && len(s.Forms) == len(wire.Forms)
	})
	h = h.again(runsRuntime("2.0.0"))
	s, ok := h.shelved("1.2.0")
	if !ok || s.Own || s.Origin != roost.OfProgram || len(s.Forms) != len(wire.Forms) {
		t.Fatalf("the earlier one: %+v", s)
	}
	a := h.app(map[string]string{"app.py": "one"})
	h.asks(a, "1.2.0")
	c := h.board(a.ID)
	r := said(boot1)
	r.OS = "2.0.0"
	h.register(c, r)
	rel, e := open(t, c, h.until(c, wire.Sync{OS: "2.0.0"}, "the earlier runtime", offers).Update)
	if rel.Kind != wire.KindOS || rel.Ver != "1.2.0" || rel.Down || !slices.Equal(e.Use, []string{"platform.mpy", "rt/__init__.mpy"}) {
		t.Fatalf("offered %+v, %v", rel, e.Use)
	}
	if b, err := c.File(t.Context(), rel.Files["rt/__init__.mpy"].SHA256, 0); err != nil || string(b) != "M\x061.2.0" {
		t.Errorf("fetched %q, %v", b, err)
	}
	if s, _ := h.shelved("1.2.0"); s.Pools != 1 {
		t.Errorf("asked for by %d pools", s.Pools)
	}
	if err := h.door.RemoveRuntime(t.Context(), "1.2.0"); roost.KindOf(err) != roost.Conflict {
		t.Errorf("removed while a pool asks for it: %v", err)
	}
	if err := h.door.RemoveRuntime(t.Context(), "2.0.0"); roost.KindOf(err) != roost.Conflict {
		t.Errorf("removed this program's own: %v", err)
	}
	h.asks(a, roost.Latest)
	if err := h.door.RemoveRuntime(t.Context(), "1.2.0"); err != nil {
		t.Fatal(err)
	}
	if _, ok := h.shelved("1.2.0"); ok {
		t.Error("it is still there")
	}
}

func TestThingWithAROMGetsTheImageOfIts(t *testing.T) {
	h := build(t, runsRuntime("2.0.0"))
	a := h.app(map[string]string{"app.py": "one"})
	h.asks(a, roost.Latest)
	c := h.board(a.ID)
	r := said(boot1)
	r.Profile, r.ROM = "lean", 4096
	h.register(c, r)
	rel, e := open(t, c, h.until(c, wire.Sync{}, "the image", offers).Update)
	if rel.Kind != wire.KindOS || len(rel.Files) != 1 || !slices.Equal(e.Use, []string{wire.ROMFile}) {
		t.Fatalf("offered %+v, %v", rel, e.Use)
	}
	image, _ := versioned{"2.0.0"}.ROM(t.Context())
	if b, err := c.File(t.Context(), rel.Files[wire.ROMFile].SHA256, 3); err != nil || string(b) != string(image[3:]) {
		t.Errorf("fetched %q, %v", b, err)
	}
	small := h.board(a.ID)
	r.ROM = len(image) - 1
	h.register(small, r)
	x := h.until(small, wire.Sync{}, "the app, as the runtime does not fit", offers)
	if rel, _ := open(t, small, x.Update); rel.Kind != wire.KindApp {
		t.Errorf("offered %+v", rel)
	}
	w, _ := h.releases.Wanted(ref(small))
	r.App, r.Slots.App = w.Commit, wire.Slot{Run: "_p", Ver: w.Commit}
	r.Boot = boot2
	h.register(small, r)
	h.held(small, boot2, "the part of this thing's ROM")
}

func TestOwnersThingGetsASignedRuntimeOnly(t *testing.T) {
	h := build(t, runsRuntime("2.0.0"))
	if _, err := h.door.AddRuntime(t.Context(), roomtest.Runtime(t, "1.0.0"), "ada"); err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	a := h.app(map[string]string{"app.py": "one"})
	h.asks(a, "1.0.0")
	c := h.board(a.ID)
	r := said(boot1)
	r.OS, r.Owner = "2.0.0", wire.OwnerName(public)
	w, _ := h.releases.Wanted(ref(c))
	r.App, r.Slots.App = w.Commit, wire.Slot{Run: "_p", Ver: w.Commit}
	h.register(c, r)
	h.held(c, boot1, "roost runtime sign 1.0.0 --key FILE --down")
	sign := func(down bool) map[string]string {
		texts, err := h.door.RuntimeTexts(t.Context(), "1.0.0", down)
		if err != nil || len(texts) == 0 {
			t.Fatalf("%v: %v", texts, err)
		}
		sigs := map[string]string{}
		for form, text := range texts {
			sigs[form] = wire.Sign(private, text)
		}
		return sigs
	}
	if err := h.door.SignRuntime(t.Context(), "1.0.0", true, hexed(public), sign(false), "ada"); roost.KindOf(err) != roost.Invalid {
		t.Errorf("signatures of other texts: %v", err)
	}
	if err := h.door.SignRuntime(t.Context(), "1.0.0", false, hexed(public), sign(false), "ada"); err != nil {
		t.Fatal(err)
	}
	h.held(c, boot1, "--down")
	if err := h.door.SignRuntime(t.Context(), "1.0.0", true, hexed(public), sign(true), "ada"); err != nil {
		t.Fatal(err)
	}
	u := h.until(c, wire.Sync{OS: "2.0.0"}, "the signed one", offers).Update
	if rel, _ := open(t, c, u); !rel.Down || rel.Ver != "1.0.0" || !wire.Signed(public, u.R, u.Sig) {
		t.Errorf("offered %+v", rel)
	}
	if s, _ := h.shelved("1.0.0"); len(s.Owners) != 1 || s.Owners[0].Owner != wire.OwnerName(public) || !s.Owners[0].Down {
		t.Errorf("on the shelf as %+v", s)
	}
	out, err := h.door.ExportRuntime(t.Context(), "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	other := build(t, runsRuntime("2.0.0")) // the signatures go along
	if s, err := other.door.AddRuntime(t.Context(), out, "bob"); err != nil || len(s.Owners) != 1 || !s.Owners[0].Down {
		t.Errorf("on another shelf as %+v, %v", s, err)
	}
}

func TestRuntimesFromFilesNeverChange(t *testing.T) {
	h := build(t, runsRuntime("2.0.0"))
	b := roomtest.Runtime(t, "1.0.0")
	part := roomtest.Runtime(t, "1.0.0")
	delete(part.Texts, "full/6")
	if err := part.Check(); err == nil {
		t.Fatal("files that belong to nothing")
	}
	for digest, content := range part.Files {
		if strings.HasPrefix(string(content), "M") {
			delete(part.Files, digest)
		}
	}
	if s, err := h.door.AddRuntime(t.Context(), part, "ada"); err != nil || len(s.Forms) != 2 {
		t.Fatalf("a part: %+v, %v", s, err)
	}
	if s, err := h.door.AddRuntime(t.Context(), b, "ada"); err != nil || len(s.Forms) != 3 {
		t.Fatalf("the rest: %+v, %v", s, err)
	}
	if _, err := h.door.AddRuntime(t.Context(), b, "ada"); roost.KindOf(err) != roost.Conflict || !strings.Contains(roost.Message(err), "already") {
		t.Errorf("again: %v", err)
	}
	if _, err := h.door.AddRuntime(t.Context(), roomtest.Runtime(t, "2.0.0"), "ada"); roost.KindOf(err) != roost.Conflict || !strings.Contains(roost.Message(err), "another runtime 2.0.0") {
		t.Errorf("another of this program's version: %v", err)
	}
	rom := said(boot1)
	rom.ROM = 1 << 20
	a := h.app(map[string]string{"app.py": "one"})
	h.asks(a, "1.0.0")
	c := h.board(a.ID)
	w, _ := h.releases.Wanted(ref(c))
	rom.OS, rom.App, rom.Slots.App = "2.0.0", w.Commit, wire.Slot{Run: "_p", Ver: w.Commit}
	h.register(c, rom)
	h.held(c, boot1, "not for things of this kind (rom/6)")
}
