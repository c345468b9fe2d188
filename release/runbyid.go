package release

import (
	"context"

	"github.com/roost-iot/roost"
)

// RunByID finds a run, ended or not, by its id alone: the token of an encrypted run was
// made before the thing said who it is. ok is false when no run of this id is kept.
func (r *Releases) RunByID(ctx context.Context, id string) (run roost.Run, ok bool, err error) {
	return run, false, errPending
}
