package mqtt

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

// short makes silence count after 300 ms, for the registry and the door.
func short(t *testing.T) *house {
	t.Helper()
	const presence = 300 * time.Millisecond
	rooms := roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: registry.EnrolOpen, Presence: presence}})
	return furnish(t, rooms, func(c *Config) {
		c.Presence = presence
	})
}

func TestThingIsHereAsLongAsItsConnection(t *testing.T) {
	h := short(t)
	n := h.join("n1", wire.V311, nil)
	n.say("node/check", `{"id": "n1"}`)
	silent := h.join("other", wire.V311, nil)
	silent.say("node/check", `{"id": "n2"}`)
	silent.say("node/check", `{"id": "n3"}`) // two of them: neither is vouched for
	for _, own := range []string{"n2", "n3"} {
		roomtest.Eventually(t, own+" is lost", func() bool { return !h.online(own) })
	}
	roomtest.Eventually(t, "the door has forgotten them", func() bool { return h.door.nodes.len() == 1 })
	if !h.online("n1") {
		t.Error("a thing was lost although its connection stands")
	}
	n.end(broker.Lost)
	if h.online("n1") {
		t.Error("it is here without its connection")
	}
	feed := h.Feed.Tail()
	defer feed.Close()
	silent.say("node/n2/led", `{"value": 1}`)
	if e := roomtest.Next(t, feed, roost.ThingChanged); e.Ref != home("n2") || !e.Thing.Online {
		t.Errorf("after it spoke it is %+v", e.Thing)
	}
}

// TestOneThatOnlyCameToSaySomething plays mosquitto_pub: it connects, publishes and
// leaves. Its thing stays until it was silent for too long, which is the registry's word.
func TestOneThatOnlyCameToSaySomething(t *testing.T) {
	core := new(presenceCore)
	h := furnishCore(t, core)
	t.Cleanup(h.stop)
	n := h.join("pub", wire.V311, nil)
	n.say("node/n1/led", `{"value": 1}`)
	n.end(broker.Clean)
	m := h.join("listener", wire.V311, nil)
	m.hear("gateway/n2/#")
	m.say("node/n2/led", `{"value": 1}`)
	m.end(broker.Clean)
	o := h.join("lost", wire.V311, nil)
	o.say("node/n3/led", `{"value": 1}`)
	o.end(broker.Lost)
	want := "[n1 bound n1 free n2 bound n2 gone n3 bound n3 gone]"
	if got := fmt.Sprint(core.told); got != want {
		t.Errorf("the rooms were told %s, want %s", got, want)
	}
}

// presenceCore notes who is here and how.
type presenceCore struct {
	countingCore
	told []string
}

func (c *presenceCore) Arrive(ctx context.Context, a gateway.Arrival) (gateway.Standing, error) {
	how := " free"
	if a.Bound {
		how = " bound"
	}
	c.told = append(c.told, a.Identity.Own+how)
	return c.countingCore.Arrive(ctx, a)
}

func (c *presenceCore) Leave(_ context.Context, ref roost.Ref, _ gateway.Link) error {
	c.told = append(c.told, string(ref.Thing)+" gone")
	return nil
}

// TestSleepingThing holds that a command for a thing whose session waits for it waits,
// too, and goes out when it is back.
func TestSleepingThing(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	lasting := func(c *broker.Connect, _ *Login) { c.CleanStart, c.Expiry = false, 3600 }
	n := h.join("n", wire.V5, lasting)
	n.hear("gateway/n1/#")
	n.say("node/n1/led", `{"value": "0"}`)
	n.end(broker.Lost)
	if !h.online("n1") {
		t.Error("a thing that sleeps is gone at once")
	}
	c := h.command("n1", "led", `"1"`)
	roomtest.Eventually(t, "the door was asked", func() bool {
		node := h.door.nodes.find("n1")
		return node != nil && node.owed.Load()
	})
	h.state(c, roost.Queued)
	n = h.join("n", wire.V5, lasting) // it says nothing
	want(t, n, "gateway/n1/led/set", "1")
	n.say("node/n1/led", `{"value": "1"}`)
	h.state(c, roost.Done)
}

func TestTakeoverKeepsTheThing(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	a := h.join("n", wire.V311, nil)
	a.hear("gateway/n1/#")
	a.say("node/n1/led", `{"value": 0}`)
	b := h.join("n", wire.V311, nil)
	b.hear("gateway/n1/#")
	b.say("node/n1/led", `{"value": 1}`)
	a.end(broker.Lost)
	if !h.online("n1") {
		t.Error("it is gone")
	}
	c := h.command("n1", "led", "0")
	want(t, b, "gateway/n1/led/set", "0")
	h.state(c, roost.Sent)
}

func TestOutsideBrokerGoneAndBack(t *testing.T) {
	m, f := startMosquitto(t), openFront(t)
	f.lead(m.host())
	h := build(t, registry.EnrolOpen, func(c *Config) { c.Outside = f.address })
	long(t, "connected", func() bool { return h.door.Stats().Outside })
	n := joinAt(t, f.address, "n1")
	n.hear("gateway/n1/#")
	long(t, "it is heard", func() bool {
		n.say("node/n1/led", `{"value": "0"}`)
		return h.value("n1", "led") == `"0"`
	})
	for i := range 2 {
		f.lead("")
		m.stop()
		long(t, "cut off", func() bool { return !h.door.Stats().Outside })
		c, err := h.Commands.Submit(t.Context(), command.Request{
			Ref: home("n1"), Resource: "led", Value: roost.Value(fmt.Sprintf(`"%d"`, i+1)), Expiry: time.Hour,
		})
		if err != nil {
			t.Fatal(err)
		}
		long(t, "the door was asked", func() bool { return h.door.nodes.find("n1").owed.Load() })
		h.state(c, roost.Queued)
		m.restart()
		f.lead(m.host())
		long(t, "connected again", func() bool { return h.door.Stats().Outside })
		h.state(c, roost.Sent)
		long(t, "the command is done", func() bool { // a broker that starts anew knows no subscriptions
			n.say("node/n1/led", fmt.Sprintf(`{"value": "%d"}`, i+1))
			got, err := h.Commands.Find(t.Context(), c.Project, c.ID)
			return err == nil && got.State == roost.Done
		})
	}
}

// long is Eventually for what comes after pauses of our own.
func long(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestAddressOutsideThatIsNone(t *testing.T) {
	rooms := roomtest.Open(t, roomtest.Config{})
	d := New(Config{Core: rooms.Switchboard, Log: slog.New(slog.DiscardHandler), Outside: "gopher://x"})
	if err := d.Load(t.Context()); err == nil {
		t.Error("nothing is said of it")
	}
	if got := plainAddress("mqtts://me:secret@example.org:8883"); got != "example.org:8883" {
		t.Errorf("people see %s", got)
	}
}

// TestWhatIsSaidOutsideWhileWeAreAwayComesLater holds that the session at the broker
// outside goes on with the next start.
func TestWhatIsSaidOutsideWhileWeAreAwayComesLater(t *testing.T) {
	m := startMosquitto(t)
	rooms := roomtest.Open(t, roomtest.Config{})
	use := func(c *Config) { c.Outside, c.OutsideID = m.address(), "roost-test" }
	h := m.serve(func() *house { return furnish(t, rooms, use) })
	n := m.join("n1")
	n.say("node/n1/count", `{"value": 1}`)
	h.has("n1", "count", "1")
	h.stop()
	for i := 2; i < 20; i++ {
		n.say("node/n1/count", fmt.Sprintf(`{"value": %d}`, i))
	}
	feed := rooms.Feed.Tail()
	defer feed.Close()
	furnish(t, rooms, use)
	for i := 2; i < 20; {
		e := roomtest.Next(t, feed, roost.Read)
		if e.Resource != "count" {
			continue // id and protocol
		}
		if string(e.Value) != fmt.Sprint(i) {
			t.Fatalf("%s came, want %d", e.Value, i)
		}
		i++
	}
}
