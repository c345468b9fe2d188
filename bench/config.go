// Package bench is a load generator over the wire. It plays gateways, things and
// pages by the thousand against Roost, or against any other broker or gateway
// that speaks as Pyaiot does (docs/protocols/pyaiot.md), and any CoAP server.
// What it measures and how to read it: docs/bench.md.
//
// It shares the machine with the server, so it is frugal: WebSocket frames are
// taken apart in one large read buffer, and a value carries a number by which
// its time of departure is looked up.
package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// The most that a scenario takes.
const (
	MaxDuration    = 5 * time.Minute
	maxConnections = 20_000
	maxInFlight    = 1 << 16
)

// Config says whom to load, and how. Zero numbers take a scenario's own defaults.
type Config struct {
	HTTP  string // HOST:PORT of /ws, /gw and /api
	Nodes string // HOST:PORT of /node; HTTP's when empty
	CoAP  string // HOST:PORT

	MQTT           string // HOST:PORT of any MQTT broker
	MQTTSN         string // HOST:PORT of any MQTT-SN gateway
	User, Password string // for MQTT; "": none

	Keys  wire.Keys // that gateways share with the broker: Fanout, Stream
	Token string    // for the API: Stream
	PID   int       // of the server: its CPU time and memory are read (Linux). 0: not read

	Anywhere bool          // other targets than this machine
	Warmup   time.Duration // before counting begins; a fifth of Duration
	Duration time.Duration // of counting; 3 s

	Gateways int // connections to /gw
	Things   int // things of each gateway, or in all
	Clients  int // pages
	InFlight int // updates that are under way at a time
	Rate     int // updates a second, whether or not the server keeps up; 0: as many as InFlight lets

	Method string // CoAPPost: POST or PUT
	Path   string // CoAPPost: where to
	Bare   bool   // CoAPPost: to a plain CoAP server that wants no sign of life

	spread bool // CoAPPost: a goroutine for each endpoint, whatever the system can do

	Payload int // MQTT: bytes of a message; 128

	Binary string // Idle, suites: the roost that is started and measured
	Rounds int    // MQTTSuite: how often each scenario is run; 3
}

// load is what a scenario uses by default.
type load struct{ gateways, things, clients, inFlight int }

// withDefaults fills in what is zero.
func (c Config) withDefaults(l load) Config {
	or(&c.Gateways, l.gateways)
	or(&c.Things, l.things)
	or(&c.Clients, l.clients)
	or(&c.InFlight, l.inFlight)
	or(&c.Duration, 3*time.Second)
	or(&c.Warmup, c.Duration/5)
	or(&c.Nodes, c.HTTP)
	or(&c.Method, "POST")
	or(&c.Path, "/server")
	return c
}

func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// check finds what is wrong with c; targets are the addresses that the scenario needs.
func (c Config) check(ctx context.Context, targets ...string) error {
	var faults []error
	for _, to := range targets {
		faults = append(faults, c.checkTarget(ctx, to))
	}
	for what, n := range map[string]int{"gateways": c.Gateways, "things": c.Things, "clients": c.Clients} {
		if n < 0 || n > maxConnections {
			faults = append(faults, fmt.Errorf("%d %s: between 1 and %d are possible", n, what, maxConnections))
		}
	}
	if c.InFlight < 0 || c.InFlight > maxInFlight {
		faults = append(faults, fmt.Errorf("%d in flight: between 1 and %d are possible", c.InFlight, maxInFlight))
	}
	if c.Rate < 0 || c.Rate > 1_000_000 {
		faults = append(faults, fmt.Errorf("rate %d: between 0 and 1,000,000 is possible", c.Rate))
	}
	if c.Duration < 0 || c.Warmup < 0 || c.Duration+c.Warmup > MaxDuration {
		faults = append(faults, fmt.Errorf("%v and %v of warm-up: together at most %v are possible", c.Duration, c.Warmup, MaxDuration))
	}
	return errors.Join(faults...)
}

// checkTarget refuses to load other people's machines by mistake.
func (c Config) checkTarget(ctx context.Context, to string) error {
	host, _, err := net.SplitHostPort(to)
	if err != nil {
		return fmt.Errorf("target %q: %w", to, err)
	}
	if c.Anywhere {
		return nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return fmt.Errorf("target %q: %w", to, err)
	}
	for _, a := range addrs {
		if !a.Unmap().IsLoopback() {
			return fmt.Errorf("target %q is not this machine; say --anywhere if it is yours to load", to)
		}
	}
	return nil
}
