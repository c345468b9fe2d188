package coap

import (
	"log/slog"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/exchange"
)

// Config says how a Door behaves. Conns, Core and Log are needed; all else works as zero.
type Config struct {
	Conns []exchange.Conn // open sockets at one address, from Listen; they stay their opener's to close
	Core  gateway.Core
	Log   *slog.Logger

	Fleet   Fleet           // where nodes were before a restart; nil: their values wait for their next alive
	Project roost.ProjectID // of the things that come in here; "" is roost.Home
	// NodePort is where nodes serve their resources; 5683.
	NodePort uint16
	// Presence is how long a node may be silent before the door forgets the way to
	// it: what the registry has; 120 s.
	Presence time.Duration
	// Slow says that the Core may wait for the disk before it takes a value
	// (durability "commit"): values are answered from the lanes, too.
	Slow bool

	MaxNodes        int           // known at one time; 100,000
	MaxResources    int           // read in one discovery; 64
	MaxValue        int           // bytes of a value; 8 KiB
	MaxDiscoveries  int           // at one time; 512
	MaxObservations int           // of all nodes together; 20,000
	Lanes           int           // 16, with Slow 128
	LaneLength      int           // jobs that wait in one lane; 1,024
	Fallback        time.Duration // without an answer from NodePort for this long, the port of the alive is tried, too; 5 s

	Exchange exchange.Config // timing and bounds of the message layer; its Handler is the door's
}

func (c Config) withDefaults() Config {
	or(&c.Project, roost.Home)
	or(&c.NodePort, 5683)
	or(&c.Presence, 120*time.Second)
	or(&c.MaxNodes, 100_000)
	or(&c.MaxResources, 64)
	or(&c.MaxValue, 8<<10)
	or(&c.MaxDiscoveries, 512)
	or(&c.MaxObservations, 20_000)
	lanes := 16
	if c.Slow {
		lanes = 128
	}
	or(&c.Lanes, lanes)
	or(&c.LaneLength, 1024)
	or(&c.Fallback, 5*time.Second)
	// Later than the 100 ms of Pyaiot, still before a node sends again (2 s): almost
	// every answer then travels in the acknowledgement.
	or(&c.Exchange.EmptyACK, time.Second)
	// One reader a socket: with two, the values of a node could overtake each other.
	or(&c.Exchange.Readers, 1)
	// Under load several values are read, and answered, at once.
	or(&c.Exchange.Batch, 16)
	return c
}

func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
