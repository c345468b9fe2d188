package pythings

import (
	"fmt"
	"log/slog"
	"math/big"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/telemetry"
)

// doorName is the Door of the identities that come through here.
const doorName = "pythings"

// Config says how the door behaves. What stands above the first gap is needed; all else
// works as zero.
type Config struct {
	Core      gateway.Core
	Releases  *release.Releases
	Telemetry *telemetry.Telemetry
	Commands  *command.Commands
	Registry  Fleet
	Secrets   string // folder of private keys and of the secret that seals tokens
	Log       *slog.Logger

	Accounts Accounts // nil: no thing comes with an account id
	// TLS: devices reach our addresses by TLS, too. Without it none is told to use TLS
	// that does not use it already: it would not find us again.
	TLS bool
	// OldTLS: that is so for boards with an ESP8266, too, which know old versions only.
	OldTLS bool
	// Tolerance is how much longer than its intervals a thing may be silent; 60 s.
	Tolerance  time.Duration
	MaxBody    int // bytes of a request; 64 KiB
	MaxMessage int // characters of a worker value as Python writes it; 4,096
	MaxRate    int // worker values of one thing in a second, for long; 20
}

func (c *Config) fill() {
	if c.Tolerance <= 0 {
		c.Tolerance = 60 * time.Second
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 64 << 10
	}
	if c.MaxMessage <= 0 {
		c.MaxMessage = 4096
	}
	if c.MaxRate <= 0 {
		c.MaxRate = 20
	}
}

// Fleet knows things; the registry is one.
type Fleet interface {
	Get(ref roost.Ref) (t roost.Thing, rs []roost.Resource, ok bool)
}

// Accounts knows the people whose account id a device may bring in place of an app's id.
type Accounts interface {
	ByAccount(account string) (roost.Person, roost.ProjectID, bool)
}

// Door serves the device API. Its methods may be called from many goroutines.
type Door struct {
	cfg     Config
	keys    *Keys
	tokens  *Tokens
	notices notices
	source  sources
	starts  gateway.Limiter // of registrations
	unlocks chan struct{}

	mu     sync.Mutex
	things map[identity]*thing // that have called since the start
}

// New opens the door's keys. Nothing runs by itself.
func New(cfg Config) (*Door, error) {
	cfg.fill()
	keys, err := OpenKeys(cfg.Secrets)
	if err != nil {
		return nil, fmt.Errorf("open the PythingsOS door: %w", err)
	}
	tokens, err := OpenTokens(cfg.Secrets)
	if err != nil {
		return nil, fmt.Errorf("open the PythingsOS door: %w", err)
	}
	d := &Door{cfg: cfg, keys: keys, tokens: tokens, things: map[identity]*thing{}}
	d.starts = gateway.Limiter{Burst: startBurst, Every: startEvery}
	d.unlocks = make(chan struct{}, mostUnlocks)
	d.source.releases = cfg.Releases
	return d, nil
}

// Key gives the modulus that devices need for payload encryption.
func (d *Door) Key() *big.Int { return d.keys.Modulus() }

// Keys gives the private keys that are held, our own first.
func (d *Door) Keys() []KeyInfo { return d.keys.List() }

// ImportKey takes up a private key whose modulus devices have. Errors: roost.Invalid,
// roost.Conflict, roost.TooMany.
func (d *Door) ImportKey(name string, pem []byte) (KeyInfo, error) {
	return d.keys.Import(name, pem)
}

// RemoveKey forgets an imported key. Error: roost.NotFound.
func (d *Door) RemoveKey(name string) error { return d.keys.Remove(name) }

// Notices gives what the operator should know of devices that could not be served,
// newest first.
func (d *Door) Notices() []Notice { return d.notices.list() }
