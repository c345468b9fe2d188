package release

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
)

// Store keeps apps and what runs where. store/sqlite has it. What it was given is
// durable when a call returns, and stands whole or not at all.
type Store interface {
	AppStore
	SourceStore
	SoftwareStore
}

// AppStore keeps apps and their pools.
type AppStore interface {
	// Apps gives all of all projects, by number; Pools theirs, in the order in which they were made.
	Apps(ctx context.Context) ([]roost.App, error)
	Pools(ctx context.Context) ([]roost.Pool, error)
	// MakeApp keeps a new app with its pools and its first commit (see SaveCommit) and
	// gives its number; roost.Conflict when there is one of its id.
	MakeApp(ctx context.Context, a roost.App, pools []roost.Pool, first roost.Commit, contents []string) (number int64, err error)
	// SaveApp changes what may change of an app; roost.NotFound.
	SaveApp(ctx context.Context, a roost.App) error
	// DeleteApp removes an app with all that is its own. Its things have none then, but
	// for those that came with an account id: they go to the pool of roost.NoApp, if it has that one.
	DeleteApp(ctx context.Context, project roost.ProjectID, id roost.AppID, pool string) error
	// SavePools inserts or replaces, all or none.
	SavePools(ctx context.Context, pools []roost.Pool) error
	// RenamePool gives a pool another name, to its things and to its app as well.
	RenamePool(ctx context.Context, p roost.Pool, name string) error
	DeletePool(ctx context.Context, project roost.ProjectID, app roost.AppID, name string) error
}

// SourceStore keeps what apps are made of.
type SourceStore interface {
	// Commits gives all of all apps with their files, oldest first.
	Commits(ctx context.Context) ([]roost.Commit, error)
	// SaveCommit keeps a commit with the contents of its files, in their order, removes the
	// drafts named, and marks the app edited; roost.Conflict when there is one of its id.
	SaveCommit(ctx context.Context, c roost.Commit, contents []string, drafts []string) error
	// Blob gives a file's content; roost.NotFound.
	Blob(ctx context.Context, d roost.Digest) (string, error)
	// Tags gives all of all apps, oldest first.
	Tags(ctx context.Context) ([]roost.Tag, error)
	SaveTag(ctx context.Context, t roost.Tag) error
	DeleteTag(ctx context.Context, project roost.ProjectID, app roost.AppID, name string) error
	// DraftNames gives the files of all apps that have drafts, without their contents.
	DraftNames(ctx context.Context) ([]roost.Draft, error)
	// Drafts gives those of an app, by name.
	Drafts(ctx context.Context, project roost.ProjectID, app roost.AppID) ([]roost.Draft, error)
	// SaveDrafts inserts or replaces drafts of one app, removes those named, and marks the app edited.
	SaveDrafts(ctx context.Context, project roost.ProjectID, app roost.AppID, drafts []roost.Draft, remove []string, edited time.Time) error
}

// SoftwareStore keeps what runs on things, and their runs.
type SoftwareStore interface {
	// AllSoftware gives that of all things of all projects.
	AllSoftware(ctx context.Context) ([]roost.Software, error)
	// SaveSoftware inserts or replaces that of one thing.
	SaveSoftware(ctx context.Context, s roost.Software) error
	// DeleteSoftware removes it with the thing's runs.
	DeleteSoftware(ctx context.Context, ref roost.Ref) error
	// LastRuns gives the runs that have not ended.
	LastRuns(ctx context.Context) ([]roost.Run, error)
	// BeginRun saves software and a thing's runs, and removes all but the newest keep.
	BeginRun(ctx context.Context, s roost.Software, runs []roost.Run, keep int) error
	// TouchRuns saves LastContact and Statuses of runs that are still there. Batches come
	// about once a second; after an error a part may stand.
	TouchRuns(ctx context.Context, runs []roost.Run) error
	// FindRun gives one; ok is false when it is not known.
	FindRun(ctx context.Context, ref roost.Ref, id string) (r roost.Run, ok bool, err error)
	// RunByID gives the newest of that id, of whatever thing.
	RunByID(ctx context.Context, id string) (r roost.Run, ok bool, err error)
	// Runs gives those of a thing that began before a time (zero: all), newest first, at most max (under 1: all).
	Runs(ctx context.Context, ref roost.Ref, before time.Time, max int) ([]roost.Run, error)
}
