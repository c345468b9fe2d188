package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"

	wire "github.com/roost-iot/roost/wire/pythings"
)

// PythingsConfig says what a PythingsOS device of releases 1.x is like. Only BuiltIn or
// Backend must be given.
type PythingsConfig struct {
	// Backend is the device's file of that name: HOST[:PORT][/PREFIX] for all calls.
	// BuiltIn is the host that its release brings: without Backend the device goes there
	// until its settings name another.
	Backend, BuiltIn string
	TID              string
	AID              string // id of an app or of an account; "": it sleeps for ever
	Pool             string // its file of that name; "": none
	Platform         string // "Python", "MicroPython", "esp8266", "esp32"; "" is Python
	Version          string // of the OS that it was installed with; "" is v1.1.0
	Frozen           bool   // its OS is part of the firmware
	NoTLS            bool   // its build has none, even if its settings ask for it
	// Encrypted makes its settings ask for payload encryption from the first boot on.
	Encrypted bool
	Modulus   *big.Int  // for payload encryption; nil: the one that releases bring
	Key       *wire.Key // of payload encryption; nil: a new one at each boot

	Restart time.Duration // how long a reboot takes; 0: 3 s on a computer, half a second on a board

	Faults PythingsFaults
	Runner Runner // nil: Scripted; a Fleet gives each its own
	// Told hears what happens, in order, from the goroutine that plays the device.
	Told func(PythingsEvent)
	// Wait is how the device lets time pass between attempts; false: ctx ended. nil:
	// in real time.
	Wait func(ctx context.Context, d time.Duration) bool
}

// PythingsFaults are shares, 0 to 1.
type PythingsFaults struct {
	Cuts  float64 // of connections that break somewhere
	Power float64 // of files written in an update during which the power goes
	Seed  uint64
}

// PythingsEvent is something that happened to a device.
type PythingsEvent struct {
	Kind PythingsHappening
	// Text is what Kind says; Body is the JSON of a Call before its encryption, of
	// SettingsStored, SentValue, and of the reply of Executed.
	Text, Body string
}

// PythingsHappening says what happened.
type PythingsHappening string

// What happens to devices, and what the Text of it is.
const (
	Booted         PythingsHappening = "booted"          // version of the OS that runs
	Called         PythingsHappening = "called"          // path, without /api/v1
	Registered     PythingsHappening = "registered"      // the token
	SettingsStored PythingsHappening = "settings stored" //
	FileFetched    PythingsHappening = "file fetched"    // its path
	Executed       PythingsHappening = "executed"        // id of the message
	SentValue      PythingsHappening = "sent value"      //
	Failed         PythingsHappening = "failed"          // why
	Rebooted       PythingsHappening = "rebooted"        // why
	Hung           PythingsHappening = "hung"            // why: it does nothing more until its power goes
)

// defaultOS is the newest release of PythingsOS 1.x.
const defaultOS = "v1.1.0"

// Shares that --faults switches on.
const (
	usualCuts  = 0.05
	usualPower = 0.2
)

// ParsePythingsFaults reads "cuts", "power" or both with a comma.
func ParsePythingsFaults(s string) (f PythingsFaults, err error) {
	for _, name := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		switch name {
		case "cuts":
			f.Cuts = usualCuts
		case "power":
			f.Power = usualPower
		default:
			return f, fmt.Errorf("fault %q: PythingsOS devices have cuts and power", name)
		}
	}
	return f, nil
}

// pythingsPlatforms are those of releases 1.x.
var pythingsPlatforms = []string{"Python", "MicroPython", "RaspberryPi", "esp8266", "esp8266_esp-12", "esp8266_sim800", "esp32", "esp32_sim800"}

// check finds every fault in c.
func (c PythingsConfig) check() error {
	var faults []error
	if c.Backend == "" && c.BuiltIn == "" {
		faults = append(faults, errors.New("PythingsOS devices need an address to talk to"))
	}
	if c.Platform != "" && !slices.Contains(pythingsPlatforms, c.Platform) {
		faults = append(faults, fmt.Errorf("platform %q: PythingsOS runs on %s", c.Platform, strings.Join(pythingsPlatforms, ", ")))
	}
	for _, share := range []float64{c.Faults.Cuts, c.Faults.Power} {
		if share < 0 || share > 1 {
			faults = append(faults, fmt.Errorf("share of faults %v: must be between 0 and 1", share))
		}
	}
	return errors.Join(faults...)
}

// Pythings plays PythingsOS devices of releases 1.x, byte for byte. Of c it takes To,
// which is their file backend, Count, UID, which their TIDs begin with, Seed,
// LeaveAfter, BackAfter, JoinSpread and Log; d says what else they are like. runner
// makes the interpreter of each; nil: Scripted.
func Pythings(c Config, d PythingsConfig, runner func(tid string) (Runner, error)) *Fleet {
	if c.To == "" {
		c.To = d.BuiltIn
	} else {
		d.Backend = c.To
	}
	f := &Fleet{c: c.withDefaults("sim-pythings-"), fault: errors.Join(c.check(), d.check())}
	if f.fault != nil {
		return f
	}
	if runner == nil {
		f.c.Log.Warn("code of apps is not executed: every device answers as the default app does")
	}
	for i := range f.c.Count {
		own := d
		own.TID = f.c.idOf(i)
		own.Faults.Seed = f.c.Seed*1_000_003 + uint64(i)
		f.nodes = append(f.nodes, &pythingsNode{fleet: f, config: own, runner: runner})
	}
	return f
}

// pythingsNode is a device of a Fleet.
type pythingsNode struct {
	fleet  *Fleet
	config PythingsConfig
	runner func(tid string) (Runner, error)
	device *PythingsDevice // its flash outlives its leaving
}

func (n *pythingsNode) live(ctx context.Context) error {
	if n.device == nil {
		n.config.Told = n.told
		n.device = NewPythings(n.config)
	}
	if n.runner != nil {
		r, err := n.runner(n.config.TID)
		if err != nil {
			return fmt.Errorf("start the interpreter of %s: %w", n.config.TID, err)
		}
		defer r.Close()
		n.device.runner = r
	}
	return n.device.Run(ctx)
}

// told counts and logs.
func (n *pythingsNode) told(e PythingsEvent) {
	count, log := &n.fleet.count, n.fleet.c.Log.With("thing", n.config.TID, "protocol", "pythings")
	switch e.Kind {
	case Registered:
		count.joined.Add(1)
		log.Info("registered")
	case SentValue:
		count.sent.Add(1)
	case Executed:
		count.sets.Add(1)
		log.Info("message executed", "message", e.Text, "reply", e.Body)
	case Called:
		count.asked.Add(1)
	case Failed:
		count.lost.Add(1)
		log.Debug("call failed", "err", e.Text)
	case Rebooted, Hung:
		log.Info(string(e.Kind), "why", e.Text)
	case Booted, SettingsStored, FileFetched:
		log.Debug(string(e.Kind), "what", cmp.Or(e.Text, e.Body))
	}
}

// hosts takes HOST[:PORT][/PREFIX] apart. port is "" if none is given.
func hosts(backend string) (host, port, prefix string) {
	if i := strings.IndexByte(backend, '/'); i >= 0 {
		backend, prefix = backend[:i], strings.TrimRight(backend[i:], "/")
	}
	host, port, err := net.SplitHostPort(backend)
	if err != nil {
		return backend, "", prefix
	}
	return host, port, prefix
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)) }
