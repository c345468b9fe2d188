package mqtt

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

// fullCore takes nothing.
type fullCore struct {
	countingCore
	asked atomic.Int64
}

func (c *fullCore) Report(context.Context, roost.Ref, []roost.Resource) error {
	c.asked.Add(1)
	return roost.Because(roost.Unavailable, errors.New("disk full"), "The disk is full.")
}

// TestWhoseReadingsCannotBeKeptIsHeldUp holds that a client waits while there is hope,
// and what it is told then.
func TestWhoseReadingsCannotBeKeptIsHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core := new(fullCore)
		h := furnishCore(t, core)
		n := h.join("five", wire.V5, nil)
		start := time.Now()
		if code := n.say("roost/n1/readings", `{"a": 1}`); code != wire.ImplementationError {
			t.Errorf("it is told %v", code)
		}
		if held := time.Since(start); held < 4*time.Second || core.asked.Load() < 5 {
			t.Errorf("it was held up for %v and tried %d times", held, core.asked.Load())
		}
		n.end(broker.Lost)
		h.stop()
	})
}

// TestReadingsThatCannotBeKeptAreNotAcknowledged holds that 3.1.1, which has no word
// for it, is hung up on instead, and 5 is not.
func TestReadingsThatCannotBeKeptAreNotAcknowledged(t *testing.T) {
	h := furnishCore(t, new(fullCore))
	t.Cleanup(h.stop)
	h.door.hopeless.Store(true) // it has been waited for already
	address := h.listen(t)
	for _, v := range []wire.Version{wire.V31, wire.V311, wire.V5} {
		r := enter(t, address, wire.Connect{Version: v, ClientID: "n", CleanStart: true})
		r.say(&wire.Publish{QoS: 1, ID: 7, Topic: "roost/n1/readings", Payload: []byte(`{"a": 1}`)})
		if v == wire.V5 {
			if a := hears[*wire.Ack](r); a.Code != wire.ImplementationError {
				t.Errorf("5 is told %v", a.Code)
			}
			continue
		}
		if b, err := r.r.ReadByte(); err == nil {
			t.Errorf("%v got %#x instead of the end", v, b)
		}
	}
}

// TestValuesOfABurstGoTogether counts what the rooms are asked for a burst of values.
func TestValuesOfABurstGoTogether(t *testing.T) {
	core := new(burstCore)
	h := furnishCore(t, core)
	n := h.join("n", wire.V5, nil)
	n.say("roost/n1/readings", `{"a": 0}`)
	var pubs []broker.Publication
	for i := range 100 {
		own := "n1"
		if i >= 60 {
			own = "n2"
		}
		pubs = append(pubs, broker.Publication{Publish: wire.Publish{
			Topic: "roost/" + own + "/readings/a", Payload: fmt.Append(nil, i), QoS: 1, ID: uint16(i + 1),
		}})
	}
	if err := n.session.Publish(t.Context(), pubs); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(core.sizes); got != "[1 60 40]" {
		t.Errorf("the rooms were given %s values at once", got)
	}
	n.end(broker.Lost)
	h.stop()
}

type burstCore struct {
	countingCore
	sizes []int
}

func (c *burstCore) Report(_ context.Context, _ roost.Ref, values []roost.Resource) error {
	c.sizes = append(c.sizes, len(values))
	return nil
}

// barrierCore takes values only when those of all things are there.
type barrierCore struct {
	countingCore
	things  int
	mu      sync.Mutex
	waiting int
	all     chan struct{}
}

func (c *barrierCore) Report(ctx context.Context, _ roost.Ref, _ []roost.Resource) error {
	c.mu.Lock()
	if c.waiting++; c.waiting == c.things {
		close(c.all)
	}
	c.mu.Unlock()
	select {
	case <-c.all:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestThingsOfABurstWaitForTheDiskTogether holds that a bridge's burst costs one commit.
func TestThingsOfABurstWaitForTheDiskTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core := &barrierCore{things: 50, all: make(chan struct{})}
		h := furnishCore(t, core, func(c *Config) { c.Commit = true })
		n := h.join("bridge", wire.V5, nil)
		var pubs []broker.Publication
		for i := range 2 * core.things {
			pubs = append(pubs, broker.Publication{Publish: wire.Publish{
				Topic: fmt.Sprintf("roost/n%d/readings", i%core.things), Payload: []byte(`{"a": 1}`), QoS: 1, ID: uint16(i + 1),
			}})
		}
		if err := n.session.Publish(t.Context(), pubs); err != nil {
			t.Fatal(err)
		}
		for _, p := range pubs {
			if p.Reason.Failed() {
				t.Errorf("%s: %v", p.Topic, p.Reason)
			}
		}
		n.end(broker.Lost)
		h.stop()
	})
}
