package release_test

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// forgetful is a store that keeps nothing: the rules are looked at, not the disk.
type forgetful struct{ release.Store }

func (forgetful) Apps(context.Context) ([]roost.App, error)             { return nil, nil }
func (forgetful) Pools(context.Context) ([]roost.Pool, error)           { return nil, nil }
func (forgetful) Commits(context.Context) ([]roost.Commit, error)       { return nil, nil }
func (forgetful) Tags(context.Context) ([]roost.Tag, error)             { return nil, nil }
func (forgetful) DraftNames(context.Context) ([]roost.Draft, error)     { return nil, nil }
func (forgetful) AllSoftware(context.Context) ([]roost.Software, error) { return nil, nil }
func (forgetful) LastRuns(context.Context) ([]roost.Run, error)         { return nil, nil }
func (forgetful) SavePools(context.Context, []roost.Pool) error         { return nil }
func (forgetful) SaveTag(context.Context, roost.Tag) error              { return nil }

func (forgetful) MakeApp(context.Context, roost.App, []roost.Pool, roost.Commit, []string) (int64, error) {
	return time.Now().UnixNano(), nil
}

func (forgetful) SaveCommit(context.Context, roost.Commit, []string, []string) error { return nil }

func (forgetful) DeleteTag(context.Context, roost.ProjectID, roost.AppID, string) error { return nil }

// model is what latest, tags and pools mean, said simply.
type model struct {
	commits []string
	tags    map[string]string
	pools   map[string]*modelPool
}

type modelPool struct {
	kind         roost.PoolKind
	chosen, stay string
}

func (m *model) tagged() string {
	newest := ""
	for _, cid := range m.commits {
		for _, t := range m.tags {
			if t == cid {
				newest = cid
			}
		}
	}
	return newest
}

func (m *model) runs(p *modelPool) string {
	switch {
	case p.chosen != roost.Latest && m.tags[p.chosen] != "":
		return m.tags[p.chosen]
	case p.chosen != roost.Latest:
		return p.chosen
	case p.kind == roost.Development:
		return m.commits[len(m.commits)-1]
	case m.tagged() != "":
		return m.tagged()
	}
	return p.stay
}

// change does something to a pool, and remembers where it was.
func (m *model) change(p *modelPool, f func()) {
	was := m.runs(p)
	f()
	p.stay = was
}

func TestPoolsRunWhatTheRulesSay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		r, err := release.Open(ctx, release.Config{Store: forgetful{}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			rt.Fatal(err)
		}
		a, err := r.CreateApp(ctx, roost.Home, release.NewApp{Name: "Blink", Latest: rapid.Bool().Draw(rt, "latest")})
		if err != nil {
			rt.Fatal(err)
		}
		m := &model{tags: map[string]string{}, pools: map[string]*modelPool{}}
		for _, p := range r.Pools(roost.Home, a.ID) {
			m.pools[p.Name] = &modelPool{p.Kind, p.Settings.App, p.Commit}
			m.commits = []string{p.Commit}
		}
		w := &world{r, a, m}
		tag := rapid.SampledFrom([]string{"v1", "v2", "v3"})
		rt.Repeat(map[string]func(*rapid.T){
			"":           w.agrees,
			"commit":     w.commit,
			"tag":        func(rt *rapid.T) { w.setTag(rt, tag.Draw(rt, "tag")) },
			"delete tag": func(rt *rapid.T) { w.deleteTag(rt, tag.Draw(rt, "tag")) },
			"choose":     func(rt *rapid.T) { w.choose(rt, tag) },
			"kind":       w.kind,
			"add pool":   w.addPool,
		})
	})
}

// world is the room and what it should be.
type world struct {
	r *release.Releases
	a roost.App
	m *model
}

func (w *world) agrees(rt *rapid.T) {
	pools := w.r.Pools(roost.Home, w.a.ID)
	if len(pools) != len(w.m.pools) {
		rt.Fatalf("%d pools, want %d", len(pools), len(w.m.pools))
	}
	for _, p := range pools {
		if want := w.m.runs(w.m.pools[p.Name]); p.Commit != want {
			rt.Fatalf("%s pool %s on %s runs %s, want %s; tags %v of %v", p.Kind, p.Name, p.Settings.App, p.Commit, want, w.m.tags, w.m.commits)
		}
	}
}

func (w *world) commit(rt *rapid.T) {
	c, err := w.r.MakeCommit(context.Background(), roost.Home, w.a.ID, release.NewCommit{Files: files(strconv.Itoa(len(w.m.commits)))})
	if err != nil {
		rt.Fatal(err)
	}
	if slices.Contains(w.m.commits, c.ID) {
		rt.Fatalf("commit %s twice", c.ID)
	}
	w.m.commits = append(w.m.commits, c.ID)
}

func (w *world) setTag(rt *rapid.T, name string) {
	cid := rapid.SampledFrom(w.m.commits).Draw(rt, "commit")
	if _, err := w.r.SetTag(context.Background(), roost.Home, w.a.ID, name, cid, "ada"); err != nil {
		rt.Fatal(err)
	}
	w.m.tags[name] = cid
}

func (w *world) deleteTag(rt *rapid.T, name string) {
	err := w.r.DeleteTag(context.Background(), roost.Home, w.a.ID, name)
	followed := false
	for _, p := range w.m.pools {
		followed = followed || p.chosen == name
	}
	switch {
	case w.m.tags[name] == "" && roost.KindOf(err) != roost.NotFound,
		w.m.tags[name] != "" && followed && roost.KindOf(err) != roost.Conflict,
		w.m.tags[name] != "" && !followed && err != nil:
		rt.Fatalf("delete tag %s (followed %v): %v", name, followed, err)
	}
	if err == nil {
		for _, p := range w.m.pools {
			if len(w.m.tags) == 1 {
				p.stay = w.m.runs(p)
			}
		}
		delete(w.m.tags, name)
	}
}

func (w *world) pool(rt *rapid.T) string {
	var names []string
	for name := range w.m.pools {
		names = append(names, name)
	}
	slices.Sort(names)
	return rapid.SampledFrom(names).Draw(rt, "pool")
}

func (w *world) choose(rt *rapid.T, tag *rapid.Generator[string]) {
	name := w.pool(rt)
	chosen := rapid.OneOf(rapid.Just(roost.Latest), tag, rapid.SampledFrom(w.m.commits)).Draw(rt, "chosen")
	_, err := w.r.ChangePool(context.Background(), roost.Home, w.a.ID, name, release.PoolChange{Settings: roost.SettingsChange{App: &chosen}})
	known := chosen == roost.Latest || w.m.tags[chosen] != "" || slices.Contains(w.m.commits, chosen)
	if known != (err == nil) {
		rt.Fatalf("choose %s: %v", chosen, err)
	}
	if p := w.m.pools[name]; known && p.chosen != chosen {
		w.m.change(p, func() { p.chosen = chosen })
	}
}

func (w *world) kind(rt *rapid.T) {
	name := w.pool(rt)
	kind := rapid.SampledFrom([]roost.PoolKind{roost.Development, roost.Staging, roost.Production}).Draw(rt, "kind")
	if _, err := w.r.ChangePool(context.Background(), roost.Home, w.a.ID, name, release.PoolChange{Kind: &kind}); err != nil {
		rt.Fatal(err)
	}
	if p := w.m.pools[name]; p.kind != kind {
		w.m.change(p, func() { p.kind = kind })
	}
}

func (w *world) addPool(rt *rapid.T) {
	kind := rapid.SampledFrom([]roost.PoolKind{roost.Development, roost.Staging}).Draw(rt, "kind")
	name := "p" + strconv.Itoa(len(w.m.pools))
	p, err := w.r.AddPool(context.Background(), roost.Home, w.a.ID, name, kind)
	if err != nil {
		rt.Skip(err)
	}
	from := w.m.runs(w.m.pools["development"])
	made := &modelPool{kind, from, from}
	if kind == roost.Development {
		made.chosen = roost.Latest
	}
	if p.Settings.App != made.chosen {
		rt.Fatalf("new pool on %s, want %s", p.Settings.App, made.chosen)
	}
	w.m.pools[name] = made
}
