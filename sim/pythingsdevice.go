package sim

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	wire "github.com/roost-iot/roost/wire/pythings"
)

// What ends a boot of a device.
var (
	// ErrHung: the device spins for ever, as devices do when a connection ends within
	// the headers of an answer. Only taking its power away helps.
	ErrHung = errors.New("the device hangs: the connection ended within the headers of an answer")
	// ErrNoAID: the device sleeps for ever, for nobody told it its app.
	ErrNoAID = errors.New("the device has no AID and sleeps for ever")

	// ErrReboot: the device reboots. A Runner's tasks answer it when their code asks
	// for that.
	ErrReboot = errors.New("reboot")

	errPower = errors.New("the power went")
)

// Times of devices.
const (
	pythingsTick    = time.Second
	pythingsRetry   = 3 * time.Second
	pythingsCrash   = 6 * time.Second        // from an uncaught error to the reboot
	pythingsStart   = 3 * time.Second        // from the end of the process to its next start, by a script
	pythingsReset   = 500 * time.Millisecond // of a board, until its network is there again
	pythingsTimeout = 60 * time.Second       // of a read, a write or a connect
	pythingsRescue  = 60 * time.Second       // until somebody takes the power of a hanging device away
)

// PythingsDevice is a PythingsOS device of releases 1.x. Boot and Tick play it step by
// step without a clock; Run plays it in real time. One goroutine may use it.
type PythingsDevice struct {
	c      PythingsConfig
	habit  wire.Habit
	rng    *rand.Rand
	runner Runner

	flash map[string]string // by path; outlives reboots
	torn  map[string]bool   // files that lost characters when they were fetched encrypted

	// From here on what a reboot forgets.
	settings   map[string]any
	text       string // settings as they are stored
	osVersion  string
	token      string
	cipher     *wire.Cipher // nil: clear
	looping    bool         // the first management call is over
	worker     bool         // the task could be imported
	management bool
	every      struct{ management, worker int } // ticks
	tick       int
}

// NewPythings makes a device. It has not booted yet.
func NewPythings(c PythingsConfig) *PythingsDevice {
	c.Platform = cmp.Or(c.Platform, "Python")
	c.Version = cmp.Or(c.Version, defaultOS)
	if c.Restart == 0 {
		c.Restart = pythingsReset
		if slices.Contains([]string{"Python", "MicroPython", "RaspberryPi"}, c.Platform) {
			c.Restart = pythingsStart
		}
	}
	if c.Told == nil {
		c.Told = func(PythingsEvent) {}
	}
	if c.Wait == nil {
		c.Wait = pause
	}
	if c.Modulus == nil {
		c.Modulus, _ = new(big.Int).SetString(builtInModulus, 10)
	}
	d := &PythingsDevice{c: c, rng: newRand(c.Faults.Seed), flash: map[string]string{}, torn: map[string]bool{}}
	d.runner = c.Runner
	if d.runner == nil {
		d.runner = Scripted(c.Faults.Seed)
	}
	if c.Platform != "Python" && c.Platform != "RaspberryPi" {
		d.habit = wire.MicroPython
	}
	if c.Encrypted {
		d.flash[settingsFile] = `{"payload_encryption": true}`
	}
	return d
}

// builtInModulus is N of all releases.
const builtInModulus = "28413003199647341169755148817272580434684756919496624803561225904937920874272008267922241718272669080997784342773848675977238304083346116914731539644572572184061626687258523348629880944116435872100013777281682624539900472318355160325153486782544158202452609602511838141993451856549399731403548343252478723563"

// Files of a device.
const (
	settingsFile   = "settings.json"
	appFile        = "app.py"
	workerFile     = "worker_task.py"
	managementFile = "management_task.py"
	versionFile    = "version.py"
)

// File gives the content of a file of the device.
func (d *PythingsDevice) File(path string) (content string, ok bool) {
	content, ok = d.flash[path]
	return content, ok
}

// Put writes a file of the device, as people do over its serial line.
func (d *PythingsDevice) Put(path, content string) { d.flash[path] = content }

// Token is the token of the session.
func (d *PythingsDevice) Token() string { return d.token }

// Encrypts tells that the session is encrypted.
func (d *PythingsDevice) Encrypts() bool { return d.cipher != nil }

// Run plays the device in real time until ctx ends, and returns nil then. Somebody
// takes the power of a hanging device away after a minute.
func (d *PythingsDevice) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		running, err := d.Boot(ctx)
		for running && err == nil {
			if running, err = d.Tick(ctx); running && err == nil {
				d.c.Wait(ctx, pythingsTick)
			}
		}
		switch {
		case errors.Is(err, ErrHung):
			d.c.Wait(ctx, pythingsRescue)
		case errors.Is(err, ErrNoAID):
			<-ctx.Done()
		default:
			d.c.Wait(ctx, d.c.Restart)
		}
	}
	return nil
}

// Boot starts the device: it registers and asks what to do. running is false when it
// rebooted on the way: call Boot again. Errors: ErrHung, ErrNoAID, that of ctx.
func (d *PythingsDevice) Boot(ctx context.Context) (running bool, err error) {
	d.forget()
	d.readSettings()
	d.chooseOS()
	d.tell(Booted, d.osVersion, "")
	if d.c.AID == "" {
		return false, ErrNoAID
	}
	return d.end(ctx, d.start(ctx))
}

// Tick plays one turn of the device's loop, which takes a second in real time. It
// answers as Boot does.
func (d *PythingsDevice) Tick(ctx context.Context) (running bool, err error) {
	return d.end(ctx, d.turn(ctx))
}

// end says what comes of an error that nothing caught.
func (d *PythingsDevice) end(ctx context.Context, err error) (running bool, _ error) {
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil:
		return false, ctx.Err()
	case errors.Is(err, ErrHung):
		d.tell(Hung, err.Error(), "")
		return false, ErrHung
	case errors.Is(err, ErrReboot), errors.Is(err, errPower):
		d.tell(Rebooted, err.Error(), "")
		return false, nil
	}
	_, crash := d.report(ctx, 1, "pythings", "KO", quoted(fault(err)))
	if errors.Is(crash, ErrHung) {
		return d.end(ctx, ErrHung)
	}
	d.tell(Rebooted, fault(err), "")
	d.c.Wait(ctx, pythingsCrash)
	return false, ctx.Err()
}

// forget is what losing the memory does.
func (d *PythingsDevice) forget() {
	d.settings, d.text, d.token, d.cipher = nil, "", "", nil
	d.looping, d.worker, d.management, d.tick = false, false, false, 0
}

// readSettings takes a file that can not be read for none.
func (d *PythingsDevice) readSettings() {
	d.text = d.flash[settingsFile]
	if json.Unmarshal([]byte(d.text), &d.settings) != nil {
		d.settings, d.text = nil, ""
	}
}

var versionLine = regexp.MustCompile(`version\s*=\s*['"]([^'"]*)['"]`)

// chooseOS is the boot loader: the release that the settings name, if it is whole.
func (d *PythingsDevice) chooseOS() {
	d.osVersion = d.c.Version
	want, _ := d.settings["pythings_version"].(string)
	if d.c.Frozen || want == "" || strings.EqualFold(want, "factory") {
		return
	}
	if content, ok := d.flash[want+"/"+versionFile]; ok {
		d.osVersion = "Unknown"
		if m := versionLine.FindStringSubmatch(content); m != nil {
			d.osVersion = m[1]
		}
	}
}

// cryptoFiles are what a downloaded release needs to encrypt.
var cryptoFiles = []string{"crypto_aes.py", "crypto_common.py", "crypto_engine_aes128ecb.py", "crypto_rsa.py"}

// canEncrypt tells whether this build and the release that runs know payload encryption.
// Modules that lost characters can not be imported, which nobody is told.
func (d *PythingsDevice) canEncrypt() bool {
	if strings.HasPrefix(d.c.Platform, "esp8266") && !d.c.Frozen {
		return false
	}
	want, _ := d.settings["pythings_version"].(string)
	if _, downloaded := d.flash[want+"/"+versionFile]; !downloaded || d.c.Frozen || strings.EqualFold(want, "factory") {
		return true
	}
	for _, name := range cryptoFiles {
		path := want + "/" + name
		if _, ok := d.flash[path]; !ok || d.torn[path] {
			return false
		}
	}
	return true
}

// canTLS tells whether this build knows TLS.
func (d *PythingsDevice) canTLS() bool {
	return !d.c.NoTLS && !strings.HasSuffix(d.c.Platform, "_sim800") && (d.c.Frozen || !strings.HasPrefix(d.c.Platform, "esp8266"))
}

// appVersion is what app.py says.
func (d *PythingsDevice) appVersion() string {
	if m := versionLine.FindStringSubmatch(d.flash[appFile]); m != nil {
		return m[1]
	}
	return "0"
}

// start is all of a boot until the loop.
func (d *PythingsDevice) start(ctx context.Context) error {
	if on, _ := d.settings["payload_encryption"].(bool); on && d.canEncrypt() {
		if err := d.preregister(ctx); err != nil {
			return err
		}
	}
	if err := d.register(ctx); err != nil {
		return err
	}
	if err := d.manage(ctx); err != nil {
		return err
	}
	d.looping = true
	if err := d.load(ctx); err != nil {
		return err
	}
	var err error
	if d.every.management, err = d.interval("management_interval", 60); err != nil {
		return err
	}
	d.every.worker, err = d.interval("worker_interval", 300)
	return err
}

// interval reads a setting as Python's int does.
func (d *PythingsDevice) interval(name string, usual int) (int, error) {
	switch v := d.settings[name].(type) {
	case nil:
		return usual, nil
	case float64:
		return int(v), nil
	case string:
		var n int
		if _, err := fmt.Sscanf(strings.TrimSpace(v)+"\n", "%d\n", &n); err != nil {
			return 0, fmt.Errorf("ValueError: invalid literal for int() with base 10: '%s'", v)
		}
		return n, nil
	}
	return 0, errors.New("TypeError: int() argument must be a string or a number")
}

// turn is one turn of the loop.
func (d *PythingsDevice) turn(ctx context.Context) error {
	n := d.tick
	d.tick++
	if due, err := divides(d.every.management, n); err != nil {
		return err
	} else if due {
		if err := d.manage(ctx); err != nil {
			return err
		}
	}
	due, err := divides(d.every.worker, n)
	if err != nil || !due {
		return err
	}
	return d.work(ctx)
}

func divides(interval, n int) (bool, error) {
	if interval == 0 {
		return false, errors.New("ZeroDivisionError: integer division or modulo by zero")
	}
	return n%interval == 0, nil
}

func (d *PythingsDevice) tell(kind PythingsHappening, text, body string) {
	d.c.Told(PythingsEvent{Kind: kind, Text: text, Body: body})
}
