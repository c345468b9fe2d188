package mqtt

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

// register knows who shows which password.
type register struct {
	mu     sync.Mutex
	guests map[string]Guest
}

func newRegister() *register {
	r := &register{guests: map[string]Guest{}}
	for _, role := range []roost.Role{roost.Viewer, roost.Operator, roost.Owner} {
		r.guests[string(role)] = Guest{ID: string(role), Name: "token " + string(role), Role: role}
	}
	r.guests["thing"] = Guest{ID: "c1", Own: "mine"}
	return r
}

func (r *register) authenticate(_ context.Context, user, password, _ string) (Guest, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch g, ok := r.guests[password]; {
	case password == "flood":
		return Guest{}, roost.Errorf(roost.TooMany, "Slow down.")
	case password == "broken":
		return Guest{}, roost.Errorf(roost.Unavailable, "The store is gone.")
	case !ok || g.Own != "" && user != g.Own:
		return Guest{}, roost.Errorf(roost.Unauthorized, "Nobody has this password.")
	default:
		g.Again = func(ctx context.Context) (Guest, error) { return r.authenticate(ctx, user, password, "") }
		return g, nil
	}
}

func (r *register) revoke(password string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.guests, password)
}

func guarded(c *Config) {
	c.Authenticate = newRegister().authenticate
	c.Bound = func(own string) bool { return own == "mine" }
}

// as makes a client show a password.
func as(password string) func(*broker.Connect, *Login) {
	return func(_ *broker.Connect, l *Login) {
		if password != "" {
			l.Given, l.Password, l.User = true, password, "mine"
		}
	}
}

// from makes a client come from another machine.
func from(remote string) func(*broker.Connect, *Login) {
	return func(_ *broker.Connect, l *Login) { l.Remote = remote }
}

func TestWhoIsLetIn(t *testing.T) {
	rooms := roomtest.Open(t, roomtest.Config{})
	for _, c := range []struct {
		anonymous, password string
		want                wire.ReasonCode
	}{
		{"", "", wire.Success},
		{AnonymousAny, "", wire.Success},
		{AnonymousOff, "", wire.NotAuthorized},
		{AnonymousOff, "viewer", wire.Success},
		{AnonymousAny, "wrong", wire.BadUserNameOrPassword},
		{"", "elsewhere", wire.NotAuthorized},
		{"", "nobody", wire.NotAuthorized},
		{"", "flood", wire.ConnectionRateExceeded},
		{"", "broken", wire.ServerUnavailable},
		{"", "thing", wire.Success},
	} {
		h := furnish(t, rooms, func(cfg *Config) {
			r := newRegister()
			r.guests["elsewhere"] = Guest{Role: roost.Owner, Project: "other"}
			r.guests["nobody"] = Guest{}
			cfg.Authenticate, cfg.Anonymous = r.authenticate, c.anonymous
		})
		if _, code := h.try("x", wire.V5, as(c.password)); code != c.want {
			t.Errorf("password %q, anonymous %q: %v, want %v", c.password, c.anonymous, code, c.want)
		}
		h.stop()
	}
}

// TestAccess has a line for what may be said and heard by whom: the names are those of
// anonymous things, a thing with a credential ("mine"), viewer, operator, owner, and
// anybody where everybody may do everything.
func TestAccess(t *testing.T) {
	const things, credential, viewer, operator, owner, anybody = "t", "c", "v", "o", "O", "a"
	topics := []struct{ topic, payload, say, hear string }{
		{"node/check", `{"id": "free"}`, things + owner + anybody, viewer + operator + owner + anybody},
		{"node/check", `{"id": "mine"}`, credential + owner + anybody, ""},
		{"node/free/led", `{"value": 1}`, things + owner + anybody, things + viewer + operator + owner + anybody},
		{"node/mine/led", `{"value": 1}`, credential + owner + anybody, credential + viewer + operator + owner + anybody},
		{"roost/free/readings", `{"led": 1}`, things + owner + anybody, viewer + operator + owner + anybody},
		{"roost/mine/readings/led", `1`, credential + owner + anybody, viewer + operator + owner + anybody},
		{"roost/mine/status", `online`, credential + owner + anybody, viewer + operator + owner + anybody},
		{"roost/mine/command", `{}`, "", credential + viewer + operator + owner + anybody},
		{"roost/here/state/led", `1`, "", viewer + operator + owner + anybody},
		{"roost/here/online", `true`, "", viewer + operator + owner + anybody},
		{"roost/here/result", `{}`, "", viewer + operator + owner + anybody},
		{"roost/here/set/led", `1`, operator + owner + anybody, viewer + operator + owner + anybody},
		{"gateway/free/led/set", `1`, operator + owner + anybody, things + viewer + operator + owner + anybody},
		{"gateway/check", ``, operator + owner + anybody, things + credential + viewer + operator + owner + anybody},
		{"house/door", `open`, operator + owner + anybody, viewer + operator + owner + anybody},
		{"node/a/b/c", `x`, owner + anybody, ""},
	}
	filters := []struct{ filter, hear string }{
		{"#", viewer + operator + owner + anybody},
		{"+/check", viewer + operator + owner + anybody},
		{"node/#", viewer + operator + owner + anybody},
		{"node/+/led", viewer + operator + owner + anybody},
		{"gateway/+/discover", viewer + operator + owner + anybody},
		{"gateway/#", viewer + operator + owner + anybody},
		{"gateway/mine/#", credential + viewer + operator + owner + anybody},
		{"gateway/mine/+/set", credential + viewer + operator + owner + anybody},
		{"$share/g/gateway/mine/#", credential + viewer + operator + owner + anybody},
		{"$share/g/#", viewer + operator + owner + anybody},
		{"roost/+/command", viewer + operator + owner + anybody},
		{"roost/mine/#", viewer + operator + owner + anybody},
		{"$SYS/#", viewer + operator + owner + anybody},
	}
	rooms := roomtest.Open(t, roomtest.Config{})
	for _, who := range []string{things, credential, viewer, operator, owner, anybody} {
		password := map[string]string{credential: "thing", viewer: "viewer", operator: "operator", owner: "owner"}[who]
		h := furnish(t, rooms, func(c *Config) {
			guarded(c)
			if who == anybody {
				c.Anonymous, c.Bound = AnonymousAny, nil
			}
		})
		h.join("here", wire.V5, from("192.0.2.9:1")).say("roost/here/readings", `{"led": 0}`)
		n := h.join("x", wire.V5, as(password))
		for _, c := range topics {
			if code := n.say(c.topic, c.payload); code.Failed() == strings.Contains(c.say, who) || code.Failed() && code != wire.NotAuthorized {
				t.Errorf("%s: %s %s: %v", who, c.topic, c.payload, code)
			}
			if c.hear == "" {
				continue
			}
			if code := n.hear(c.topic); code.Failed() == strings.Contains(c.hear, who) {
				t.Errorf("%s hears %s: %v", who, c.topic, code)
			}
		}
		for _, c := range filters {
			if code := n.hear(c.filter); code.Failed() == strings.Contains(c.hear, who) || code.Failed() && code != wire.NotAuthorized {
				t.Errorf("%s hears %s: %v", who, c.filter, code)
			}
		}
		h.stop()
	}
}

func TestAnIDBelongsToTheLivingConnectionThatUsedItFirst(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	a := h.join("a", wire.V5, nil)
	if code := a.say("node/n1/led", `{"value": 1}`); code.Failed() {
		t.Fatal(code)
	}
	b := h.join("b", wire.V5, from("192.0.2.2:1000"))
	if code := b.say("node/n1/led", `{"value": 2}`); code != wire.NotAuthorized {
		t.Errorf("another machine: %v", code)
	}
	if code := b.hear("gateway/n1/#"); code != wire.NotAuthorized {
		t.Errorf("another machine listens: %v", code)
	}
	c := h.join("c", wire.V5, from("192.0.2.1:2000")) // the same one, back before its loss was noticed
	if code := c.say("node/n1/led", `{"value": 3}`); code.Failed() {
		t.Errorf("the same machine: %v", code)
	}
	a.end(broker.Lost)
	h.has("n1", "led", "3")
	if !h.online("n1") {
		t.Error("the end of the older connection took the thing along")
	}
	c.end(broker.Lost)
	if code := b.say("node/n1/led", `{"value": 4}`); code.Failed() {
		t.Errorf("after the end: %v", code)
	}
}

func TestOneConnectionClaimsOnlySoMany(t *testing.T) {
	h := build(t, registry.EnrolOpen, func(c *Config) { c.MaxClaims = 2 })
	n := h.join("n", wire.V5, nil)
	for i, id := range []string{"a", "b", "c"} {
		if code := n.say("node/"+id+"/led", `{"value": 1}`); code.Failed() != (i == 2) {
			t.Errorf("%s: %v", id, code)
		}
	}
}

func TestThingWithACredentialNeedsNoApproval(t *testing.T) {
	h := build(t, registry.EnrolApprove, guarded)
	h.join("x", wire.V5, as("thing"))
	roomtest.Eventually(t, "it is here", func() bool { return h.online("mine") })
	if th, _, _ := h.Registry.Get(home("mine")); th.Enrolment != roost.Enrolled {
		t.Errorf("it is %s", th.Enrolment)
	}
}

func TestWhoMayNotStayIsCut(t *testing.T) {
	r := newRegister()
	h := build(t, registry.EnrolOpen, func(c *Config) {
		c.Authenticate, c.Recheck = r.authenticate, 10*time.Millisecond
	})
	n := h.join("x", wire.V5, as("owner"))
	r.revoke("owner")
	ctx, stop := roomtest.Soon()
	defer stop()
	select {
	case code := <-n.cut:
		if code != wire.NotAuthorized {
			t.Errorf("cut with %v", code)
		}
	case <-ctx.Done():
		t.Error("it stays")
	}
}

func TestSessionsOfDifferentGuestsNeverMeet(t *testing.T) {
	h := build(t, registry.EnrolOpen, guarded)
	lasting := func(password string) func(*broker.Connect, *Login) {
		return func(c *broker.Connect, l *Login) {
			c.CleanStart, c.Expiry = false, 3600
			as(password)(c, l)
		}
	}
	a := h.join("same", wire.V5, lasting("viewer"))
	a.hear("secret")
	b := h.join("same", wire.V5, lasting(""))
	h.join("p", wire.V5, as("operator")).say("secret", "s")
	want(t, a, "secret", "s")
	if !b.idle() {
		t.Error("a stranger got what a program had subscribed to")
	}
}
