// Package sim plays things over real protocols: for the demo, for load and for
// tests. A thing of a Fleet has its own socket, its own values and an LED that
// stays as it was set; to a gateway it is a device like any other.
//
//	fleet := sim.CoAP(sim.Config{To: "127.0.0.1:5683", Count: 3, Resources: []string{"temperature", "led"}})
//	err := fleet.Run(ctx) // blocks until ctx ends
package sim

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxCount is how many things one Fleet plays at most.
const MaxCount = 20_000

// Config says what a Fleet plays. Only To must be given.
type Config struct {
	// To is where the gateway listens: HOST:PORT for CoAP and MQTT-SN; for WebSocket
	// nodes HOST:PORT or a whole URL (ws://HOST:PORT/node), for MQTT HOST:PORT of the
	// broker or a URL (mqtts://HOST:PORT, ws://HOST:PORT/mqtt).
	To        string
	Count     int      // things; 1
	UID       string   // what their ids begin with; "sim-coap-", "sim-ws-", "sim-mqtt-", "sim-mqttsn-"
	Resources []string // besides board, name and os; see Resources
	Names     []string // what they are called, in order; a list of places

	Webcam string // the address that the resource webcam tells

	Interval time.Duration // between values; 5 s, at least 10 ms. The IMU is ten times as quick
	Beacon   time.Duration // CoAP, MQTT, MQTT-SN: between signs of life; 30 s
	Sleep    time.Duration // MQTT-SN: sleeps that long between wakings; 0: stays awake

	Style          string // MQTT: StyleNode, StylePycom, StyleNative; "" is StyleNode
	User, Password string // MQTT: what it shows the broker

	Legacy  bool    // CoAP: signs of life without an id ("reset", "Alive"), robot and js answered 2.05, as old nodes do
	Padding bool    // CoAP: values that are read are filled up with NUL bytes, as RIOT does
	Silent  bool    // says that it is there once and then answers only
	Loss    float64 // share of datagrams (both ways) or messages (sent) that are lost; 0 to 1
	Reorder float64 // CoAP, MQTT-SN: share of datagrams (both ways) that the next one overtakes; 0 to 1
	Seed    uint64  // of losses and noise

	LeaveAfter time.Duration // CoAP: falls silent; others say so. 0: stays
	BackAfter  time.Duration // comes back that long after leaving. 0: never
	JoinSpread time.Duration // the things join spread over this time
	// HostEach gives each CoAP thing an address of its own, 127.0.1.N, and port
	// 5683, the only one where a Pyaiot gateway looks for nodes (Linux).
	HostEach bool

	Log *slog.Logger // none: silent

	exact bool // the one thing is called UID itself
}

// What an MQTT thing is like.
const (
	StyleNode   = "node"   // Pyaiot's MQTT test node: signs of life by the clock
	StylePycom  = "pycom"  // Pyaiot's MicroPython script: they answer gateway/check only, with QoS 0
	StyleNative = "native" // our own topics, roost/ID/…
)

// Resources lists what a thing can be given besides board, name and os.
func Resources() []string { return slices.Clone(offered) }

var offered = []string{
	"temperature", "pressure", "humidity", "illuminance", "imu",
	"led", "robot", "js", "text", "version", "position",
	"rgb", "lcd", "ribot", "servo", "eco2", "tvoc", "battery", "status", "suit_state", "dwnld", "webcam",
}

// leastInterval is the shortest time between values that can be played.
const leastInterval = 10 * time.Millisecond

// check finds every fault in c.
func (c Config) check() error {
	var faults []error
	if c.To == "" {
		faults = append(faults, errors.New("simulated things need an address to talk to"))
	}
	if c.Count < 0 || c.Count > MaxCount {
		faults = append(faults, fmt.Errorf("%d simulated things: between 1 and %d are possible", c.Count, MaxCount))
	}
	if c.Loss < 0 || c.Loss > 1 {
		faults = append(faults, fmt.Errorf("loss %v: must be between 0 and 1", c.Loss))
	}
	if c.Reorder < 0 || c.Reorder > 1 {
		faults = append(faults, fmt.Errorf("reorder %v: must be between 0 and 1", c.Reorder))
	}
	if !slices.Contains([]string{"", StyleNode, StylePycom, StyleNative}, c.Style) {
		faults = append(faults, fmt.Errorf("style %q: MQTT things are %s, %s or %s", c.Style, StyleNode, StylePycom, StyleNative))
	}
	for _, r := range c.Resources {
		if !slices.Contains(offered, r) {
			faults = append(faults, fmt.Errorf("resource %q: simulated things have %s", r, strings.Join(offered, ", ")))
		}
	}
	if slices.Contains(c.Resources, "webcam") && c.Webcam == "" {
		faults = append(faults, errors.New("the resource webcam is the address of a camera: give one"))
	}
	for _, d := range []time.Duration{c.Interval, c.Beacon, c.LeaveAfter, c.BackAfter, c.JoinSpread, c.Sleep} {
		if d < 0 {
			faults = append(faults, fmt.Errorf("time %v: must not be negative", d))
		}
	}
	if c.Interval > 0 && c.Interval < leastInterval {
		faults = append(faults, fmt.Errorf("interval %v: must be at least %v", c.Interval, leastInterval))
	}
	return errors.Join(faults...)
}

// withDefaults fills in what is zero.
func (c Config) withDefaults(uid string) Config {
	if c.Count == 0 {
		c.Count = 1
	}
	if c.UID == "" {
		c.UID = uid
	}
	if c.Interval == 0 {
		c.Interval = 5 * time.Second
	}
	if c.Beacon == 0 {
		c.Beacon = 30 * time.Second
	}
	if len(c.Names) == 0 {
		c.Names = places
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// places are what simulated things are called.
var places = []string{
	"Greenhouse north", "Bench pico", "Attic", "Window box", "Cellar", "Front door",
	"Beehive", "Rain barrel", "Workshop", "Kitchen shelf", "Chicken coop", "Bike shed",
	"Greenhouse south", "Hallway", "Cold frame", "Garden gate", "Balcony", "Compost heap",
	"Pump house", "Reading corner",
}

// idOf gives the i-th thing its own id.
func (c Config) idOf(i int) string {
	if c.exact {
		return c.UID
	}
	return c.UID + strconv.Itoa(i+1)
}

// nameOf gives the i-th thing its name; past the end of the list a number follows.
func (c Config) nameOf(i int) string {
	name := c.Names[i%len(c.Names)]
	if round := i / len(c.Names); round > 0 {
		name = fmt.Sprintf("%s %d", name, round+1)
	}
	return name
}
