package agent_test

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
)

func offers(a wire.Answer) bool { return a.Update != nil }

// open reads an offer as a thing does: the MAC first.
func open(t *testing.T, c *desk.Client, u *wire.Update) (wire.Release, wire.Envelope) {
	t.Helper()
	if !wire.MACText(u.MAC, c.Key.UpdateMAC(u.E, u.R)) {
		t.Fatal("the MAC of an update is wrong")
	}
	r, err := wire.ParseRelease(u.R)
	if err != nil {
		t.Fatal(err)
	}
	e, err := wire.ParseEnvelope(u.E)
	if err != nil {
		t.Fatal(err)
	}
	if e.For != c.ID {
		t.Errorf("for %q", e.For)
	}
	return r, e
}

// runs is a registration in which a version runs.
func runs(boot, version string, trial bool) wire.Register {
	r := said(boot)
	r.App = version
	r.Slots.App = wire.Slot{Run: "_p", Ver: version}
	if trial {
		n := 0
		r.Slots.App.Try = &n
	}
	return r
}

func (h *house) state1(c *desk.Client) roost.Offer {
	h.t.Helper()
	st, ok, err := h.door.Agent(h.t.Context(), ref(c))
	if err != nil || !ok || st.Offer == nil {
		h.t.Fatalf("no offer: %v %v", ok, err)
	}
	return *st.Offer
}

func TestCommitReachesTheSlotOfAThing(t *testing.T) {
	h := build(t, plan{})
	a := h.app(map[string]string{"app.py": "one"})
	c := h.board(a.ID)
	h.register(c, said(boot1))
	commit := h.commit(a, map[string]string{"app.py": "two", "data.txt": "text", "bad.py": "fault"})
	u := h.until(c, wire.Sync{}, "an offer", func(x wire.Answer) bool {
		return offers(x) && strings.Contains(x.Update.R, commit)
	}).Update
	r, e := open(t, c, u)
	if !slices.Equal(e.Use, []string{"app.mpy", "bad.py", "data.txt"}) || r.Kind != wire.KindApp || r.Ver != commit || len(r.Files) != 4 {
		t.Fatalf("offered %+v to be used as %v", r, e.Use)
	}
	b, err := c.File(t.Context(), r.Files["app.mpy"].SHA256, 0)
	if err != nil || wire.FileOf(b) != r.Files["app.mpy"] {
		t.Fatalf("fetched %q: %v", b, err)
	}
	rest, err := c.File(t.Context(), r.Files["app.mpy"].SHA256, 2)
	if err != nil || !bytes.Equal(rest, b[2:]) {
		t.Errorf("from byte 2: %q, %v", rest, err)
	}
	if text, err := c.File(t.Context(), r.Files["data.txt"].SHA256, 0); err != nil || string(text) != "text" {
		t.Errorf("a source: %q, %v", text, err)
	}
	if code, _ := status(second(c.File(t.Context(), r.Files["app.py"].SHA256, 0))); code != 404 {
		t.Errorf("a form that is not for it: %d", code)
	}
	h.sync(c, wire.Sync{Update: &wire.Progress{Kind: "app", Ver: commit, State: wire.Fetching, Done: 3, Of: 9}})
	if o := h.state1(c); o.State != roost.OfferFetching || o.Done != 3 {
		t.Errorf("while it fetches: %+v", o)
	}
	h.sync(c, wire.Sync{Update: &wire.Progress{Kind: "app", Ver: commit, State: wire.Installed}})
	h.register(c, runs(boot2, commit, true))
	if o := h.state1(c); o.State != roost.OfferTrial {
		t.Errorf("on trial: %+v", o)
	}
	if x := h.sync(c, wire.Sync{Boot: boot2, App: commit}); x.Update != nil {
		t.Error("offered again during the trial")
	}
	h.sync(c, wire.Sync{Boot: boot2, App: commit, Update: &wire.Progress{Kind: "app", Ver: commit, State: wire.Confirmed}})
	if o := h.state1(c); o.State != roost.OfferConfirmed {
		t.Errorf("confirmed: %+v", o)
	}
	if s, _ := h.releases.Software(ref(c)); s.Version != commit {
		t.Errorf("it is known to run %s", s.Version)
	}
}

func TestNumberOfEnvelopesRisesOverRestarts(t *testing.T) {
	h := build(t, plan{})
	a := h.app(map[string]string{"app.py": "one"})
	c := h.board(a.ID)
	h.register(c, said(boot1))
	_, first := open(t, c, h.until(c, wire.Sync{}, "an offer", offers).Update)
	h = h.again(plan{})
	c.URL, c.HTTP = h.server.URL, h.http
	if err := c.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, same := open(t, c, h.until(c, wire.Sync{}, "the offer again", offers).Update)
	if same.N != first.N {
		t.Errorf("the same offer has number %d, then %d", first.N, same.N)
	}
	commit := h.commit(a, map[string]string{"app.py": "two"})
	u := h.until(c, wire.Sync{}, "the next offer", func(x wire.Answer) bool { return offers(x) && strings.Contains(x.Update.R, commit) }).Update
	if _, next := open(t, c, u); next.N <= first.N {
		t.Errorf("the next offer has number %d after %d", next.N, first.N)
	}
}

func TestVersionThatAThingReturnedFromIsNotOfferedAgain(t *testing.T) {
	h := build(t, plan{})
	a := h.app(map[string]string{"app.py": "one"})
	c := h.board(a.ID)
	h.register(c, said(boot1))
	r, _ := open(t, c, h.until(c, wire.Sync{}, "an offer", offers).Update)
	back := said(boot2)
	back.Slots.App = wire.Slot{Bad: []string{r.Ver}}
	h.register(c, back)
	if o := h.state1(c); o.State != roost.OfferReturned {
		t.Errorf("after its return: %+v", o)
	}
	for range 3 {
		if x := h.sync(c, wire.Sync{Boot: boot2}); x.Update != nil {
			t.Fatal("offered again")
		}
	}
	commit := h.commit(a, map[string]string{"app.py": "two"})
	h.until(c, wire.Sync{Boot: boot2}, "the next commit", func(x wire.Answer) bool { return offers(x) && strings.Contains(x.Update.R, commit) })
}

func TestVersionThatFailsOnThreeThingsStopsThere(t *testing.T) {
	h := build(t, plan{})
	a := h.app(map[string]string{"app.py": "one"})
	var last *desk.Client
	version := ""
	for i := range 4 {
		last = h.board(a.ID)
		h.register(last, said(boot1))
		if i == 3 {
			break
		}
		r, _ := open(t, last, h.until(last, wire.Sync{}, "an offer", offers).Update)
		version = r.Ver
		h.sync(last, wire.Sync{Update: &wire.Progress{Kind: "app", Ver: r.Ver, State: wire.Returned, Why: "ImportError"}})
	}
	held := func() {
		t.Helper()
		for range 3 {
			if x := h.sync(last, wire.Sync{}); x.Update != nil {
				t.Fatal("the fourth thing gets it")
			}
		}
		if o := h.state1(last); o.State != roost.OfferHeld || !strings.Contains(o.Why, "3 things") {
			t.Errorf("it is told %+v", o)
		}
	}
	held()
	h = h.again(plan{}) // and it stays so
	last.URL, last.HTTP = h.server.URL, h.http
	if err := last.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	held()
	all := h.door.Rollouts(roost.Home, a.ID)
	if len(all) != 1 || !all[0].Halted || len(all[0].Failed) != 3 {
		t.Fatalf("rollouts %+v", all)
	}
	if err := h.door.Resume(t.Context(), roost.Home, a.ID, all[0].Pool, all[0].Kind, version); err != nil {
		t.Fatal(err)
	}
	h.until(last, wire.Sync{}, "the offer, after a person let it go on", offers)
}

func TestWhoReturnedFromAVersionIsKnownAfterARestartThoughMoreFailedThere(t *testing.T) {
	h := build(t, plan{})
	a := h.app(map[string]string{"app.py": "one"})
	c := h.board(a.ID)
	h.register(c, said(boot1))
	returns := func(what string) string {
		r, _ := open(t, c, h.until(c, wire.Sync{}, what, offers).Update)
		h.sync(c, wire.Sync{Update: &wire.Progress{Kind: "app", Ver: r.Ver, State: wire.Returned, Why: "ImportError"}})
		return r.Ver
	}
	want := []string{returns("an offer")}
	h.commit(a, map[string]string{"app.py": "two"})
	want = append(want, returns("the next offer"))
	h = h.again(plan{})
	var got []string
	for _, r := range h.door.Rollouts(roost.Home, a.ID) {
		if len(r.Failed) == 1 {
			got = append(got, r.Version)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("known are returns from %v, want %v", got, want)
	}
}

func TestOwnersThingGetsWhatIsSigned(t *testing.T) {
	h := build(t, plan{})
	a := h.app(map[string]string{"app.py": "one"})
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := h.board(a.ID)
	r := said(boot1)
	r.Owner = wire.OwnerName(public)
	h.register(c, r)
	w, _ := h.releases.Wanted(ref(c))
	text, _, err := h.door.Statement(t.Context(), roost.Home, a.ID, w.Commit, false)
	if err != nil {
		t.Fatal(err)
	}
	if x := h.sync(c, wire.Sync{}); x.Update != nil {
		t.Fatal("it gets what nobody signed")
	}
	h.until(c, wire.Sync{}, "why it is held", func(wire.Answer) bool {
		st, _, _ := h.door.Agent(t.Context(), ref(c))
		return st.Offer != nil && st.Offer.State == roost.OfferHeld && strings.Contains(st.Offer.Why, "signed")
	})
	if _, err := h.door.Sign(t.Context(), roost.Home, a.ID, w.Commit, false, hexed(public), wire.Sign(private, text+" "), "ada"); roost.KindOf(err) != roost.Invalid {
		t.Errorf("a signature of something else: %v", err)
	}
	if _, err := h.door.Sign(t.Context(), roost.Home, a.ID, w.Commit, false, hexed(public), wire.Sign(private, text), "ada"); err != nil {
		t.Fatal(err)
	}
	u := h.until(c, wire.Sync{}, "what is signed", offers).Update
	if !wire.Signed(public, u.R, u.Sig) || u.R != text {
		t.Error("the signature does not hold")
	}
}

func TestRuntimeComesFirstAndForItsProfile(t *testing.T) {
	h := build(t, plan{})
	a := h.app(map[string]string{"app.py": "one"})
	latest := roost.Latest
	_, err := h.releases.ChangePool(t.Context(), roost.Home, a.ID, a.DefaultPool, release.PoolChange{Settings: roost.SettingsChange{OS: &latest}})
	if err != nil {
		t.Fatal(err)
	}
	c := h.board(a.ID)
	r := said(boot1)
	r.Profile, r.MPY = "lean", 0
	h.register(c, r)
	rel, e := open(t, c, h.until(c, wire.Sync{}, "the runtime", offers).Update)
	if rel.Kind != wire.KindOS || rel.Ver != "1.2.0" || rel.Seq != 1002000 || !slices.Equal(e.Use, []string{"platform.py", "rt/main.py"}) {
		t.Fatalf("offered %+v, %v", rel, e.Use)
	}
	if b, err := c.File(t.Context(), rel.Files["rt/main.py"].SHA256, 0); err != nil || string(b) != "source lean" {
		t.Errorf("fetched %q, %v", b, err)
	}
	r = said(boot2)
	r.OS, r.Slots.OS = "1.2.0", wire.Slot{Run: "_a", Ver: "1.2.0"}
	h.register(c, r)
	app, _ := open(t, c, h.until(c, wire.Sync{Boot: boot2, OS: "1.2.0"}, "the app", offers).Update)
	if app.Kind != wire.KindApp {
		t.Errorf("then %+v", app)
	}
}

func TestAppThatNeedsANewerRuntimeWaits(t *testing.T) {
	h := build(t, plan{change: func(c *agent.Config) { c.Runtime = nil }})
	a := h.app(map[string]string{"app.py": "MIN_OS = \"1.1\"\n"})
	c := h.board(a.ID)
	h.register(c, said(boot1)) // 1.0.0
	h.until(c, wire.Sync{}, "why it is held", func(x wire.Answer) bool {
		if x.Update != nil {
			t.Fatal("offered")
		}
		st, _, _ := h.door.Agent(t.Context(), ref(c))
		return st.Offer != nil && strings.Contains(st.Offer.Why, "1.1")
	})
}

func TestAnswersAreNoLongerThanAThingTakes(t *testing.T) {
	h := build(t, plan{})
	files := map[string]string{}
	for i := range 40 {
		files["module"+string(rune('a'+i%26))+string(rune('a'+i/26))+".py"] = "x"
	}
	files["app.py"] = "one"
	a := h.app(files)
	c := h.board(a.ID)
	r := said(boot1)
	r.Max = 2048
	h.register(c, r)
	cmd := h.submit(c, roost.Tell, "", roost.Text(strings.Repeat("x", 3000)))
	h.until(c, wire.Sync{}, "why it is held", func(x wire.Answer) bool {
		if x.Update != nil || len(x.Commands) > 0 {
			t.Fatalf("given %+v", x)
		}
		st, _, _ := h.door.Agent(t.Context(), ref(c))
		return st.Offer != nil && strings.Contains(st.Offer.Why, "longer")
	})
	h.state(cmd.ID, roost.Failed)
}

func TestHotfixIsAVersionOfOneThing(t *testing.T) {
	h := build(t, plan{})
	a := h.app(map[string]string{"app.py": "one", "lib.py": "x"})
	c, other := h.board(a.ID), h.board(a.ID)
	w, _ := h.releases.Wanted(ref(c))
	h.register(c, runs(boot1, w.Commit, false))
	h.register(other, runs(boot1, w.Commit, false))
	fix, err := h.door.AddHotfix(t.Context(), ref(c), map[string]string{"app.py": "fixed"}, "ada")
	if err != nil {
		t.Fatal(err)
	}
	now := wire.Sync{App: w.Commit}
	r, _ := open(t, c, h.until(c, now, "the hotfix", offers).Update)
	if !strings.HasPrefix(r.Ver, w.Commit+"+") || r.Files["app.py"] != wire.FileOf([]byte("fixed")) || r.Files["lib.py"] != wire.FileOf([]byte("x")) {
		t.Fatalf("offered %+v", r)
	}
	if x := h.sync(other, now); x.Update != nil {
		t.Error("another thing gets it")
	}
	h.register(c, runs(boot2, r.Ver, false))
	if all, err := h.door.Hotfixes(t.Context(), ref(c)); err != nil || len(all) != 1 || all[0].State != roost.HotfixServed {
		t.Errorf("hotfixes %+v, %v", all, err)
	}
	if _, err := h.door.UndoHotfix(t.Context(), ref(c), fix.ID, "ada"); err != nil {
		t.Fatal(err)
	}
	back, _ := open(t, c, h.until(c, wire.Sync{Boot: boot2, App: r.Ver}, "the way back", offers).Update)
	if back.Ver != w.Commit {
		t.Errorf("back to %s", back.Ver)
	}
	if _, err := h.door.AddHotfix(t.Context(), ref(c), map[string]string{"app.py": "again"}, "ada"); err != nil {
		t.Fatal(err)
	}
	h.commit(a, map[string]string{"app.py": "two", "lib.py": "x"})
	if all, err := h.door.Hotfixes(t.Context(), ref(c)); err != nil || all[0].State != roost.HotfixOvertaken {
		t.Errorf("hotfixes after a commit %+v, %v", all, err)
	}
	if _, err := h.door.AddHotfix(t.Context(), ref(c), map[string]string{"../x": ""}, "ada"); roost.KindOf(err) != roost.Invalid {
		t.Errorf("a name that leads out: %v", err)
	}
}
