package relay

import (
	"time"

	"github.com/roost-iot/roost"
)

// Status is how one line stands, as either end sees it.
type Status struct {
	Key       string // ID of the gateway's key; "" at the far end
	Name      string // of the gateway
	Project   roost.ProjectID
	Version   string // of the other end's Roost
	Doors     []string
	Connected bool
	Since     time.Time // when Connected last changed; zero: never connected
	Remote    string
	Things    int           // that are there
	Lag       time.Duration // age of the oldest entry that is not acknowledged; 0: there is none
	Spool     SpoolStatus
	LastSeen  time.Time     // when the other end was last heard
	LastError string        // the last thing that went wrong, for people; "" if nothing did
	Clock     time.Duration // how far the gateway's clock is ahead of the hub's; the hub's end only
}

// SpoolStatus is what a far gateway keeps for its hub.
type SpoolStatus struct {
	Entries uint64
	Bytes   int64
	Oldest  time.Time // zero: it is empty
	Dropped uint64    // lost for want of room, by age, or by damage
}
