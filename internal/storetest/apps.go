package storetest

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

const aid = roost.AppID("5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10")

func blink(project roost.ProjectID, id roost.AppID) roost.App {
	return roost.App{Project: project, ID: id, Name: "Blïnk", DefaultPool: "development", By: "Ada", Created: t0, Edited: after(1), Admits: true}
}

func poolOf(a roost.App, name string, kind roost.PoolKind) roost.Pool {
	return roost.Pool{
		Project: a.Project, App: a.ID, Name: name, Kind: kind, Base: "100", Edited: after(2),
		Settings: roost.AppSettings{OS: "factory", App: roost.Latest, Management: 60, Worker: 300, TLS: true, Encrypt: true, Backend: "h:1/x", SetupTimeout: 60},
	}
}

func commitOf(a roost.App, id, parent string, made int, names ...string) (roost.Commit, []string) {
	c := roost.Commit{
		Project: a.Project, App: a.ID, ID: id, Parent: parent, Message: "m " + id, Author: "Ada", Origin: "editor", At: after(made),
	}
	var contents []string
	for _, name := range names {
		text := "content of " + name + "\x00ü"
		c.Files = append(c.Files, roost.SourceFile{Name: name, Digest: sha256.Sum256([]byte(text)), Size: len(text)})
		contents = append(contents, text)
	}
	return c, contents
}

// made keeps an app with two pools and a first commit.
func (b *bench) made(a roost.App) (roost.App, []roost.Pool, roost.Commit) {
	b.t.Helper()
	pools := []roost.Pool{poolOf(a, "production", roost.Production), poolOf(a, "development", roost.Development)}
	c, contents := commitOf(a, "100", "", 0, "a.py", "b.py")
	a.Number = get(b.MakeApp(b.t.Context(), a, pools, c, contents))(b.t)
	return a, pools, c
}

func testApps(t *testing.T, b *bench) {
	ctx := t.Context()
	b.addOther()
	same(t, "a new store", get(b.Apps(ctx))(t), []roost.App(nil))
	one, pools, _ := b.made(blink(roost.Home, aid))
	none := blink(roost.Home, roost.NoApp)
	none.Hidden = true
	none, nonePools, _ := b.made(none)
	theirs := none
	theirs.Project = other
	theirs, theirPools, _ := b.made(theirs)
	if one.Number < 1 || none.Number <= one.Number || theirs.Number <= none.Number {
		t.Errorf("numbers %d %d %d do not rise", one.Number, none.Number, theirs.Number)
	}
	b.reopen()
	same(t, "apps", get(b.Apps(ctx))(t), []roost.App{one, none, theirs})
	same(t, "pools", get(b.Pools(ctx))(t), append(append(pools, nonePools...), theirPools...))

	c, contents := commitOf(one, "100", "", 0, "a.py")
	b.kind(second(b.MakeApp(ctx, blink(other, aid), nil, c, contents)), roost.Conflict)
	lost := blink("nowhere", "x")
	c, contents = commitOf(lost, "100", "", 0, "a.py")
	b.kind(second(b.MakeApp(ctx, lost, nil, c, contents)), roost.NotFound)
	one.Name, one.DefaultPool, one.Admits, one.Unchecked, one.Edited = "B", "production", false, true, after(50)
	b.must(b.SaveApp(ctx, one))
	b.kind(b.SaveApp(ctx, blink(other, "nope")), roost.NotFound)
	b.must(b.DeleteApp(ctx, other, roost.NoApp, ""))
	b.kind(b.DeleteApp(ctx, other, roost.NoApp, ""), roost.NotFound)
	b.reopen()
	same(t, "apps after changes", get(b.Apps(ctx))(t), []roost.App{one, none})
	theirs, _, _ = b.made(blink(other, "fresh"))
	if theirs.Number <= none.Number+1 {
		t.Errorf("number %d was given out before", theirs.Number)
	}
}

func testPools(t *testing.T, b *bench) {
	ctx := t.Context()
	a, pools, _ := b.made(blink(roost.Home, aid))
	own := poolOf(a, "own", roost.Staging)
	pools[0].Settings, pools[0].Base, pools[0].Kind = roost.AppSettings{OS: "v1", App: "100", Management: 1, Worker: 1, Battery: true}, "", roost.Staging
	b.must(b.SavePools(ctx, []roost.Pool{own, pools[0]}))
	lost := own
	lost.App = "nope"
	b.kind(b.SavePools(ctx, []roost.Pool{poolOf(a, "half", roost.Staging), lost}), roost.NotFound)
	b.reopen()
	same(t, "pools, all or none", get(b.Pools(ctx))(t), []roost.Pool{pools[0], pools[1], own})

	b.must(b.SaveSoftware(ctx, softwareOf(home("n1"), aid, "development")))
	b.kind(b.RenamePool(ctx, pools[1], "own"), roost.Conflict)
	pools[1].Base = "later"
	b.must(b.RenamePool(ctx, pools[1], "lab"))
	b.must(b.DeletePool(ctx, roost.Home, aid, "own"))
	b.must(b.DeletePool(ctx, roost.Home, aid, "own"))
	b.reopen()
	pools[1].Name = "lab"
	same(t, "pools", get(b.Pools(ctx))(t), pools)
	same(t, "the pool of new things", get(b.Apps(ctx))(t)[0].DefaultPool, "lab")
	same(t, "the pool of a thing", get(b.AllSoftware(ctx))(t)[0].Pool, "lab")
}

func testSource(t *testing.T, b *bench) {
	ctx := t.Context()
	b.addOther()
	a, _, first := b.made(blink(roost.Home, aid))
	theirs, _, theirFirst := b.made(blink(other, "other-app"))
	b.must(b.SaveDrafts(ctx, roost.Home, aid, []roost.Draft{
		{Project: roost.Home, App: aid, Name: "z.py", Content: "ä", By: "Ada", At: after(3)},
		{Project: roost.Home, App: aid, Name: "a.py", Deleted: true, By: "Bob", At: after(4)},
		{Project: roost.Home, App: aid, Name: "x.py", At: after(4)},
	}, nil, after(9)))
	b.kind(b.SaveDrafts(ctx, roost.Home, "nope", []roost.Draft{{Name: "z.py"}}, nil, t0), roost.NotFound)
	b.must(b.SaveDrafts(ctx, roost.Home, aid, []roost.Draft{{Project: roost.Home, App: aid, Name: "z.py", Content: "ö", At: after(5)}}, []string{"x.py", "never"}, after(9)))
	b.reopen()
	drafts := get(b.Drafts(ctx, roost.Home, aid))(t)
	same(t, "drafts by name", drafts, []roost.Draft{
		{Project: roost.Home, App: aid, Name: "a.py", Deleted: true, By: "Bob", At: after(4)},
		{Project: roost.Home, App: aid, Name: "z.py", Content: "ö", At: after(5)},
	})
	drafts[1].Content = ""
	same(t, "names of drafts", get(b.DraftNames(ctx))(t), drafts)
	same(t, "edited", get(b.Apps(ctx))(t)[0].Edited, after(9))

	next, contents := commitOf(a, "101", "100", 10, "a.py", "c.py")
	b.must(b.SaveCommit(ctx, next, contents, []string{"z.py"}))
	b.kind(b.SaveCommit(ctx, next, contents, []string{"a.py"}), roost.Conflict)
	lost, contents := commitOf(blink(roost.Home, "nope"), "1", "", 0)
	b.kind(b.SaveCommit(ctx, lost, contents, nil), roost.NotFound)
	b.reopen()
	same(t, "commits, oldest first", get(b.Commits(ctx))(t), []roost.Commit{first, theirFirst, next})
	same(t, "drafts that a commit left", len(get(b.Drafts(ctx, roost.Home, aid))(t)), 1)
	same(t, "edited by a commit", get(b.Apps(ctx))(t)[0].Edited, after(10))
	same(t, "content", get(b.Blob(ctx, first.Files[1].Digest))(t), "content of b.py\x00ü")
	b.kind(second(b.Blob(ctx, roost.Digest{1})), roost.NotFound)

	b.must(b.DeleteApp(ctx, roost.Home, aid, ""))
	same(t, "commits left", get(b.Commits(ctx))(t), []roost.Commit{theirFirst})
	same(t, "a file that another app has", get(b.Blob(ctx, theirFirst.Files[0].Digest))(t), "content of a.py\x00ü")
	b.kind(second(b.Blob(ctx, next.Files[1].Digest)), roost.NotFound)
	same(t, "drafts left", get(b.DraftNames(ctx))(t), []roost.Draft(nil))
	same(t, "apps left", get(b.Apps(ctx))(t), []roost.App{theirs})
}

func testTags(t *testing.T, b *bench) {
	ctx := t.Context()
	a, _, _ := b.made(blink(roost.Home, aid))
	next, contents := commitOf(a, "101", "100", 10, "c.py")
	b.must(b.SaveCommit(ctx, next, contents, nil))
	v1 := roost.Tag{Project: roost.Home, App: aid, Name: "v1", Commit: "100", By: "Ada", At: after(1)}
	v2 := roost.Tag{Project: roost.Home, App: aid, Name: "v2", Commit: "100", By: "Ada", At: after(2)}
	b.must(b.SaveTag(ctx, v2))
	b.must(b.SaveTag(ctx, v1))
	v1.Commit, v1.By, v1.At = "101", "Bob", after(3)
	b.must(b.SaveTag(ctx, v1))
	lost := v1
	lost.Commit = "102"
	b.kind(b.SaveTag(ctx, lost), roost.NotFound)
	b.reopen()
	same(t, "tags, oldest first", get(b.Tags(ctx))(t), []roost.Tag{v2, v1})
	b.must(b.DeleteTag(ctx, roost.Home, aid, "v2"))
	b.must(b.DeleteTag(ctx, roost.Home, aid, "v2"))
	same(t, "tags left", get(b.Tags(ctx))(t), []roost.Tag{v1})
}

func softwareOf(ref roost.Ref, app roost.AppID, pool string) roost.Software {
	worker, tls, version := 5, false, "100"
	return roost.Software{
		Ref: ref, App: app, Pool: pool, Own: roost.SettingsChange{Worker: &worker, TLS: &tls, App: &version}, Again: "x",
		Platform: "esp8266", Frozen: true, OS: "v1.1.0", Version: "100", Encrypted: true, Updated: after(6),
	}
}

func testSoftware(t *testing.T, b *bench) {
	ctx := t.Context()
	b.addOther()
	b.made(blink(roost.Home, aid))
	byApp, byAccount, theirs := softwareOf(home("n1"), aid, "development"), softwareOf(home("n2"), aid, "development"), softwareOf(away("n1"), "", "")
	byAccount.ByAccount, theirs.Own = true, roost.SettingsChange{}
	for _, s := range []roost.Software{byApp, byAccount, theirs} {
		b.must(b.SaveSoftware(ctx, s))
	}
	b.kind(b.SaveSoftware(ctx, softwareOf(roost.Ref{Project: "nowhere", Thing: "n"}, "", "")), roost.NotFound)
	b.reopen()
	same(t, "software", get(b.AllSoftware(ctx))(t), []roost.Software{byApp, byAccount, theirs})

	b.must(b.DeleteApp(ctx, roost.Home, aid, "unbound"))
	b.reopen()
	byApp.App, byApp.Pool, byApp.Own.App = "", "", nil
	byAccount.App, byAccount.Pool, byAccount.Own.App = roost.NoApp, "unbound", nil
	same(t, "software of an app that went", get(b.AllSoftware(ctx))(t), []roost.Software{byApp, byAccount, theirs})
	b.must(b.DeleteSoftware(ctx, home("n1")))
	b.must(b.DeleteSoftware(ctx, home("n1")))
	same(t, "software left", get(b.AllSoftware(ctx))(t), []roost.Software{byAccount, theirs})
}

func runOf(ref roost.Ref, id string, started int) roost.Run {
	return roost.Run{
		Ref: ref, ID: id, Started: after(started), LastContact: after(started), App: aid, Pool: "development", OS: "v1.1.0", Version: "100",
		Platform: "esp8266", Frozen: true, Encrypted: true, Address: "192.0.2.1",
		Statuses: map[roost.Part]roost.Status{
			roost.PartOS:     {OK: true, Known: true, Text: "session started", At: after(started)},
			roost.PartWorker: {Known: true, Text: "KO \"x\"\n\ttrace", At: after(started), Error: "boom ü", ErrorAt: after(started + 1)}, roost.PartManagement: {},
		},
	}
}

func testRuns(t *testing.T, b *bench) {
	ctx := t.Context()
	n1, s := home("n1"), softwareOf(home("n1"), aid, "development")
	first, next := runOf(n1, "r1", 1), runOf(n1, "r2", 1) // in the same second
	b.must(b.BeginRun(ctx, s, []roost.Run{first}, 3))
	first.Ended = next.Started
	b.must(b.BeginRun(ctx, s, []roost.Run{first, next}, 3))
	elsewhere := runOf(home("n2"), "r9", 5)
	b.must(b.BeginRun(ctx, softwareOf(home("n2"), "", ""), []roost.Run{elsewhere}, 3))
	next.LastContact = after(30)
	next.Statuses[roost.PartManagement] = roost.Status{OK: true, Known: true, At: after(30)}
	gone := runOf(n1, "never", 2)
	b.must(b.TouchRuns(ctx, []roost.Run{next, gone}))
	b.reopen()
	same(t, "last runs", get(b.LastRuns(ctx))(t), []roost.Run{next, elsewhere})
	same(t, "runs, newest first", get(b.Runs(ctx, n1, time.Time{}, 0))(t), []roost.Run{next, first})
	same(t, "the newest", get(b.Runs(ctx, n1, time.Time{}, 1))(t), []roost.Run{next})
	same(t, "before the first", get(b.Runs(ctx, n1, first.Started, 0))(t), []roost.Run(nil))
	got, ok, err := b.FindRun(ctx, n1, "r1")
	same(t, "one", got, first)
	b.must(err)
	got, found, err := b.RunByID(ctx, "r9")
	same(t, "by its id alone", got, elsewhere)
	b.must(err)
	_, none, err := b.FindRun(ctx, home("n2"), "r1")
	b.must(err)
	_, unknown, err := b.RunByID(ctx, "never")
	b.must(err)
	if !ok || !found || none || unknown {
		t.Errorf("found %v %v %v %v, want the first two", ok, found, none, unknown)
	}

	b.must(b.BeginRun(ctx, s, []roost.Run{runOf(n1, "r3", 3), runOf(n1, "r4", 2)}, 3)) // a clock that went back
	same(t, "kept", len(get(b.Runs(ctx, n1, time.Time{}, 0))(t)), 3)
	_, ok, err = b.FindRun(ctx, n1, "r1")
	if b.must(err); ok {
		t.Error("the oldest run was kept")
	}
	b.must(b.DeleteSoftware(ctx, n1))
	same(t, "runs of a thing that was forgotten", get(b.Runs(ctx, n1, time.Time{}, 0))(t), []roost.Run(nil))
	b.must(b.TouchRuns(ctx, []roost.Run{next}))
	same(t, "last runs left", get(b.LastRuns(ctx))(t), []roost.Run{elsewhere})
}
