package sim_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/gateway/ws"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/sim"
)

// roostDoors are Roost's own doors over the real rooms.
type roostDoors struct {
	*roomtest.Rooms
	to sim.Addresses
}

func openDoors(t *testing.T, enrolment string) *roostDoors {
	t.Helper()
	rooms := roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: enrolment}})
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	conn, err := coap.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nodes := coap.New(coap.Config{Conns: conn.Conns(), Core: rooms.Switchboard, Log: log, Fallback: 50 * time.Millisecond})
	door := ws.New(ws.Config{Core: rooms.Switchboard, Log: log})
	mux := http.NewServeMux()
	mux.HandleFunc("/node", door.ServeNode)
	web := httptest.NewServer(mux)
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { _ = nodes.Run(ctx) })
	work.Go(func() { door.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		work.Wait()
		web.Close()
		_ = conn.Close()
	})
	return &roostDoors{rooms, sim.Addresses{CoAP: conn.LocalAddr().(*net.UDPAddr).String(), WS: web.Listener.Addr().String()}}
}

// eventually looks every millisecond whether something has come true.
func eventually(t *testing.T, what string, true func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(patience); !true(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}

// last is the last value of a thing's resource.
func (d *roostDoors) last(id, resource string) string {
	_, rs, _ := d.Registry.Get(roost.Ref{Project: roost.Home, Thing: roost.ThingID(id)})
	for _, r := range rs {
		if r.Name == resource {
			return r.Value.AsText()
		}
	}
	return ""
}

// T50, T66: things appear with all they have, and their LEDs follow commands.
func TestThingsAtRoostsDoors(t *testing.T) {
	d := openDoors(t, registry.EnrolOpen)
	resources := []string{"temperature", "led"}
	run(t, sim.CoAP(sim.Config{To: d.to.CoAP, Count: 2, Resources: resources, Interval: 50 * time.Millisecond}))
	run(t, sim.WS(sim.Config{To: d.to.WS, Count: 2, Resources: resources, Interval: 50 * time.Millisecond}))
	for _, id := range []string{"sim-coap-1", "sim-coap-2", "sim-ws-1", "sim-ws-2"} {
		for _, r := range []string{"board", "name", "temperature"} {
			eventually(t, id+" has "+r, func() bool { return d.last(id, r) != "" })
		}
		eventually(t, "led of "+id+" is off", func() bool { return d.last(id, "led") == "0" })
		ref := roost.Ref{Project: roost.Home, Thing: roost.ThingID(id)}
		c, err := d.Commands.Submit(t.Context(), command.Request{Ref: ref, Resource: "led", Value: roost.Text("1")})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "command to "+id+" is done", func() bool {
			c, err := d.Commands.Find(t.Context(), roost.Home, c.ID)
			return err == nil && c.State == roost.Done
		})
		eventually(t, "led of "+id+" is on", func() bool { return d.last(id, "led") == "1" })
	}
}

// A thing that waits goes on making itself heard, and is discovered once approved.
func TestThingsThatWaitForApproval(t *testing.T) {
	d := openDoors(t, registry.EnrolApprove)
	run(t, sim.CoAP(sim.Config{To: d.to.CoAP, Beacon: 20 * time.Millisecond}))
	run(t, sim.WS(sim.Config{To: d.to.WS}))
	for _, id := range []string{"sim-coap-1", "sim-ws-1"} {
		ref := roost.Ref{Project: roost.Home, Thing: roost.ThingID(id)}
		eventually(t, id+" waits", func() bool {
			thing, _, _ := d.Registry.Get(ref)
			return thing.Enrolment == roost.Waiting
		})
		if _, err := d.Switchboard.Approve(t.Context(), ref, "a test"); err != nil {
			t.Fatal(err)
		}
		eventually(t, id+" is discovered", func() bool { return d.last(id, "name") != "" })
	}
}

func TestDemoAtRoostsDoors(t *testing.T) {
	d := openDoors(t, registry.EnrolOpen)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- sim.Demo(ctx, d.to) }()
	names := map[string]bool{}
	for _, g := range sim.DemoGuests() {
		if g.Door == "mqtt" {
			continue
		}
		eventually(t, g.ID+" has a name", func() bool { return d.last(g.ID, "name") != "" })
		names[d.last(g.ID, "name")] = true
	}
	if len(names) != 7 || !names["Greenhouse north"] {
		t.Errorf("names are %v", names)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
