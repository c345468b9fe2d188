package coap_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	wire "github.com/roost-iot/roost/wire/coap"
)

func enrolment(policy string) option {
	return func(r *roomtest.Config, _ *coap.Config) { r.Registry.Enrolment = policy }
}

func TestWaitingThingIsToldAndDiscoveredOnceApproved(t *testing.T) {
	h := open(t, enrolment(registry.EnrolApprove))
	b := h.board(t, "127.0.5.1").has("</led>", "/led", "0")
	for _, post := range []string{"alive:n1", "alive:n1", "reset:n1"} {
		if a := b.post("/alive", post); a.Code != wire.Unauthorized || string(a.Payload) != "waiting for approval" {
			t.Fatalf("%s was answered %v %q", post, a.Code, a.Payload)
		}
	}
	if a := b.post("/server", "led:1"); a.Code != wire.Unauthorized || string(a.Payload) != "waiting for approval" {
		t.Fatalf("a value was answered %v %q", a.Code, a.Payload)
	}
	if got := b.requests(); got != nil {
		t.Errorf("a waiting thing was asked %q", got)
	}
	h.want(t, "n1 online")
	if _, err := h.Switchboard.Approve(t.Context(), ref("n1"), "test"); err != nil {
		t.Fatal(err)
	}
	h.want(t, introduced("n1", b.host)...)
	h.want(t, "n1 led=0")
	b.pushes("led:1")
	h.want(t, "n1 led=1")
	b.requests()
	b.says("alive:n1")
	b.pushes("led:2")
	h.want(t, "n1 led=2")
	if got := b.requests(); got != nil {
		t.Errorf("the next alive made the door ask %q", got)
	}
}

func TestThingsThatAreNotLetIn(t *testing.T) {
	h := open(t, enrolment(registry.EnrolClosed))
	b := h.board(t, "127.0.5.2").has("")
	if a := b.post("/alive", "alive:n1"); a.Code != wire.Forbidden || len(a.Payload) == 0 {
		t.Errorf("answered %v %q", a.Code, a.Payload)
	}
	b.pushes("led:1") // from nobody
	if n := h.door.Stats().Nodes; n != 0 {
		t.Errorf("%d nodes", n)
	}
}

func TestIgnoredThing(t *testing.T) {
	h := open(t, enrolment(registry.EnrolApprove))
	b := h.board(t, "127.0.5.3").has("")
	b.post("/alive", "alive:n1")
	if _, err := h.Registry.Ignore(t.Context(), ref("n1")); err != nil {
		t.Fatal(err)
	}
	if a := b.post("/alive", "alive:n1"); a.Code != wire.Forbidden {
		t.Errorf("answered %v %q", a.Code, a.Payload)
	}
}

func TestDeletedThingArrivesAgainAsNew(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.5.4").has("</led>", "/led", "0")
	b.says("alive:n1")
	h.until(t, "n1 led=0")
	if err := h.Switchboard.Forget(t.Context(), ref("n1")); err != nil {
		t.Fatal(err)
	}
	h.want(t, "n1 forgotten")
	b.pushes("led:1")
	b.says("alive:n1")
	h.want(t, introduced("n1", b.host)...)
	h.want(t, "n1 led=0")
}

// Things that wait make room for one another, never at the cost of one let in.
func TestWaitingThingsDoNotFillTheDirectory(t *testing.T) {
	h := open(t, enrolment(registry.EnrolApprove), func(_ *roomtest.Config, c *coap.Config) { c.MaxNodes = 2 })
	b := h.board(t, "127.0.5.5").has("")
	b.post("/alive", "alive:mine")
	h.want(t, "mine online")
	if _, err := h.Switchboard.Approve(t.Context(), ref("mine"), "test"); err != nil {
		t.Fatal(err)
	}
	h.want(t, introduced("mine", b.host)...)
	b.says("alive:mine")
	for i, host := range []string{"127.0.5.6", "127.0.5.7", "127.0.5.8"} {
		if a := post(t, h, host+":0", "/alive", "alive:"+host); a.Code != wire.Unauthorized {
			t.Errorf("stranger %d was answered %v", i, a.Code)
		}
	}
	b.pushes("led:1")
	if got := h.until(t, "mine led=1"); len(got) != 5 { // three strangers come, two make room
		t.Errorf("before: %q", got)
	}
}

// failing is a Core that cannot keep anything while it is full.
type failing struct {
	gateway.Core
	full atomic.Bool
}

var errFull = roost.Errorf(roost.Unavailable, "Readings cannot be stored at present.")

func (f *failing) Arrive(ctx context.Context, a gateway.Arrival) (gateway.Standing, error) {
	if f.full.Load() {
		return gateway.Standing{}, errFull
	}
	return f.Core.Arrive(ctx, a)
}

func (f *failing) Report(ctx context.Context, ref roost.Ref, values []roost.Resource) error {
	if f.full.Load() {
		return errFull
	}
	return f.Core.Report(ctx, ref, values)
}

func TestStoreThatIsFullIsToldToTheNode(t *testing.T) {
	rooms := roomtest.Open(t, roomtest.Config{})
	core := &failing{Core: rooms.Switchboard}
	h := open(t, func(_ *roomtest.Config, c *coap.Config) { c.Core = core })
	h.feed = rooms.Feed.Tail()
	b := h.board(t, "127.0.5.9").has("")
	b.says("alive:n1")
	h.until(t, "n1 protocol=CoAP")
	core.full.Store(true)
	for path, payload := range map[string]string{"/server": "led:1", "/alive": "alive:n1"} {
		a := b.post(path, payload)
		if age, _ := a.Options.Uint(wire.MaxAge); a.Code != wire.ServiceUnavailable || age == 0 || len(a.Payload) == 0 {
			t.Errorf("%s was answered %v %q, Max-Age %d", path, a.Code, a.Payload, age)
		}
	}
	core.full.Store(false)
	b.pushes("led:2")
	h.want(t, "n1 led=2")
}

func TestSlowCoreKeepsTheOrder(t *testing.T) {
	h := open(t, func(r *roomtest.Config, c *coap.Config) { r.Telemetry.Commit = true; c.Slow = true })
	b := h.board(t, "127.0.5.10").has("</led>", "/led", "0")
	b.says("alive:n1")
	h.until(t, "n1 led=0")
	conn := listen(t, "127.0.5.10:0")
	defer conn.Close()
	for i := range 20 {
		m := wire.Message{Type: wire.NonConfirmable, Code: wire.POST, ID: uint16(i), Payload: []byte{'n', ':', byte('a' + i)}}
		m.Options.SetPath("server")
		if _, err := conn.WriteToUDPAddrPort(m.Append(nil), h.at); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		h.want(t, "n1 n="+string(rune('a'+i)))
	}
}
