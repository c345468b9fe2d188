package broker_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

func TestSessionIsPresentUntilItExpiresOrStartsClean(t *testing.T) {
	b := broker.New(broker.Config{})
	connect(t, b, "c").subscribe("a", 1).lose()
	if connect(t, b, "c", keep(60)).present {
		t.Error("a session without expiry outlived its connection")
	}
	c := connect(t, b, "c", keep(60))
	if !c.present {
		t.Error("a session with expiry is not there")
	}
	c.lose()
	c = connect(t, b, "c", clean, func(c *broker.Connect) { c.Expiry = 60 })
	if c.present {
		t.Error("present after a clean start")
	}
	if s := b.Stats(); s.Sessions != 1 || s.Connected != 1 {
		t.Errorf("%+v", s)
	}
	c.End(t.Context(), broker.End{How: broker.Clean, HasExpiry: true})
	if s := b.Stats(); s.Sessions != 0 || s.Connected != 0 {
		t.Errorf("after a DISCONNECT with expiry 0: %+v", s)
	}
}

func TestQueueWhileAway(t *testing.T) {
	b := broker.New(broker.Config{})
	connect(t, b, "c", keep(60)).subscribe("#", 2).leave()
	p := connect(t, b, "p")
	for i, qos := range []byte{0, 1, 2, 1, 0} {
		p.publish("a", fmt.Sprint(i), qos)
	}
	c := connect(t, b, "c", keep(60))
	if c.wakings() != 1 {
		t.Errorf("woken %d times at connecting, want once", c.wakings())
	}
	c.wants("what came while away", "1", "2", "3")
}

func TestQoS0IsKeptForTheAwayWhenAskedFor(t *testing.T) {
	b := broker.New(broker.Config{Limits: broker.Limits{QueueQoS0: true}})
	connect(t, b, "c", keep(60)).subscribe("a", 0).leave()
	connect(t, b, "p").publish("a", "x", 0)
	connect(t, b, "c", keep(60)).wants("what came while away", "x")
}

func TestRedeliveryInOrderWithDupAndTheSameIDs(t *testing.T) {
	b := broker.New(broker.Config{})
	c := connect(t, b, "c", keep(60), window(4)).subscribe("#", 2)
	p := connect(t, b, "p")
	for i := range 6 {
		p.publish("a", fmt.Sprint(i), byte(1+i%2))
	}
	first := c.take()
	if len(first) != 4 {
		t.Fatalf("%d sent with a receive maximum of 4", len(first))
	}
	c.Received(first[1].ID, mqtt.Success) // "1", QoS 2
	c.Acked(first[2].ID, mqtt.Success)    // "2", out of order
	c.lose()

	c = connect(t, b, "c", keep(60), window(2))
	again := c.take()
	if len(again) != 2 || string(again[0].Message.Payload) != "0" || !again[0].Dup || again[0].ID != first[0].ID ||
		again[1].Type != mqtt.TypePubrel || again[1].ID != first[1].ID {
		t.Fatalf("redelivered %+v", again)
	}
	c.Acked(again[0].ID, mqtt.Success)
	more := c.take()
	if len(more) != 1 || string(more[0].Message.Payload) != "3" || !more[0].Dup || more[0].ID != first[3].ID {
		t.Fatalf("then %+v", more)
	}
	c.Completed(first[1].ID)
	c.Received(more[0].ID, mqtt.Success)
	c.wants("the rest", "4", "5") // and PUBREL of 3
	if s := b.Stats(); s.Queued != 0 {
		t.Errorf("%d left", s.Queued)
	}
}

func TestReceiveMaximumIsKeptTo(t *testing.T) {
	b := broker.New(broker.Config{})
	c := connect(t, b, "c", window(3)).subscribe("#", 2)
	p := connect(t, b, "p")
	for i := range 5 {
		p.publish("a", fmt.Sprint(i), byte(1+i%2))
	}
	p.publish("a", "zero", 0)
	first := c.take()
	if len(first) != 4 || first[3].QoS != 0 {
		t.Fatalf("%d sent, want 3 and the one of QoS 0", len(first))
	}
	wakes := c.wakings()
	c.Received(first[1].ID, mqtt.Success) // PUBREC frees no place
	if got := c.take(); len(got) != 1 || got[0].Type != mqtt.TypePubrel {
		t.Errorf("after PUBREC: %+v", got)
	}
	c.Completed(first[1].ID)
	if c.wakings() == wakes {
		t.Error("not woken when a place was free")
	}
	if got := c.take(); len(got) != 1 {
		t.Errorf("after PUBCOMP: %d sent, want 1", len(got))
	}
	c.Received(first[1].ID, mqtt.Success)
	if got := c.take(); len(got) != 1 || got[0].Code != mqtt.PacketIDNotFound {
		t.Errorf("PUBREC of an unknown id: %+v", got)
	}
}

func TestPacketIDsOfBothDirectionsAreApart(t *testing.T) {
	b := broker.New(broker.Config{})
	c := connect(t, b, "c", keep(60)).subscribe("down", 2)
	connect(t, b, "p").publish("down", "command", 1)
	down := c.take()[0]
	c.publish("up", "telemetry", 1, func(p *mqtt.Publish) { p.ID = down.ID })
	c.publish("up", "telemetry", 2, func(p *mqtt.Publish) { p.ID = down.ID })
	c.Release(down.ID)
	c.lose()
	connect(t, b, "c", keep(60)).wants("the unacknowledged command", "command")
}

func TestQoS2ComesThroughOnce(t *testing.T) {
	b := broker.New(broker.Config{})
	sub := connect(t, b, "s").subscribe("a", 0)
	c := connect(t, b, "c", keep(60))
	seven := func(p *mqtt.Publish) { p.ID = 7 }
	c.publish("a", "x", 2, seven)
	c.publish("a", "x", 2, seven)
	c.lose()
	c = connect(t, b, "c", keep(60))
	c.publish("a", "x", 2, seven)
	sub.wants("one of QoS 2, sent three times", "x")
	if code := c.Release(7); code != mqtt.Success {
		t.Errorf("PUBREL: %v", code)
	}
	if code := c.Release(7); code != mqtt.PacketIDNotFound {
		t.Errorf("PUBREL again: %v", code)
	}
	c.publish("a", "y", 2, seven)
	sub.wants("the next with that id", "y")
}

func TestTooManyUnreleased(t *testing.T) {
	b := broker.New(broker.Config{Limits: broker.Limits{ReceiveMaximum: 2}})
	sub := connect(t, b, "s").subscribe("a", 0)
	c := connect(t, b, "c", keep(60))
	pubs := make([]broker.Publication, 3)
	for i := range pubs {
		pubs[i].Publish = mqtt.Publish{Topic: "a", Payload: []byte{byte('0' + i)}, QoS: 2, ID: uint16(i + 1)}
	}
	var e *mqtt.Error
	if err := c.Publish(t.Context(), pubs); !errors.As(err, &e) || e.Code != mqtt.ReceiveMaximumExceeded {
		t.Fatalf("error %v", err)
	}
	c.lose()
	c = connect(t, b, "c", keep(60))
	for i := range pubs {
		pubs[i].Dup = true
		if err := c.Publish(t.Context(), pubs[i:i+1]); err != nil {
			t.Fatal(err)
		}
		c.Release(pubs[i].ID)
	}
	sub.wants("what was not acknowledged came again", "0", "1", "2")
}

func TestTakeoverCutsTheOldConnection(t *testing.T) {
	b := broker.New(broker.Config{})
	p := connect(t, b, "p")
	old := connect(t, b, "c", keep(60)).subscribe("a", 1)
	p.publish("a", "x", 1)
	sent := old.take()
	c := connect(t, b, "c", keep(60))
	if !slices.Equal(old.wasCut(), []mqtt.ReasonCode{mqtt.SessionTakenOver}) {
		t.Errorf("the old connection was told %v", old.wasCut())
	}
	old.Acked(sent[0].ID, mqtt.Success) // too late: it is the other's now
	if got := old.take(); len(got) != 0 {
		t.Errorf("the old connection still gets %+v", got)
	}
	if err := old.Publish(t.Context(), make([]broker.Publication, 1)); err == nil {
		t.Error("the old connection may still publish")
	}
	old.lose()
	c.wants("the new one", "x")
	if s := b.Stats(); s.TakenOver != 1 || s.Connected != 2 {
		t.Errorf("%+v", s)
	}
}

// Of many connections of one client at once exactly one is left, and messages of QoS 1
// come through all the same.
func TestManyTakeoversAtOnce(t *testing.T) {
	b := broker.New(broker.Config{})
	connect(t, b, "c", keep(60)).subscribe("a", 1).lose()
	p := connect(t, b, "p")
	const messages, connections = 200, 20
	var all sync.WaitGroup
	all.Go(func() {
		for i := range messages {
			p.publish("a", fmt.Sprint(i), 1)
		}
	})
	var mu sync.Mutex
	got := map[string]int{}
	conns := make([]*client, connections)
	for i := range connections {
		all.Go(func() {
			c := connect(t, b, "c", keep(60), window(8))
			conns[i] = c
			for range 5 {
				for _, d := range c.take() {
					mu.Lock()
					got[string(d.Message.Payload)]++
					mu.Unlock()
					c.confirm(d)
				}
			}
		})
	}
	all.Wait()
	alive := 0
	for _, c := range conns {
		if len(c.wasCut()) == 0 {
			alive++
			for _, s := range c.payloads() {
				got[s]++
			}
		}
	}
	if alive != 1 || len(got) != messages {
		t.Errorf("%d connections left, %d of %d messages", alive, len(got), messages)
	}
}

func TestWakeComesOnceUntilTaken(t *testing.T) {
	b := broker.New(broker.Config{})
	c := connect(t, b, "c").subscribe("a", 1)
	p := connect(t, b, "p")
	for range 10 {
		p.publish("a", "x", 1)
	}
	if c.wakings() != 1 {
		t.Errorf("woken %d times", c.wakings())
	}
	out, more := c.Take(make([]broker.Delivery, 0, 4), 1<<20)
	p.publish("a", "x", 1)
	if len(out) != 4 || !more || c.wakings() != 1 {
		t.Errorf("took %d, more %v, woken %d times", len(out), more, c.wakings())
	}
	if out, _ = c.Take(nil, 1); len(out) != 1 {
		t.Errorf("took %d with 1 byte left", len(out))
	}
	c.take()
	p.publish("a", "x", 1)
	if c.wakings() != 2 {
		t.Errorf("woken %d times after all was taken", c.wakings())
	}
}

func TestClientThatDoesNotReadIsCut(t *testing.T) {
	b := broker.New(broker.Config{Limits: broker.Limits{MaxQueued: 10}})
	c := connect(t, b, "c", keep(60), window(1)).subscribe("#", 1)
	p := connect(t, b, "p")
	for range 20 {
		p.publish("zero", "z", 0)
	}
	if s := b.Stats(); s.Dropped != 10 || s.Cut != 0 {
		t.Errorf("QoS 0 to a full row: %+v", s)
	}
	for i := range 10 {
		p.publish("one", fmt.Sprint(i), 1)
	}
	if s := b.Stats(); s.Dropped != 20 || len(c.wasCut()) != 0 {
		t.Errorf("QoS 1 takes the place of QoS 0: %+v, cut %v", s, c.wasCut())
	}
	p.publish("one", "10", 1)
	p.publish("one", "11", 1)
	if !slices.Equal(c.wasCut(), []mqtt.ReasonCode{mqtt.QuotaExceeded}) {
		t.Errorf("cut with %v", c.wasCut())
	}
	c.lose()
	p.publish("one", "12", 1)
	connect(t, b, "c", keep(60)).wants("the newest", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12")
}

func TestSleeperIsNotCut(t *testing.T) {
	b := broker.New(broker.Config{Limits: broker.Limits{MaxQueued: 3}})
	c := connect(t, b, "c").subscribe("#", 1)
	c.Asleep(true)
	p := connect(t, b, "p")
	for i := range 5 {
		p.publish("a", fmt.Sprint(i), 1)
	}
	c.Asleep(false)
	if c.wasCut() != nil {
		t.Errorf("cut with %v", c.wasCut())
	}
	c.wants("the newest", "2", "3", "4")
}

func TestBytesOfARowAreBounded(t *testing.T) {
	b := broker.New(broker.Config{Limits: broker.Limits{MaxQueuedBytes: 100}})
	connect(t, b, "c", keep(60)).subscribe("#", 1).leave()
	p := connect(t, b, "p")
	for i := range 5 {
		p.publish("a", fmt.Sprintf("%030d", i), 1)
	}
	p.publish("a", fmt.Sprintf("%0200d", 9), 1) // fits nowhere
	c := connect(t, b, "c", keep(60))
	if got := c.payloads(); len(got) != 0 {
		t.Errorf("%d left: one that fits nowhere has driven out the rest, but is there", len(got))
	}
}

func TestPacketsAboveTheClientsMaximumAreLeftOut(t *testing.T) {
	b := broker.New(broker.Config{})
	c := connect(t, b, "c", maxPacket(20)).subscribe("#", 1)
	p := connect(t, b, "p")
	p.publish("a", "a long message, more than 20 bytes", 1)
	p.publish("a", "a long message, more than 20 bytes", 0)
	p.publish("a", "short", 1)
	c.wants("those that fit", "short")
	if s := b.Stats(); s.Queued != 0 {
		t.Errorf("%d left", s.Queued)
	}
}

func TestPacketIDsGoRoundAndLeaveOutThoseInUse(t *testing.T) {
	b := broker.New(broker.Config{})
	c := connect(t, b, "c").subscribe("a", 1)
	p := connect(t, b, "p")
	p.publish("a", "held", 1)
	held := c.take()[0].ID
	last := held
	for i := range 70_000 {
		p.publish("a", "x", 1)
		d := c.take()[0]
		if d.ID == held || d.ID == 0 {
			t.Fatalf("packet id %d given out after %d", d.ID, i)
		}
		if want := last%65535 + 1; d.ID != want && want != held {
			t.Fatalf("packet id %d after %d", d.ID, last)
		}
		last = d.ID
		c.Acked(d.ID, mqtt.Success)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	b := broker.New(broker.Config{Limits: broker.Limits{MaxSessions: 2}})
	connect(t, b, "1", keep(60)).leave()
	connect(t, b, "2", keep(60)).leave()
	three := connect(t, b, "3", keep(60))
	if connect(t, b, "1", keep(60)).present {
		t.Error("the one away longest is still there")
	}
	_, _, err := b.Connect(t.Context(), broker.Connect{Client: &broker.Client{ID: "4", Version: mqtt.V5}, Peer: newPeer()})
	var e *mqtt.Error
	if !errors.As(err, &e) || e.Code != mqtt.QuotaExceeded {
		t.Errorf("one too many, all connected: %v", err)
	}
	if three.wasCut() != nil {
		t.Error("one that is connected was cut")
	}
}

// turning is hooks that think otherwise later.
type turning struct {
	broker.Hooks
	mu     sync.Mutex
	refuse string
}

func (h *turning) MaySubscribe(_ *broker.Client, filter string) mqtt.ReasonCode {
	h.mu.Lock()
	defer h.mu.Unlock()
	if filter == h.refuse {
		return mqtt.NotAuthorized
	}
	return mqtt.Success
}

func TestSessionBeginsAnewWhenASubscriptionMayNotBeAnyMore(t *testing.T) {
	for _, filter := range []string{"a/secret", "$share/g/a/secret"} {
		for _, over := range []bool{false, true} {
			h := &turning{Hooks: new(spy)}
			b := broker.New(broker.Config{Hooks: h})
			before := connect(t, b, "c", keep(60)).subscribe("a/b", 1).subscribe(filter, 1)
			if !over {
				before.lose()
			}
			h.mu.Lock()
			h.refuse = "a/secret"
			h.mu.Unlock()
			p := connect(t, b, "p")
			p.publish("a/secret", "while away", 1)
			c := connect(t, b, "c", keep(60))
			if c.present {
				t.Errorf("%s, taken over %t: the session is present", filter, over)
			}
			p.publish("a/secret", "s", 1)
			c.subscribe("a/b", 1)
			p.publish("a/b", "x", 1)
			c.wants("what it may hear", "x")
			if s := b.Stats(); s.Sessions != 2 || s.Connected != 2 || s.Subscriptions != 1 {
				t.Errorf("%s, taken over %t: %+v", filter, over, s)
			}
			h.mu.Lock()
			h.refuse = ""
			h.mu.Unlock()
			c.lose()
			if !connect(t, b, "c", keep(60)).present {
				t.Error("the new session did not outlive its connection")
			}
		}
	}
}
