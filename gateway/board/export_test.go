package board

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
)

// LookAt looks at the directories as if it were at.
func (d *Door) LookAt(ctx context.Context, at time.Time) { d.watch.look(ctx, at) }

// Busy tells that an answer with hotfixes of a board is being written.
func (d *Door) Busy(ref roost.Ref) bool {
	b := d.known(ref)
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.out) > 0
}
