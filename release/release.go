// Package release knows the apps of all projects: their source, commits and tags, the
// pools whose settings their things follow, what runs on which thing, and the shelf of
// operating systems that things can be moved to.
package release

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/live"
)

// Config is what the room needs.
type Config struct {
	Store    Store
	Feed     *live.Feed   // nil: nobody is told
	Compiler Compiler     // nil: syntax is not checked
	Shelf    string       // folder of OS releases; made when the first is added
	Log      *slog.Logger // slog.Default()
}

// Releases is the room. Its methods may be called from many goroutines.
//
// The store is asked before memory changes, so that what a call acknowledged survives.
// Locks are taken in this order: asked, making, entry.changing, gate, a stripe, saving, mu.
// Nothing waits for the disk while it holds mu.
type Releases struct {
	store  Store
	feed   *live.Feed
	syntax syntax
	shelf  shelf
	log    *slog.Logger

	runtimes sync.Map // of Roost's own: versions

	asked   sync.RWMutex   // held for reading while settings ask for an OS, for writing while one goes
	making  sync.Mutex     // apps are made and named one by one
	gate    sync.RWMutex   // held for reading by changes of one thing, for writing by those of many
	stripes [64]sync.Mutex // changes of one thing come one by one
	// saving keeps older statuses from being written after newer ones: held for writing while all
	// are written, for reading, with its stripe, while those of one thing are.
	saving sync.RWMutex

	mu      sync.RWMutex // guards all below, and what is in entries and things
	apps    map[appKey]*entry
	order   []*entry // by number
	brought map[roost.AppID]*entry
	things  map[roost.Ref]*thing
	open    map[string]*thing // by the id of their last run
	dirty   []*thing          // what the next flush writes
	claimed map[string]bool   // ids of the commits of all apps
}

type appKey struct {
	project roost.ProjectID
	id      roost.AppID
}

// entry is one app in memory.
type entry struct {
	changing sync.Mutex // held by whoever changes source, tags or pools, over the disk too

	gone    bool
	app     roost.App
	pools   []*pool
	commits []roost.Commit // oldest first, never empty; their ids rise
	place   map[string]int // in commits, by id
	tags    []roost.Tag    // oldest first
	tagged  string         // id of the newest commit that has a tag; "" if none
	drafts  map[string]bool
}

type pool struct {
	roost.Pool
	things int
}

// thing is what runs on one thing. app and pool are nil while it has none.
type thing struct {
	roost.Software
	app    *entry
	pool   *pool
	run    *roost.Run // the last; replaced, never changed; nil: none
	queued bool       // stands in Releases.dirty
	gone   bool
}

// Open loads what the store knows. Run must run, or contacts and statuses are not kept.
func Open(ctx context.Context, cfg Config) (*Releases, error) {
	r := &Releases{
		store: cfg.Store, feed: cfg.Feed, log: cmp.Or(cfg.Log, slog.Default()),
		apps: map[appKey]*entry{}, brought: map[roost.AppID]*entry{}, things: map[roost.Ref]*thing{}, open: map[string]*thing{},
		claimed: map[string]bool{},
	}
	r.syntax = syntax{compiler: cfg.Compiler, log: r.log}
	r.shelf = shelf{folder: cfg.Shelf, log: r.log}
	r.shelf.tidy()
	if err := r.loadApps(ctx); err != nil {
		return nil, err
	}
	if err := r.loadSource(ctx); err != nil {
		return nil, err
	}
	return r, r.loadThings(ctx)
}

func (r *Releases) loadApps(ctx context.Context) error {
	apps, err := r.store.Apps(ctx)
	if err != nil {
		return fmt.Errorf("load apps: %w", err)
	}
	for _, a := range apps {
		r.enter(a)
	}
	pools, err := r.store.Pools(ctx)
	if err != nil {
		return fmt.Errorf("load pools: %w", err)
	}
	for _, p := range pools {
		if e := r.apps[appKey{p.Project, p.App}]; e != nil {
			e.pools = append(e.pools, &pool{Pool: p})
		}
	}
	return nil
}

// enter puts an app into the maps; the caller holds r.mu or is alone.
func (r *Releases) enter(a roost.App) *entry {
	e := &entry{app: a, place: map[string]int{}, drafts: map[string]bool{}}
	r.apps[appKey{a.Project, a.ID}] = e
	r.order = append(r.order, e)
	if !a.Hidden {
		r.brought[a.ID] = e
	}
	return e
}

func (r *Releases) loadSource(ctx context.Context) error {
	commits, err := r.store.Commits(ctx)
	if err != nil {
		return fmt.Errorf("load commits: %w", err)
	}
	for _, c := range commits {
		if e := r.apps[appKey{c.Project, c.App}]; e != nil {
			e.commit(c)
		}
		r.claimed[c.ID] = true
	}
	tags, err := r.store.Tags(ctx)
	if err != nil {
		return fmt.Errorf("load tags: %w", err)
	}
	for _, t := range tags {
		if e := r.apps[appKey{t.Project, t.App}]; e != nil {
			e.tag(t)
		}
	}
	drafts, err := r.store.DraftNames(ctx)
	if err != nil {
		return fmt.Errorf("load names of drafts: %w", err)
	}
	for _, d := range drafts {
		if e := r.apps[appKey{d.Project, d.App}]; e != nil {
			e.drafts[d.Name] = true
		}
	}
	return nil
}

func (r *Releases) loadThings(ctx context.Context) error {
	all, err := r.store.AllSoftware(ctx)
	if err != nil {
		return fmt.Errorf("load software: %w", err)
	}
	for _, s := range all {
		t := &thing{}
		r.things[s.Ref] = t
		r.bind(t, s)
	}
	runs, err := r.store.LastRuns(ctx)
	if err != nil {
		return fmt.Errorf("load last runs: %w", err)
	}
	for i := range runs {
		if t := r.things[runs[i].Ref]; t != nil {
			r.last(t, &runs[i])
		}
	}
	return nil
}

// find gives an app; roost.NotFound.
func (r *Releases) find(p roost.ProjectID, id roost.AppID) (*entry, error) {
	r.mu.RLock()
	e := r.apps[appKey{p, id}]
	r.mu.RUnlock()
	if e == nil {
		return nil, noApp(id)
	}
	return e, nil
}

func noApp(id roost.AppID) error {
	return roost.Errorf(roost.NotFound, "There is no app %s here.", strings.ToValidUTF8(string(id), "?"))
}

// change runs f on an app that nobody else changes meanwhile, and tells of it when f
// returns no error. f takes r.mu itself where it needs it.
func (r *Releases) change(p roost.ProjectID, id roost.AppID, f func(e *entry) error) error {
	e, err := r.find(p, id)
	if err != nil {
		return err
	}
	e.changing.Lock()
	defer e.changing.Unlock()
	if e.gone { // set under changing as well
		return noApp(id)
	}
	if err := f(e); err != nil {
		return err
	}
	r.tellApp(p, id)
	return nil
}

func (r *Releases) tellApp(p roost.ProjectID, id roost.AppID) {
	r.publish(&roost.Event{Kind: roost.AppChanged, Ref: roost.Ref{Project: p}, App: id})
}

func (r *Releases) tellThing(ref roost.Ref, app roost.AppID) {
	r.publish(&roost.Event{Kind: roost.SoftwareChanged, Ref: ref, App: app})
}

func (r *Releases) publish(e *roost.Event) {
	if r.feed != nil {
		e.At = time.Now()
		r.feed.Publish(e)
	}
}

// now is the time as the store keeps it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
