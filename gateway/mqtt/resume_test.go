package mqtt

import (
	"sync/atomic"
	"testing"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

// resuming is a session that outlives its connection.
func resuming(c *broker.Connect, _ *Login) { c.CleanStart, c.Expiry = false, 3600 }

func TestKeptSubscriptionsAreNoWayAroundAPassword(t *testing.T) {
	for _, filter := range []string{"roost/mine/command", "gateway/mine/#", "$share/g/roost/mine/command"} {
		var bound atomic.Bool
		h := build(t, registry.EnrolOpen, func(c *Config) {
			c.Authenticate = newRegister().authenticate
			c.Bound = func(own string) bool { return bound.Load() && own == "mine" }
		})
		a := h.join("a", wire.V5, resuming)
		a.say("roost/mine/readings", `{"led": true}`)
		a.hear("gateway/check")
		if code := a.hear(filter); code.Failed() {
			t.Fatal(filter, code)
		}
		a.end(broker.Lost)
		bound.Store(true)
		h.door.Rebound("mine")
		h.door.inside.say(message{topic: "roost/mine/command", payload: []byte("while away")})
		h.door.inside.say(message{topic: "gateway/mine/led/set", payload: []byte("while away")})

		b := h.join("a", wire.V5, resuming)
		h.door.inside.say(message{topic: "roost/mine/command", payload: []byte("secret")})
		h.door.inside.say(message{topic: "gateway/mine/led/set", payload: []byte("secret")})
		if b.hear("gateway/check").Failed() {
			t.Error("what is left may not be heard")
		}
		h.door.inside.say(message{topic: "gateway/check"})
		if m := b.next(); m.topic != "gateway/check" {
			t.Errorf("with %s it hears %s %s", filter, m.topic, m.payload)
		}
		h.stop()
	}
}

func TestKeptSessionIsNotTheThingWithoutItsPassword(t *testing.T) {
	var bound atomic.Bool
	h := build(t, registry.EnrolOpen, func(c *Config) {
		c.Bound = func(own string) bool { return bound.Load() && own == "mine" }
	})
	a := h.join("a", wire.V5, resuming)
	a.say("roost/mine/readings", `{"led": true}`)
	a.hear("gateway/check")
	a.end(broker.Lost)
	bound.Store(true)
	h.door.Rebound("mine")
	h.join("a", wire.V5, resuming)
	if h.online("mine") {
		t.Error("it is online by somebody without its password")
	}
}

func TestAPasswordCutsWhoStillListens(t *testing.T) {
	var bound atomic.Bool
	h := build(t, registry.EnrolOpen, func(c *Config) {
		c.Bound = func(own string) bool { return bound.Load() && own == "mine" }
	})
	a, b := h.join("a", wire.V5, nil), h.join("b", wire.V5, nil)
	a.hear("roost/mine/command")
	if code := b.say("roost/mine/readings", `{"led": true}`); code.Failed() { // takes the claim
		t.Fatal(code)
	}
	bound.Store(true)
	h.door.Rebound("mine")
	ctx, stop := roomtest.Soon()
	defer stop()
	for name, i := range map[string]*inner{"who listens": a, "who speaks": b} {
		select {
		case code := <-i.cut:
			if code != wire.NotAuthorized {
				t.Errorf("%s: %v", name, code)
			}
		case <-ctx.Done():
			t.Errorf("%s stays", name)
		}
	}
}
