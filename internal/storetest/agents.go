package storetest

import (
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

func agentOf(thing string) roost.Agent {
	return roost.Agent{
		Ref: home(thing), Key: [32]byte{1, 2}, N: 7, MAC: "28cdc1010203", Platform: "esp32", MPY: 6, Booted: after(3), Meta: `{"a":"é"}`,
		Settable: []string{"led"}, Files: map[string]string{"app.py": "00"}, App: roost.Slots{Slot: "_p", Version: "1", Bad: []string{"0"}, Trial: 1},
		Offer:    &roost.Offer{Kind: "app", Version: "2", State: roost.OfferTrial, At: after(4)},
		Failures: map[string]roost.Failure{"app": {Version: "0", Returned: true, At: after(2)}},
		Fixes:    []roost.Hotfix{{Ref: home(thing), ID: "f", State: roost.HotfixWaiting, At: after(1), Files: []roost.HotfixFile{{Name: "a.py", Digest: roost.Digest{9}}}}},
	}
}

func testAgents(t *testing.T, b *bench) {
	ctx := t.Context()
	b.addOther()
	same(t, "a new store", get(b.Agents(ctx))(t), []roost.Agent(nil))
	one, bare := agentOf("a1"), roost.Agent{Ref: roost.Ref{Project: other, Thing: "a1"}}
	b.must(b.SaveAgent(ctx, bare))
	b.must(b.SaveAgent(ctx, one))
	lost := one
	lost.Project = "nowhere"
	b.kind(b.SaveAgent(ctx, lost), roost.NotFound)
	older := one
	older.N = 3 // of a call that was late
	b.must(b.SaveAgent(ctx, older))
	b.reopen()
	same(t, "things of the runtime", get(b.Agents(ctx))(t), []roost.Agent{one, bare})
	b.must(b.DeleteAgent(ctx, one.Ref))
	b.must(b.DeleteAgent(ctx, one.Ref))
	b.reopen()
	same(t, "things left", get(b.Agents(ctx))(t), []roost.Agent{bare})
}

func testAgentReleases(t *testing.T, b *bench) {
	ctx := t.Context()
	digest := roost.Digest{1}
	if _, ok, err := b.AgentRelease(ctx, "k"); ok || err != nil {
		t.Errorf("a new store has a release: %v %v", ok, err)
	}
	same(t, "a release", get(b.SaveAgentRelease(ctx, roost.Release{Key: "k", Text: "one"}, map[roost.Digest][]byte{digest: []byte("file")}))(t), "one")
	same(t, "the same again", get(b.SaveAgentRelease(ctx, roost.Release{Key: "k", Text: "two"}, nil))(t), "one")
	b.kind(second(b.AgentFile(ctx, roost.Digest{2})), roost.NotFound)
	g := roost.Signature{Release: "k", Owner: "o", Text: "ab", By: "ada", At: after(1)}
	b.must(b.SaveSignatures(ctx, []roost.Signature{g}))
	g.Text, g.Public, g.At = "cd", "ef", after(2)
	b.must(b.SaveSignatures(ctx, []roost.Signature{g}))
	b.must(b.SaveResumed(ctx, roost.Home, "r"))
	b.must(b.SaveResumed(ctx, roost.Home, "r"))
	b.reopen()
	same(t, "a file", string(get(b.AgentFile(ctx, digest))(t)), "file")
	same(t, "signatures", get(b.Signatures(ctx, "k"))(t), []roost.Signature{g})
	same(t, "resumed rollouts", get(b.Resumed(ctx))(t), []string{"r"})
}

func testRuntimes(t *testing.T, b *bench) {
	ctx := t.Context()
	same(t, "a new store", get(b.Runtimes(ctx))(t), []roost.KeptRuntime(nil))
	r := roost.KeptRuntime{Version: "1.0.0", Origin: roost.OfProgram, Added: after(1)}
	texts := []roost.Release{{Key: "os/1.0.0/full/6", Text: "one"}}
	shared, own := roost.Digest{1}, roost.Digest{2}
	b.must(b.SaveRuntime(ctx, r, texts, map[roost.Digest][]byte{shared: []byte("shared")}, nil))
	later := roost.KeptRuntime{Version: "1.0.0.1", Origin: roost.OfFile, By: "ada", Added: after(2)} // of which the other's name is a part
	more := []roost.Release{{Key: "os/1.0.0.1/full/6", Text: "two"}, {Key: "os/1.0.0.1/rom/6", Text: "three"}}
	g := roost.Signature{Release: "os/1.0.0.1/rom/6", Owner: "o", Public: "ef", Text: "ab", By: "ada", At: after(2)}
	b.must(b.SaveRuntime(ctx, later, more, map[roost.Digest][]byte{shared: []byte("shared"), own: []byte("own")}, []roost.Signature{g}))
	texts[0].Text = "changed"
	b.must(b.SaveRuntime(ctx, later, nil, nil, nil))
	b.must(b.SaveRuntime(ctx, roost.KeptRuntime{Version: "1.0.0", Origin: roost.OfFile}, texts, nil, nil))
	b.reopen()
	same(t, "runtimes", get(b.Runtimes(ctx))(t), []roost.KeptRuntime{r, later})
	same(t, "texts stay", get(b.RuntimeReleases(ctx, "1.0.0"))(t), []roost.Release{{Key: "os/1.0.0/full/6", Text: "one"}})
	same(t, "signatures", get(b.Signatures(ctx, g.Release))(t), []roost.Signature{g})
	b.must(b.DeleteRuntime(ctx, "1.0.0.1"))
	b.reopen()
	same(t, "what is left", get(b.Runtimes(ctx))(t), []roost.KeptRuntime{r})
	same(t, "no releases of it", get(b.RuntimeReleases(ctx, "1.0.0.1"))(t), []roost.Release(nil))
	same(t, "no signatures of it", get(b.Signatures(ctx, g.Release))(t), []roost.Signature(nil))
	b.kind(second(b.AgentFile(ctx, own)), roost.NotFound)
	same(t, "a file that another has", string(get(b.AgentFile(ctx, shared))(t)), "shared")
}

func testCrashes(t *testing.T, b *bench) {
	ctx := t.Context()
	crash := func(thing string, at time.Time) roost.Crash {
		return roost.Crash{Ref: home(thing), App: aid, Version: "1", Part: "app", Error: "E", Text: "Traceback\nE", At: at}
	}
	of := func(thing, crashed string) roost.Agent { return roost.Agent{Ref: home(thing), Crashed: crashed} }
	b.must(b.SaveCrash(ctx, "g", crash("a1", after(1)), of("a1", "1")))
	b.must(b.SeeCrash(ctx, roost.Home, "g"))
	b.must(b.SaveCrash(ctx, "g", crash("a2", after(3)), of("a2", "2")))
	b.must(b.SaveCrash(ctx, "h", roost.Crash{Ref: home("a1"), Part: "os", Text: "x", At: after(2)}, of("a1", "3")))
	b.reopen()
	var marks []string
	for _, a := range get(b.Agents(ctx))(t) {
		marks = append(marks, string(a.Thing)+" "+a.Crashed)
	}
	same(t, "what is known of the things", marks, []string{"a1 3", "a2 2"})
	g := roost.CrashGroup{
		ID: "g", Project: roost.Home, App: aid, Version: "1", Part: "app", Error: "E", Text: "Traceback\nE", Count: 2,
		Things: []roost.ThingID{"a2", "a1"}, First: after(1), Last: after(3),
	}
	same(t, "crashes of an app", get(b.Crashes(ctx, roost.Home, aid, "", false, 0))(t), []roost.CrashGroup{g})
	if all := get(b.Crashes(ctx, roost.Home, "", "a1", true, 0))(t); len(all) != 2 || all[0].ID != "g" {
		t.Errorf("crashes of a thing: %+v", all)
	}
	same(t, "crashes of another project", get(b.Crashes(ctx, other, "", "", false, 0))(t), []roost.CrashGroup(nil))
	b.must(b.SeeCrash(ctx, roost.Home, "g"))
	if all := get(b.Crashes(ctx, roost.Home, "", "", true, 0))(t); len(all) != 1 || all[0].ID != "h" {
		t.Errorf("unseen: %+v", all)
	}
	b.must(b.DeleteCrash(ctx, roost.Home, "h"))
	b.kind(b.DeleteCrash(ctx, roost.Home, "h"), roost.NotFound)
	b.kind(b.SeeCrash(ctx, roost.Home, "h"), roost.NotFound)
}
