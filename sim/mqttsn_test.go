package sim_test

import (
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/sim"
)

// obeys has a person set a thing's LED, and waits for the thing's word.
func (d *roostDoors) obeys(t *testing.T, id string) {
	t.Helper()
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

func TestMQTTSNNodeIsThereAndObeys(t *testing.T) {
	d := openDoors(t, registry.EnrolOpen)
	f := sim.MQTTSN(sim.Config{To: d.to.MQTTSN, Count: 2, Resources: []string{"temperature", "led", "imu"}, Interval: 200 * time.Millisecond})
	stop := run(t, f)
	for _, id := range f.IDs() {
		for _, r := range []string{"board", "name", "os", "temperature", "imu"} {
			eventually(t, id+" has "+r, func() bool { return d.last(id, r) != "" })
		}
		eventually(t, "led of "+id+" is off", func() bool { return d.last(id, "led") == "0" })
		d.obeys(t, id)
	}
	if s := f.Stats(); s.Joined != 2 || s.Sets != 2 || s.Sent == 0 {
		t.Errorf("counted %+v", s)
	}
	stop()
}

// Pyaiot's weather node subscribes to nothing: all it has comes by itself.
func TestMQTTSNWeatherNode(t *testing.T) {
	d := openDoors(t, registry.EnrolOpen)
	f := sim.MQTTSN(sim.Config{
		To: d.to.MQTTSN, UID: "weather-", Resources: []string{"temperature", "pressure", "humidity"}, Interval: 100 * time.Millisecond,
	})
	run(t, f)
	for _, r := range []string{"board", "name", "os", "temperature", "pressure", "humidity"} {
		eventually(t, "weather-1 has "+r, func() bool { return d.last("weather-1", r) != "" })
	}
	if s := f.Stats(); s.Asked != 0 {
		t.Errorf("it was asked: %+v", s)
	}
}

func TestMQTTSNNodeThatSleepsObeysWhenItWakes(t *testing.T) {
	d := openDoors(t, registry.EnrolOpen)
	f := sim.MQTTSN(sim.Config{
		To: d.to.MQTTSN, UID: "sleepy-", Resources: []string{"led", "temperature"},
		Interval: 200 * time.Millisecond, Sleep: 300 * time.Millisecond,
	})
	run(t, f)
	eventually(t, "led of sleepy-1 is off", func() bool { return d.last("sleepy-1", "led") == "0" })
	d.obeys(t, "sleepy-1")
}

func TestMQTTSNNodeOnABadLine(t *testing.T) {
	d := openDoors(t, registry.EnrolOpen)
	f := sim.MQTTSN(sim.Config{
		To: d.to.MQTTSN, UID: "lossy-", Resources: []string{"temperature"},
		Interval: 100 * time.Millisecond, Loss: 0.05, Reorder: 0.05, Seed: 3,
	})
	run(t, f)
	eventually(t, "lossy-1 has a temperature", func() bool { return d.last("lossy-1", "temperature") != "" })
	eventually(t, "something was lost", func() bool { return f.Stats().Dropped > 0 })
	sent := f.Stats().Sent
	eventually(t, "more values come", func() bool { return f.Stats().Sent > sent+10 })
}

func TestMQTTSNNodeWithoutAGatewayTriesAgain(t *testing.T) {
	f := sim.MQTTSN(sim.Config{To: "127.0.0.1:9", Interval: 10 * time.Millisecond})
	run(t, f)
	eventually(t, "an attempt failed", func() bool { return f.Stats().Lost > 0 })
}
