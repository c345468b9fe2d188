package release

import (
	"context"

	"github.com/roost-iot/roost"
)

// RunByID finds a run, ended or not, by its id alone: the token of an encrypted run was
// made before the thing said who it is. ok is false when no run of this id is kept.
func (r *Releases) RunByID(ctx context.Context, id string) (run roost.Run, ok bool, err error) {
	r.mu.RLock()
	t := r.open[id]
	if t != nil {
		run = *t.run
	}
	r.mu.RUnlock()
	if t != nil {
		return run, true, nil
	}
	return r.store.RunByID(ctx, id)
}

// last makes run the last of t; nil: it has none any more. The caller holds r.mu or is alone.
func (r *Releases) last(t *thing, run *roost.Run) {
	if t.run != nil && r.open[t.run.ID] == t {
		delete(r.open, t.run.ID)
	}
	if t.run = run; run != nil {
		r.open[run.ID] = t
	}
}
