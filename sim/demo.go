package sim

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/wire/agent"
)

// Addresses are where simulated things go; those of doors that are off are empty.
type Addresses struct {
	CoAP   string // HOST:PORT
	WS     string // HOST:PORT or ws://HOST:PORT/node
	MQTT   string // HOST:PORT, or a URL as in Config.To
	MQTTSN string // HOST:PORT
	// Pythings is HOST:PORT of an HTTP port, and DemoApp the id of the app that the demo's
	// PythingsOS device brings; without one it stays away.
	Pythings, DemoApp string
	DemoKind          string // of the demo's board that asks for its files, at Pythings too; "": it stays away
	// Demo's board with Roost's own runtime, at Pythings too: how it gets its key, and the
	// folder of its flash; nil: it stays away.
	DemoRuntime func(context.Context) (id string, key agent.Key, err error)
	DemoFlash   string
	Log         *slog.Logger
}

// Guest is a thing of the demo fleet.
type Guest struct {
	ID   string
	Door string // of its identity
	// Waits: it is there to be approved by a person. The others may be let in
	// beforehand.
	Waits bool
}

// DoorOf gives the door by which things of a kind are known: MQTT-SN nodes are
// clients of the same broker as MQTT things.
func DoorOf(kind string) string {
	switch kind {
	case "mqttsn":
		return "mqtt"
	case "micropython":
		return "agent"
	}
	return kind
}

// cast is the demo fleet. Each is a Fleet of its own: "1" is added to UID.
var cast = []struct {
	kind, uid, name string
	resources       []string
	style           string
	waits           bool
	leaves, back    time.Duration
	sleeps          time.Duration
}{
	{kind: "coap", uid: "greenhouse-", name: "Greenhouse north", resources: []string{"temperature", "humidity", "pressure", "position"}},
	{kind: "coap", uid: "workbench-", name: "Workbench lamp", resources: []string{"led", "illuminance"}},
	{kind: "coap", uid: "gimbal-", name: "Camera gimbal", resources: []string{"imu", "temperature"}},
	{kind: "coap", uid: "rover-", name: "Rover", resources: []string{"robot", "temperature", "led", "js", "position", "version", "suit_state", "dwnld"}},
	{kind: "ws", uid: "window-box-", name: "Window box", resources: []string{"led", "temperature"}},
	{kind: "ws", uid: "basil-", name: "Basil pot", resources: []string{"humidity"}, leaves: 150 * time.Second, back: 40 * time.Second},
	{kind: "ws", uid: "display-", name: "Hallway display", resources: []string{"text"}, waits: true},
	{kind: "ws", uid: "hillside-", name: "Hillside camera", resources: []string{"webcam", "illuminance"}},
	{kind: "mqtt", uid: "office-", name: "Office air", resources: []string{"eco2", "tvoc", "temperature", "led"}},
	{kind: "mqtt", uid: "wipy-", name: "Pycom board", resources: []string{"led", "position"}, style: StylePycom},
	{kind: "mqtt", uid: "mood-", name: "Mood light", resources: []string{"rgb", "servo", "lcd", "illuminance"}, style: StyleNative},
	{kind: "mqtt", uid: "ribot-", name: "RiBot", resources: []string{"ribot", "battery", "status"}, style: StyleNative},
	{kind: "mqttsn", uid: "mast-", name: "Weather mast", resources: []string{"temperature", "pressure", "humidity"}},
	{kind: "mqttsn", uid: "beehive-", name: "Beehive", resources: []string{"temperature", "battery", "led"}, sleeps: 10 * time.Second},
}

// DemoGuests lists who comes when Demo runs with all doors open.
func DemoGuests() []Guest {
	guests := make([]Guest, len(cast))
	for i, c := range cast {
		guests[i] = Guest{ID: c.uid + "1", Door: DoorOf(c.kind), Waits: c.waits}
	}
	return guests
}

// Demo plays a small mixed fleet over the real protocols until ctx ends, with every
// kind of value that there is a widget for. One of them leaves and comes back now and
// then, one sleeps most of the time. Those whose door is off stay away.
func Demo(ctx context.Context, to Addresses) error {
	hillside, err := openCamera(ctx)
	if err != nil {
		return err
	}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { hillside.run(ctx); return nil })
	for i, c := range cast {
		if to.of(c.kind) == "" {
			continue
		}
		config := Config{
			Count: 1, UID: c.uid, Names: []string{c.name}, Resources: c.resources, Style: c.style,
			LeaveAfter: c.leaves, BackAfter: c.back, Sleep: c.sleeps, Webcam: hillside.url(), Seed: uint64(i), Log: to.Log,
		}
		all.Go(func() error { return to.fleet(c.kind, "", config).Run(ctx) })
	}
	if to.DemoApp != "" {
		all.Go(func() error { return to.fleet("pythings", to.DemoApp, Config{UID: wittyUID, Log: to.Log}).Run(ctx) })
	}
	if to.DemoKind != "" {
		all.Go(func() error {
			return to.fleet("board", to.DemoKind, Config{UID: gaugeUID, Names: []string{"Rain gauge"}, Log: to.Log}).Run(ctx)
		})
	}
	if to.DemoRuntime != nil && micropython.Available() {
		r := RuntimeConfig{Flash: to.DemoFlash, Key: func(ctx context.Context, _ int) (string, agent.Key, error) { return to.DemoRuntime(ctx) }}
		all.Go(func() error {
			return Runtimes(Config{To: to.Pythings, UID: sillUID, Names: []string{"Window sill"}, Log: to.Log}, r).Run(ctx)
		})
	}
	return all.Wait()
}

const sillUID = "window-sill-"

const gaugeUID = "rain-gauge-"

// DemoMAC is the MAC of the demo's board that asks for its files.
func DemoMAC() string { return macOf(gaugeUID + "1") }

// of gives where things of a kind go; "": nowhere.
func (a Addresses) of(kind string) string {
	return map[string]string{"coap": a.CoAP, "ws": a.WS, "mqtt": a.MQTT, "mqttsn": a.MQTTSN, "pythings": a.Pythings, "board": a.Pythings, "micropython": a.Pythings}[kind]
}

// DemoBoard is the id of the demo's PythingsOS device, which comes where there is an app
// for it: a board with a photoresistor and a light of three colours.
const DemoBoard = wittyUID + "1"

const wittyUID = "witty-board-"

// fleet makes things for one of our doors; brings is for PythingsOS devices, and for boards
// their kind.
func (a Addresses) fleet(kind, brings string, c Config) *Fleet {
	c.To = a.of(kind)
	switch kind {
	case "board":
		c.UID, c.exact = macOf(c.UID+"1"), true
		return Boards(c, BoardConfig{AppType: brings, Interval: 15 * time.Second, Again: 2 * time.Second, Web: true})
	case "micropython":
		return Runtimes(c, RuntimeConfig{Key: func(context.Context, int) (string, agent.Key, error) { return runtimeKey(brings) }})
	case "pythings":
		log := c.Log
		if log == nil {
			log = slog.New(slog.DiscardHandler)
		}
		return Pythings(c, PythingsConfig{AID: brings, Platform: "MicroPython"}, MicroPython(1, log))
	case "ws":
		return WS(c)
	case "mqtt":
		return MQTT(c)
	case "mqttsn":
		return MQTTSN(c)
	}
	return CoAP(c)
}
