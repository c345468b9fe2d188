package board

import (
	"context"
	"net/netip"
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

// LogNames and LogText read what a board answers.
var (
	LogNames = logNames
	LogText  = logText
)

// Reach gives where a board is asked that came from an address and told a port.
func Reach(ask, came string, port uint16) (netip.AddrPort, error) {
	return (&Door{cfg: Config{Ask: ask}}).reach(came, port)
}
