package coap_test

import (
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway/exchange"
	wire "github.com/roost-iot/roost/wire/coap"
)

// clock is a node with an observable resource.
type clock struct {
	*board
	now atomic.Int64
}

func (h *house) clock(t *testing.T, host string) *clock {
	c := &clock{board: h.board(t, host)}
	c.has(`</time>;obs,</led>`, "/led", "0")
	c.on("/time", func(*exchange.Request) exchange.Response {
		a := exchange.Text(wire.Content, strconv.FormatInt(c.now.Load(), 10))
		a.Observable = true
		return a
	})
	return c
}

func (c *clock) tick() int {
	return c.end.Notify("/time", exchange.Text(wire.Content, strconv.FormatInt(c.now.Add(1), 10)))
}

func TestObservableResourceIsObserved(t *testing.T) {
	h := open(t)
	c := h.clock(t, "127.0.7.1")
	c.says("alive:n1")
	h.want(t, introduced("n1", c.host)...)
	h.want(t, "n1 time=0", "n1 led=0")
	c.tick()
	h.want(t, "n1 time=1")
	c.tick()
	h.want(t, "n1 time=2")
	if got := c.requests(); !slices.Equal(got, []string{"GET /.well-known/core", "GET /time", "GET /led"}) {
		t.Errorf("asked %q", got)
	}
	if s := h.door.Stats(); s.Observations != 1 {
		t.Errorf("%d observations", s.Observations)
	}
}

func TestObservationIsRenewedAfterAReset(t *testing.T) {
	h := open(t)
	c := h.clock(t, "127.0.7.2")
	c.says("alive:n1")
	h.until(t, "n1 led=0")
	c.says("reset:n1")
	h.until(t, "n1 led=0")
	eventually(t, "one observation", func() bool { return c.tick() == 1 })
	h.until(t, "n1 time="+strconv.FormatInt(c.now.Load(), 10))
}

func TestObservationFollowsANodeThatMoves(t *testing.T) {
	h := open(t)
	c := h.clock(t, "127.0.7.3")
	c.says("alive:n1")
	h.until(t, "n1 led=0")
	d := h.clock(t, "127.0.7.4")
	d.now.Store(100)
	d.says("alive:n1")
	h.until(t, "n1 led=0")
	eventually(t, "no observation at the old address", func() bool { return c.tick() == 0 })
	d.tick()
	h.until(t, "n1 time=101")
	if s := h.door.Stats(); s.Observations != 1 {
		t.Errorf("%d observations", s.Observations)
	}
}

func TestObservationEndsWithTheThing(t *testing.T) {
	h := open(t)
	c := h.clock(t, "127.0.7.5")
	c.says("alive:n1")
	h.until(t, "n1 led=0")
	if err := h.Switchboard.Forget(t.Context(), ref("n1")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no observer left", func() bool { return c.tick() == 0 && h.door.Stats().Observations == 0 })
}

func TestResourceThatCannotBeObservedIsRead(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.7.6").has("</a>;obs,</b>", "/a", "1", "/b", "2")
	b.says("alive:n1")
	h.want(t, introduced("n1", b.host)...)
	h.want(t, "n1 a=1", "n1 b=2")
	if s := h.door.Stats(); s.Observations != 0 {
		t.Errorf("%d observations", s.Observations)
	}
}

func TestNewsOfASetMayComeBeforeItsAnswer(t *testing.T) {
	h := open(t)
	c := h.clock(t, "127.0.7.7")
	first, answer := c.content["/time"], make(chan struct{})
	c.on("/time", func(r *exchange.Request) exchange.Response {
		if r.Code == wire.GET {
			return first(r)
		}
		c.end.Notify("/time", exchange.Text(wire.Content, string(r.Payload)))
		<-answer
		return exchange.Response{Code: wire.Changed}
	})
	c.says("alive:n1")
	h.until(t, "n1 led=0")
	cmd := h.submit(t, command.Request{Ref: ref("n1"), Resource: "time", Value: "7", By: "test"})
	defer close(answer)
	if cmd = h.ended(t, cmd); cmd.State != roost.Done {
		t.Fatalf("command is %s: %q", cmd.State, cmd.Error)
	}
	if now := h.resource(t, "n1", "time"); now.Value.AsText() != "7" || !now.Writable {
		t.Errorf("time is %s, writable %v", now.Value, now.Writable)
	}
}
