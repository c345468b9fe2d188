package release

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/roost-iot/roost"
)

// Releases is the room. Its methods may be called from many goroutines.
type Releases struct{ cfg Config }

type (
	pid = roost.ProjectID
	aid = roost.AppID
)

var errPending = errors.New("not built yet")

func (e *CheckError) Error() string { return "The files have faults." }

// Open loads what the store knows.
func Open(ctx context.Context, cfg Config) (*Releases, error) { return &Releases{cfg}, nil }

// Run writes last contacts and statuses behind, once a second, until ctx ends; then what is left.
func (r *Releases) Run(ctx context.Context) { <-ctx.Done() }

func (r *Releases) Apps(p pid) []roost.App { return nil }

func (r *Releases) App(p pid, id aid) (a roost.App, err error) { return a, errPending }

func (r *Releases) AppByNumber(n int64) (a roost.App, ok bool) { return a, false }

func (r *Releases) Brought(id string) (a roost.App, ok bool) { return a, false }

func (r *Releases) CreateApp(ctx context.Context, p pid, n NewApp) (a roost.App, err error) {
	return a, errPending
}

func (r *Releases) ChangeApp(ctx context.Context, p pid, id aid, c AppChange) (a roost.App, err error) {
	return a, errPending
}

func (r *Releases) DeleteApp(ctx context.Context, p pid, id aid) error { return errPending }

func (r *Releases) NoApp(ctx context.Context, p pid) (a roost.App, err error) { return a, errPending }

func (r *Releases) Commits(ctx context.Context, p pid, id aid) ([]roost.Commit, error) {
	return nil, errPending
}

func (r *Releases) Commit(ctx context.Context, p pid, id aid, cid string) (c roost.Commit, err error) {
	return c, errPending
}
func (r *Releases) Tags(p pid, id aid) []roost.Tag { return nil }
func (r *Releases) Drafts(p pid, id aid) int       { return 0 }
func (r *Releases) Content(ctx context.Context, p pid, id aid, cid, name string) (string, error) {
	return "", errPending
}

func (r *Releases) Working(ctx context.Context, p pid, id aid) ([]WorkingFile, error) {
	return nil, errPending
}

func (r *Releases) SaveDraft(ctx context.Context, p pid, id aid, name, content, by string) error {
	return errPending
}

func (r *Releases) DeleteFile(ctx context.Context, p pid, id aid, name, by string) error {
	return errPending
}

func (r *Releases) RenameFile(ctx context.Context, p pid, id aid, from, to, by string) error {
	return errPending
}

func (r *Releases) Discard(ctx context.Context, p pid, id aid, name string) error { return errPending }

func (r *Releases) Check(ctx context.Context, p pid, id aid, files map[string]string) ([]Problem, error) {
	return nil, errPending
}

func (r *Releases) MakeCommit(ctx context.Context, p pid, id aid, n NewCommit) (c roost.Commit, err error) {
	return c, errPending
}

func (r *Releases) Restore(ctx context.Context, p pid, id aid, cid, author string) (c roost.Commit, err error) {
	return c, errPending
}

func (r *Releases) SetTag(ctx context.Context, p pid, id aid, name, cid, by string) (t roost.Tag, err error) {
	return t, errPending
}

func (r *Releases) DeleteTag(ctx context.Context, p pid, id aid, name string) error {
	return errPending
}

func (r *Releases) Zip(ctx context.Context, p pid, id aid, cid string, w io.Writer) error {
	return errPending
}

// ReadZip gives the files of a zip.
func ReadZip(zip io.ReaderAt, size int64) (map[string]string, error) { return nil, errPending }

func (r *Releases) Pools(p pid, id aid) []PoolState { return nil }
func (r *Releases) AddPool(ctx context.Context, p pid, id aid, name string, kind roost.PoolKind) (s PoolState, err error) {
	return s, errPending
}

func (r *Releases) ChangePool(ctx context.Context, p pid, id aid, name string, c PoolChange) (s PoolState, err error) {
	return s, errPending
}

func (r *Releases) DeletePool(ctx context.Context, p pid, id aid, name string) error {
	return errPending
}

func (r *Releases) Software(ref roost.Ref) (s roost.Software, ok bool) { return s, false }
func (r *Releases) AllSoftware(p pid) []roost.Software                 { return nil }
func (r *Releases) Wanted(ref roost.Ref) (w Wanted, ok bool)           { return w, false }
func (r *Releases) Install(ctx context.Context, ref roost.Ref, app aid, pool, by string) error {
	return errPending
}

func (r *Releases) Uninstall(ctx context.Context, ref roost.Ref) error { return errPending }

func (r *Releases) MovePool(ctx context.Context, ref roost.Ref, pool string) error { return errPending }

func (r *Releases) Override(ctx context.Context, ref roost.Ref, own roost.SettingsChange) error {
	return errPending
}
func (r *Releases) Again(ctx context.Context, ref roost.Ref) error  { return errPending }
func (r *Releases) Forget(ctx context.Context, ref roost.Ref) error { return errPending }

func (r *Releases) Register(ctx context.Context, g Registration) (run roost.Run, err error) {
	return run, errPending
}
func (r *Releases) CurrentRun(ref roost.Ref) (run roost.Run, ok bool) { return run, false }
func (r *Releases) RunOf(ctx context.Context, ref roost.Ref, id string) (run roost.Run, ok bool, err error) {
	return run, false, errPending
}

func (r *Releases) Runs(ctx context.Context, ref roost.Ref, before time.Time, limit int) ([]roost.Run, error) {
	return nil, errPending
}
func (r *Releases) Contact(ref roost.Ref, at time.Time)                                       {}
func (r *Releases) Report(ref roost.Ref, part roost.Part, ok bool, text string, at time.Time) {}
func (r *Releases) Revive(ctx context.Context, run roost.Run) error { return errPending }

func (r *Releases) Shelf() []OSRelease { return nil }

func (r *Releases) AddRelease(ctx context.Context, zip io.ReaderAt, size int64, version string) (o OSRelease, err error) {
	return o, errPending
}

func (r *Releases) AddFolder(ctx context.Context, dir string) (o OSRelease, err error) {
	return o, errPending
}

func (r *Releases) RemoveRelease(ctx context.Context, version string) error { return errPending }

func (r *Releases) OSFiles(version, platform string) ([]OSFile, error) { return nil, errPending }

func (r *Releases) OSFile(version, platform, name string) ([]byte, error) { return nil, errPending }

func (r *Releases) ZipPlatform(version, platform string, w io.Writer) error { return errPending }
