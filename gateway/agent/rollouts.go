package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/roost-iot/roost"
)

// rollouts knows which things returned from which version, and stops what fails on many.
type rollouts struct {
	enough int // things that must return from a version to stop it

	mu      sync.Mutex
	failed  map[string]map[roost.Ref]bool // by rolloutKey
	resumed map[string]bool
}

func newRollouts(enough int, resumed []string) *rollouts {
	r := &rollouts{enough: enough, failed: map[string]map[roost.Ref]bool{}, resumed: map[string]bool{}}
	for _, key := range resumed {
		r.resumed[key] = true
	}
	return r
}

// rolloutKey names the move of a pool to a version of the runtime or of its app.
func rolloutKey(p roost.ProjectID, app roost.AppID, pool, kind, version string) string {
	return fmt.Sprintf("%s/%s/%s/%s/%s", p, app, kind, version, pool)
}

// learn takes what is kept of a thing: the version from which it returned last, and those
// before that.
func (r *rollouts) learn(a roost.Agent) {
	for kind, f := range a.Failures {
		if f.Returned {
			r.fail(a.Ref, kind, f)
		}
	}
	for _, o := range a.Offers {
		if o.Returned {
			r.fail(a.Ref, o.Kind, roost.Failure{Version: o.Version, App: o.App, Pool: o.Pool})
		}
	}
}

// fail notes that a thing returned, and tells whether that stops the rollout.
func (r *rollouts) fail(ref roost.Ref, kind string, f roost.Failure) (stopped bool) {
	key := rolloutKey(ref.Project, f.App, f.Pool, kind, f.Version)
	r.mu.Lock()
	defer r.mu.Unlock()
	things := r.failed[key]
	if things == nil {
		things = map[roost.Ref]bool{}
		r.failed[key] = things
	}
	before := len(things)
	things[ref] = true
	return before < r.enough && len(things) >= r.enough && !r.resumed[key]
}

// forget takes a thing out.
func (r *rollouts) forget(ref roost.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, things := range r.failed {
		if delete(things, ref); len(things) == 0 {
			delete(r.failed, key)
		}
	}
}

// halted tells how many things returned, and whether that stops others.
func (r *rollouts) halted(key string) (failed int, halted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	failed = len(r.failed[key])
	return failed, failed >= r.enough && !r.resumed[key]
}

// Rollouts gives the versions of an app, and of the runtime in its pools, from which
// things returned; by pool, kind and version.
func (d *Door) Rollouts(p roost.ProjectID, app roost.AppID) []roost.Rollout {
	r := d.rollouts
	prefix := fmt.Sprintf("%s/%s/", p, app)
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []roost.Rollout
	for key, things := range r.failed {
		rest, mine := strings.CutPrefix(key, prefix)
		parts := strings.SplitN(rest, "/", 3)
		if !mine || len(parts) != 3 {
			continue
		}
		out := roost.Rollout{Kind: parts[0], Version: parts[1], Pool: parts[2], Halted: len(things) >= r.enough && !r.resumed[key], Resumed: r.resumed[key]}
		for ref := range things {
			out.Failed = append(out.Failed, ref.Thing)
		}
		slices.Sort(out.Failed)
		all = append(all, out)
	}
	slices.SortFunc(all, func(a, b roost.Rollout) int {
		return cmp.Or(strings.Compare(a.Pool, b.Pool), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Version, b.Version))
	})
	return all
}

// Resume lets a stopped rollout go on. Errors: roost.NotFound when it is not stopped.
func (d *Door) Resume(ctx context.Context, p roost.ProjectID, app roost.AppID, pool, kind, version string) error {
	key := rolloutKey(p, app, pool, kind, version)
	if _, halted := d.rollouts.halted(key); !halted {
		return roost.Errorf(roost.NotFound, "No rollout of %s to %q is stopped.", version, pool)
	}
	if err := d.cfg.Store.SaveResumed(ctx, p, key); err != nil {
		return roost.Because(roost.Unavailable, err, "This cannot be stored at present.")
	}
	d.rollouts.mu.Lock()
	d.rollouts.resumed[key] = true
	d.rollouts.mu.Unlock()
	d.wakeAll()
	return nil
}
