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
	"github.com/roost-iot/roost/gateway/mqtt"
	"github.com/roost-iot/roost/gateway/mqttsn"
	"github.com/roost-iot/roost/gateway/ws"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/sim"
	wire "github.com/roost-iot/roost/wire/mqtt"
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
	// Nobody serves UDP port 1; what runs at 5683 of this machine is no business of the test.
	nodes := coap.New(coap.Config{Conns: coap.Conns(conn), Core: rooms.Switchboard, Log: log, NodePort: 1, Fallback: 50 * time.Millisecond})
	door := ws.New(ws.Config{Core: rooms.Switchboard, Log: log})
	broker := mqtt.New(mqtt.Config{Core: rooms.Switchboard, Log: log, Feed: rooms.Feed, Fleet: rooms.Registry})
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := mqttsn.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sleepy := mqttsn.New(mqttsn.Config{Broker: broker.Broker(), Conns: mqttsn.Conns(sockets), Log: log, Admit: func(ctx context.Context, _, remote string) (any, wire.ReasonCode) {
		return broker.Admit(ctx, mqtt.Login{Remote: remote})
	}})
	mux := http.NewServeMux()
	mux.HandleFunc("/node", door.ServeNode)
	web := httptest.NewServer(mux)
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { _ = nodes.Run(ctx) })
	work.Go(func() { door.Run(ctx) })
	work.Go(func() { broker.Run(ctx) })
	work.Go(func() { _ = broker.Serve(listener) })
	work.Go(func() { _ = sleepy.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		work.Wait()
		web.Close()
		_ = conn.Close()
		_ = sockets.Close()
	})
	return &roostDoors{rooms, sim.Addresses{
		CoAP: conn.LocalAddr().(*net.UDPAddr).String(), WS: web.Listener.Addr().String(),
		MQTT: listener.Addr().String(), MQTTSN: sockets.LocalAddr().String(),
	}}
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
	run(t, sim.MQTT(sim.Config{To: d.to.MQTT, Resources: resources, Interval: 50 * time.Millisecond}))
	run(t, sim.MQTT(sim.Config{To: d.to.MQTT, UID: "pycom-", Style: sim.StylePycom, Resources: resources, Interval: 50 * time.Millisecond}))
	run(t, sim.MQTT(sim.Config{To: d.to.MQTT, UID: "native-", Style: sim.StyleNative, Resources: resources, Interval: 50 * time.Millisecond}))
	for _, id := range []string{"sim-coap-1", "sim-coap-2", "sim-ws-1", "sim-ws-2", "sim-mqtt-1", "pycom-1", "native-1"} {
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
	run(t, sim.MQTT(sim.Config{To: d.to.MQTT, UID: "node-", Beacon: 20 * time.Millisecond}))
	run(t, sim.MQTT(sim.Config{To: d.to.MQTT, UID: "native-", Style: sim.StyleNative, Interval: 20 * time.Millisecond}))
	for _, id := range []string{"sim-coap-1", "sim-ws-1", "node-1", "native-1"} {
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
		eventually(t, g.ID+" has a name", func() bool { return d.last(g.ID, "name") != "" })
		names[d.last(g.ID, "name")] = true
	}
	if len(names) != len(sim.DemoGuests()) || !names["Greenhouse north"] {
		t.Errorf("names are %v", names)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
