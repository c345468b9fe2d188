package sim

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
)

// Addresses are where simulated things go.
type Addresses struct {
	CoAP string // HOST:PORT
	WS   string // HOST:PORT or ws://HOST:PORT/node
	Log  *slog.Logger
}

// Guest is a thing of the demo fleet.
type Guest struct {
	ID   string
	Door string // "coap" or "ws"
	// Waits: it is there to be approved by a person. The others may be let in
	// beforehand.
	Waits bool
}

// cast is the demo fleet. Each is a Fleet of its own: "1" is added to UID.
var cast = []struct {
	door, uid, name string
	resources       []string
	waits           bool
	leaves, back    time.Duration
}{
	{door: "coap", uid: "greenhouse-", name: "Greenhouse north", resources: []string{"temperature", "humidity", "pressure", "position"}},
	{door: "coap", uid: "workbench-", name: "Workbench lamp", resources: []string{"led", "illuminance"}},
	{door: "coap", uid: "gimbal-", name: "Camera gimbal", resources: []string{"imu", "temperature"}},
	{door: "coap", uid: "rover-", name: "Rover", resources: []string{"robot", "temperature", "led", "position", "version"}},
	{door: "ws", uid: "window-box-", name: "Window box", resources: []string{"led", "temperature"}},
	{door: "ws", uid: "basil-", name: "Basil pot", resources: []string{"humidity"}, leaves: 150 * time.Second, back: 40 * time.Second},
	{door: "ws", uid: "display-", name: "Hallway display", resources: []string{"text"}, waits: true},
}

// DemoGuests lists who comes when Demo runs.
func DemoGuests() []Guest {
	guests := make([]Guest, len(cast))
	for i, c := range cast {
		guests[i] = Guest{ID: c.uid + "1", Door: c.door, Waits: c.waits}
	}
	return guests
}

// Demo plays a small mixed fleet over the real protocols until ctx ends: four
// CoAP and three WebSocket nodes, one of which leaves and comes back now and then.
func Demo(ctx context.Context, to Addresses) error {
	all, ctx := errgroup.WithContext(ctx)
	for i, c := range cast {
		config := Config{
			Count: 1, UID: c.uid, Names: []string{c.name}, Resources: c.resources,
			LeaveAfter: c.leaves, BackAfter: c.back, Seed: uint64(i), Log: to.Log,
		}
		all.Go(func() error { return to.fleet(c.door, config).Run(ctx) })
	}
	return all.Wait()
}

// fleet makes things for one of our doors.
func (a Addresses) fleet(door string, c Config) *Fleet {
	if door == "ws" {
		c.To = a.WS
		return WS(c)
	}
	c.To = a.CoAP
	return CoAP(c)
}
