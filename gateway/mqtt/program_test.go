package mqtt

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

// other makes a thing of another door arrive, and gives its ref.
func (h *house) other(own string, values ...roost.Resource) roost.Ref {
	h.t.Helper()
	s, err := h.Switchboard.Arrive(h.t.Context(), gateway.Arrival{Identity: roost.Identity{Door: "coap", Own: own}, Protocol: roost.CoAP})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.Switchboard.Report(h.t.Context(), s.Ref, values); err != nil {
		h.t.Fatal(err)
	}
	return s.Ref
}

func TestLastValuesThenWhatHappens(t *testing.T) {
	versions(t, func(t *testing.T, v wire.Version) {
		h := build(t, registry.EnrolOpen, guarded)
		ref := h.other("lamp", roost.Resource{Name: "led", Value: `"0"`}, roost.Resource{Name: "a/b", Value: "1"}, roost.Resource{Name: "no#topic", Value: "1"})
		p := h.join("p", v, as("viewer"))
		if code := p.hear("roost/+/state/#"); code.Failed() {
			t.Fatal(code)
		}
		p.hear("roost/lamp/online")
		var first []string
		for range 3 {
			m := p.next()
			if !m.retain || m.qos != 1 {
				t.Errorf("a last value came as %+v", m)
			}
			first = append(first, m.topic+" "+m.payload)
		}
		slices.Sort(first)
		if fmt.Sprint(first) != `[roost/lamp/online true roost/lamp/state/a/b 1 roost/lamp/state/led "0"]` {
			t.Errorf("first came %q", first)
		}
		if err := h.Switchboard.Report(t.Context(), ref, []roost.Resource{
			{Name: "no#topic", Value: "2"}, {Name: "no+topic", Value: "2"}, {Name: "led", Value: "1.50"},
		}); err != nil {
			t.Fatal(err)
		}
		m := p.next()
		if m.topic != "roost/lamp/state/led" || m.payload != "1.50" || m.retain {
			t.Errorf("then came %+v", m)
		}
		if len(m.props.User) != 1 || m.props.User[0].Name != "time" {
			t.Errorf("with properties %+v", m.props)
		}
		if err := h.Registry.Lose(ref); err != nil {
			t.Fatal(err)
		}
		if m := p.next(); m.topic != "roost/lamp/online" || m.payload != "false" {
			t.Errorf("then came %+v", m)
		}
		h.other("second", roost.Resource{Name: "x", Value: "2"})
		if m := p.next(); m.topic != "roost/second/state/x" || m.payload != "2" {
			t.Errorf("then came %+v", m)
		}
	})
}

func TestThingsThatWaitAreNotShown(t *testing.T) {
	h := build(t, registry.EnrolApprove, guarded)
	h.join("n1", wire.V5, nil).say("roost/n1/readings", `{"t": 1}`)
	p := h.join("p", wire.V5, as("viewer"))
	p.hear("roost/#")
	p.hear("house/here")
	h.join("o", wire.V5, as("operator")).say("house/here", "")
	if m := p.next(); m.topic != "house/here" {
		t.Errorf("it got %+v", m)
	}
	if _, err := h.Switchboard.Approve(t.Context(), home("n1"), "ada"); err != nil {
		t.Fatal(err)
	}
	want(t, p, "roost/n1/online", "true")
}

func TestTheFeedIsReadOnlyWhileSomebodyListens(t *testing.T) {
	h := build(t, registry.EnrolOpen, guarded)
	p := h.join("p", wire.V5, as("viewer"))
	p.hear("house/#")
	if n := h.Feed.Watchers(); n != 0 {
		t.Errorf("%d read the feed, and nobody listens", n)
	}
	p.hear("roost/+/state/+")
	if n := h.Feed.Watchers(); n != 1 {
		t.Errorf("%d read the feed, and one listens", n)
	}
}

func TestNoNewsIsLostBetweenLastValuesAndWhatFollows(t *testing.T) {
	h := build(t, registry.EnrolOpen, guarded)
	ref := h.other("n", roost.Resource{Name: "count", Value: "0"})
	const all = 2000
	done := make(chan error, 1)
	go func() {
		var err error
		for i := 1; i <= all && err == nil; i++ {
			err = h.Switchboard.Report(t.Context(), ref, []roost.Resource{{Name: "count", Value: roost.Value(fmt.Sprint(i))}})
		}
		done <- err
	}()
	p := h.join("p", wire.V5, as("viewer"))
	p.hear("roost/n/state/count")
	last := -1
	for last < all {
		var v int
		if err := json.Unmarshal([]byte(p.next().payload), &v); err != nil {
			t.Fatal(err)
		}
		if last >= 0 && v > last+1 {
			t.Fatalf("%d came behind %d", v, last)
		}
		last = max(last, v)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// outcome is what a program is told of a command.
type outcome struct {
	ID, Resource, State, Error, By string
	Value                          json.RawMessage
}

func outcomeOf(t *testing.T, m got) (o outcome) {
	t.Helper()
	if err := json.Unmarshal([]byte(m.payload), &o); err != nil {
		t.Fatalf("%s: %v", m.payload, err)
	}
	return o
}

func TestProgramSetsAndHearsHowItWent(t *testing.T) {
	versions(t, func(t *testing.T, v wire.Version) {
		h := build(t, registry.EnrolOpen, guarded)
		n := h.join("n", v, nil)
		n.hear("roost/n1/command")
		n.say("roost/n1/readings", `{"led": 0}`)
		p := h.join("p", v, as("operator"))
		p.hear("roost/n1/result")
		for _, c := range []struct{ payload, value string }{{"1", "1"}, {"on", `"on"`}, {`{"r": 1}`, `{"r":1}`}} {
			if code := p.say("roost/n1/set/led", c.payload); code.Failed() {
				t.Fatal(code)
			}
			a := order(t, n.next())
			if b, err := json.Marshal(a.Value); err != nil || string(b) != c.value {
				t.Errorf("%s arrived as %s", c.payload, a.Value)
			}
			n.say("roost/n1/reply", fmt.Sprintf(`{"id": %q, "ok": true, "value": %s}`, a.ID, a.Value))
			o := outcomeOf(t, p.next())
			if o.ID != a.ID || o.Resource != "led" || o.State != "done" || o.By != "token operator" || len(o.Value) == 0 {
				t.Errorf("the program is told %+v", o)
			}
		}
		for _, topic := range []string{"roost/nobody/set/led", "roost/n1/set/" + string(rune(7))} {
			if code := p.say(topic, "1"); code != wire.TopicNameInvalid {
				t.Errorf("%q: %v", topic, code)
			}
		}
		if code := h.join("v", v, as("viewer")).say("roost/n1/set/led", "1"); code != wire.NotAuthorized {
			t.Errorf("a viewer: %v", code)
		}
	})
}

func TestResponseTopic(t *testing.T) {
	h := build(t, registry.EnrolOpen, guarded)
	n := h.join("n", wire.V5, nil)
	n.hear("gateway/n1/#")
	n.say("node/n1/led", `{"value": "0"}`)
	p := h.join("p", wire.V5, as("operator"))
	p.hear("answers/p")
	ask := func(topic, response string) wire.ReasonCode {
		return p.say(topic, "1", func(m *wire.Publish) {
			m.Props.ResponseTopic, m.Props.CorrelationData = response, []byte{1, 2, 0}
		})
	}
	if code := ask("roost/n1/set/led", "answers/p"); code.Failed() {
		t.Fatal(code)
	}
	want(t, n, "gateway/n1/led/set", "1")
	n.say("node/n1/led", `{"value": "1"}`)
	m := p.next()
	if o := outcomeOf(t, m); m.topic != "answers/p" || string(m.props.CorrelationData) != "\x01\x02\x00" || o.State != "done" || string(o.Value) != `"1"` {
		t.Errorf("the answer is %+v", m)
	}
	if len(m.props.User) != 1 || m.props.User[0] != (wire.UserProperty{Name: "state", Value: "done"}) {
		t.Errorf("its user properties are %+v", m.props.User)
	}
	for _, bad := range []string{"gateway/n1/led/set", "roost/n1/command", "node/check", "$SYS/x", "a/#", "roost/n1/state/led"} {
		if code := ask("roost/n1/set/led", bad); code != wire.TopicNameInvalid {
			t.Errorf("an answer to %s: %v", bad, code)
		}
	}
}

// TestAnswerThatComesBeforeSubmitReturns holds the command that fails at once.
func TestAnswerThatComesBeforeTheIDIsKnown(t *testing.T) {
	h := build(t, registry.EnrolOpen, guarded)
	if err := h.Registry.Lose(h.other("mute")); err != nil { // without a link: its commands fail at once
		t.Fatal(err)
	}
	p := h.join("p", wire.V5, as("operator"))
	p.hear("answers/p")
	for range 20 {
		p.say("roost/mute/set/led", "1", func(m *wire.Publish) { m.Props.ResponseTopic = "answers/p" })
	}
	for range 20 {
		if o := outcomeOf(t, p.next()); o.State != "failed" || o.Error == "" {
			t.Errorf("the answer is %+v", o)
		}
	}
	roomtest.Eventually(t, "nothing is left", func() bool {
		h.door.watch.mu.Lock()
		defer h.door.watch.mu.Unlock()
		return len(h.door.watch.asked) == 0 && len(h.door.watch.early) == 0
	})
}

func TestRetainedSetIsNotKept(t *testing.T) {
	h := build(t, registry.EnrolOpen, guarded)
	h.other("lamp", roost.Resource{Name: "led", Value: "0"})
	p := h.join("p", wire.V5, as("owner"))
	p.say("roost/lamp/set/led", "1", func(m *wire.Publish) { m.Retain = true })
	p.hear("roost/lamp/set/#")
	p.say("house/x", "")
	p.hear("roost/lamp/online")
	if m := p.next(); m.topic != "roost/lamp/online" {
		t.Errorf("it got %+v", m)
	}
}

func TestOnlookersTakeNoCommands(t *testing.T) {
	h := build(t, registry.EnrolOpen, guarded)
	for _, role := range []string{"viewer", "operator"} {
		h.join(role, wire.V5, as(role)).hear("#")
	}
	n := h.join("n", wire.V5, nil)
	n.say("roost/lamp/readings", `{"led": false}`)
	if c := h.state(h.command("lamp", "led", "true"), roost.Failed); !strings.Contains(c.Error, "has not subscribed") {
		t.Errorf("it failed with %q", c.Error)
	}
	n.hear("gateway/lamp/led/set")
	h.command("lamp", "led", "true")
	want(t, n, "gateway/lamp/led/set", "true")

	bridge := h.join("bridge", wire.V5, as("owner"))
	bridge.say("roost/far/readings", `{"led": false}`)
	bridge.hear("roost/+/command")
	c := h.command("far", "led", "true")
	if m := bridge.next(); m.topic != "roost/far/command" || !strings.Contains(m.payload, c.ID) {
		t.Errorf("a bridge got %s %s", m.topic, m.payload)
	}
}
