package agent

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/telemetry"
	wire "github.com/roost-iot/roost/wire/agent"
)

// doorName is the Door of the identities that come through here.
const doorName = "agent"

// Config says how the door behaves. What stands above the first gap is needed; all else
// works as zero.
type Config struct {
	Core      gateway.Core
	Releases  *release.Releases
	Telemetry *telemetry.Telemetry
	Commands  *command.Commands
	Registry  Fleet
	Store     Store
	Feed      *live.Feed
	Log       *slog.Logger

	Project  roost.ProjectID // of what arrives; "" is roost.Home
	Runtime  Runtime         // nil: things keep the runtime that they have
	Compiler Compiler        // nil: things get source

	Failures  int           // things of a pool that must return from a version to stop its rollout; 3
	Burst     int           // calls of one thing that pass at once; 120
	Every     time.Duration // and one more each time that this has gone by; 100 ms
	Bodies    int           // requests that may be on their way in at once; 4096
	KeepAfter time.Duration // from Run to compiling this program's runtime, so that it is kept; 10 s
}

func (c *Config) fill() {
	if c.Project == "" {
		c.Project = roost.Home
	}
	if c.Failures <= 0 {
		c.Failures = 3
	}
	if c.Burst <= 0 {
		c.Burst = 120
	}
	if c.Bodies <= 0 {
		c.Bodies = 4096
	}
	if c.Every <= 0 {
		c.Every = 100 * time.Millisecond
	}
	if c.KeepAfter <= 0 {
		c.KeepAfter = 10 * time.Second
	}
}

// Fleet knows things; the registry is one.
type Fleet interface {
	Policy() string // how things come in; see registry.Config
	Get(ref roost.Ref) (t roost.Thing, rs []roost.Resource, ok bool)
}

// Runtime is Roost's own runtime as it is in this program.
type Runtime interface {
	Version() string
	// Files gives those of a profile by their path on the board, compiled for that version
	// of MicroPython's bytecode; 0: source.
	Files(ctx context.Context, profile string, mpy int) (map[string][]byte, error)
	// ROM gives the lean profile as an image of a ROM; nil: it cannot be made here.
	ROM(ctx context.Context) ([]byte, error)
}

// Compiler makes bytecode of version 6.
type Compiler interface {
	Compile(ctx context.Context, name string, source []byte) ([]byte, error)
}

// Store keeps keys, what things say, releases and crashes. store/sqlite has it. What it
// was given is durable when a call returns.
type Store interface {
	Agents(ctx context.Context) ([]roost.Agent, error)
	SaveAgent(ctx context.Context, a roost.Agent) error
	DeleteAgent(ctx context.Context, ref roost.Ref) error
	// SaveBoot keeps a start of a thing, or what one that is kept said last; Boots gives
	// the last 50, the latest first.
	SaveBoot(ctx context.Context, b roost.Boot) error
	Boots(ctx context.Context, ref roost.Ref) ([]roost.Boot, error)
	// AgentRelease gives the text of a release, if it was made; SaveAgentRelease keeps one and
	// gives the text that stands.
	AgentRelease(ctx context.Context, key string) (text string, ok bool, err error)
	SaveAgentRelease(ctx context.Context, r roost.Release, files map[roost.Digest][]byte) (text string, err error)
	AgentFile(ctx context.Context, d roost.Digest) ([]byte, error)
	// Blob gives a file of an app.
	Blob(ctx context.Context, d roost.Digest) (string, error)
	Signatures(ctx context.Context, release string) ([]roost.Signature, error)
	SaveSignatures(ctx context.Context, all []roost.Signature) error
	// Runtimes gives the versions of the runtime that are kept, RuntimeReleases the releases of one,
	// by key. SaveRuntime keeps one, or more of one: what is there stays as it is, but signatures.
	Runtimes(ctx context.Context) ([]roost.KeptRuntime, error)
	RuntimeReleases(ctx context.Context, version string) ([]roost.Release, error)
	SaveRuntime(ctx context.Context, r roost.KeptRuntime, releases []roost.Release, files map[roost.Digest][]byte, sigs []roost.Signature) error
	DeleteRuntime(ctx context.Context, version string) error
	Resumed(ctx context.Context) ([]string, error)
	SaveResumed(ctx context.Context, p roost.ProjectID, rollout string) error
	// SaveCrash counts a crash and keeps what is known of its thing: both or neither.
	SaveCrash(ctx context.Context, id string, c roost.Crash, of roost.Agent) error
	Crashes(ctx context.Context, p roost.ProjectID, app roost.AppID, thing roost.ThingID, unseen bool, limit int) ([]roost.CrashGroup, error)
	SeeCrash(ctx context.Context, p roost.ProjectID, id string) error
	DeleteCrash(ctx context.Context, p roost.ProjectID, id string) error
}

// Door serves /d/1/. Its methods may be called from many goroutines.
type Door struct {
	cfg      Config
	calls    gateway.Limiter // of things
	guests   gateway.Limiter // of addresses, for what anybody may ask
	warnings gateway.Limiter // of the log, about calls that were refused for a reason inside
	bodies   atomic.Int64    // requests that are being read
	sessions sessions
	releases *releases
	runtimes *runtimes
	rollouts *rollouts
	closing  chan struct{} // closed when nobody is to wait any more

	// joining is held for reading from before a thing that joins is seen until its key is kept.
	joining sync.RWMutex

	mu     sync.Mutex
	things map[roost.Ref]*thing
}

// New loads what is known of things. Run tells them of news.
func New(ctx context.Context, cfg Config) (*Door, error) {
	cfg.fill()
	d := &Door{cfg: cfg, things: map[roost.Ref]*thing{}, closing: make(chan struct{})}
	d.calls = gateway.Limiter{Burst: cfg.Burst, Every: cfg.Every}
	d.guests = gateway.Limiter{Burst: guestBurst, Every: guestEvery}
	d.warnings = gateway.Limiter{Burst: warnBurst, Every: warnEvery}
	d.releases = newReleases(d)
	d.runtimes = newRuntimes(d)
	if err := d.runtimes.load(ctx); err != nil {
		return nil, fmt.Errorf("load runtimes: %w", err)
	}
	resumed, err := cfg.Store.Resumed(ctx)
	if err != nil {
		return nil, fmt.Errorf("load rollouts: %w", err)
	}
	d.rollouts = newRollouts(cfg.Failures, resumed)
	all, err := cfg.Store.Agents(ctx)
	if err != nil {
		return nil, fmt.Errorf("load things of the runtime: %w", err)
	}
	for _, a := range all {
		if _, _, ok := cfg.Registry.Get(a.Ref); !ok { // deleted as we stopped
			if err := cfg.Store.DeleteAgent(ctx, a.Ref); err != nil {
				return nil, fmt.Errorf("forget a thing of the runtime: %w", err)
			}
			continue
		}
		d.things[a.Ref] = newThing(d, a)
		d.rollouts.learn(a)
	}
	return d, nil
}

// known gives what is kept of a thing, nil if nothing.
func (d *Door) known(ref roost.Ref) *thing {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.things[ref]
}

// all gives what is kept of all things.
func (d *Door) all() []*thing {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]*thing, 0, len(d.things))
	for _, t := range d.things {
		all = append(all, t)
	}
	return all
}

// NewBoard makes an enrolled thing with a key, for an installer; app and pool may be "".
// Errors: roost.NotFound for an app or a pool that is not there; others, and there may be a
// thing then, whose Ref is given: the caller forgets it.
func (d *Door) NewBoard(ctx context.Context, project roost.ProjectID, id roost.ThingID, app roost.AppID, pool string) (roost.Ref, wire.Key, error) {
	if err := d.checkApp(project, app, pool); err != nil {
		return roost.Ref{}, wire.Key{}, err
	}
	standing, err := d.cfg.Core.Arrive(ctx, gateway.Arrival{
		Project: project, Identity: roost.Identity{Door: doorName, Own: roost.NewUUID()}, ID: id, Protocol: roost.Runtime, Trusted: true,
	})
	if err != nil {
		return roost.Ref{}, wire.Key{}, err
	}
	ref := standing.Ref
	if err := d.cfg.Core.Leave(ctx, ref, nil); err != nil { // it has not come yet
		return ref, wire.Key{}, err
	}
	key, err := d.NewKey(ctx, ref)
	if err == nil {
		err = d.bind(ctx, ref, release.Registration{Version: "0"}, app, pool)
	}
	return ref, key, err
}

// checkApp tells whether things can be put into a pool of an app.
func (d *Door) checkApp(project roost.ProjectID, app roost.AppID, pool string) error {
	if app == "" {
		return nil
	}
	if _, err := d.cfg.Releases.App(project, app); err != nil {
		return err
	}
	for _, p := range d.cfg.Releases.Pools(project, app) {
		if pool == "" || p.Name == pool {
			return nil
		}
	}
	return roost.Errorf(roost.NotFound, "The app has no pool %q.", pool)
}

// bind takes a start of a thing and gives it an app if it has none, in one with its first
// start: which thing has not had one yet is known by that.
func (d *Door) bind(ctx context.Context, ref roost.Ref, g release.Registration, app roost.AppID, pool string) error {
	g.Ref, g.ByAccount, g.App, g.Pool = ref, true, app, pool
	if _, err := d.cfg.Releases.Register(ctx, g); err != nil {
		return err
	}
	if app == "" {
		return nil
	}
	if s, ok := d.cfg.Releases.Software(ref); ok && s.App != roost.NoApp {
		return nil
	}
	return d.cfg.Releases.Install(ctx, ref, app, pool, "installation")
}

// Forget drops a thing's key and all that it said of itself. Error: roost.Unavailable, and it
// is known still.
func (d *Door) Forget(ctx context.Context, ref roost.Ref) error {
	t := d.known(ref)
	if t == nil {
		return nil
	}
	t.turn.Lock()
	defer t.turn.Unlock()
	if err := d.cfg.Store.DeleteAgent(ctx, ref); err != nil {
		return roost.Because(roost.Unavailable, err, "What is known of the thing could not be deleted.")
	}
	d.mu.Lock()
	if d.things[ref] == t {
		delete(d.things, ref)
	}
	d.mu.Unlock()
	t.end()
	d.sessions.drop(ref)
	d.rollouts.forget(ref)
	return nil
}

// write puts a line into the log of a thing.
func (d *Door) write(ref roost.Ref, level, text, detail string) {
	d.cfg.Telemetry.Write(roost.LogLine{Ref: ref, Level: level, Text: text, Detail: detail})
}
