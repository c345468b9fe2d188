package broker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// house is a broker with a journal that can be killed and started again.
type house struct {
	*broker.Broker
	t    *testing.T
	c    broker.Config
	tape *tape
	stop func()
}

func open(t *testing.T, c broker.Config) *house {
	h := &house{t: t, c: c, tape: &tape{}}
	h.c.Log = slog.New(slog.DiscardHandler)
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

func (h *house) start() {
	h.t.Helper()
	h.c.Journal = h.tape
	h.Broker = broker.New(h.c)
	if err := h.Load(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := h.Run(ctx); err != nil {
			h.t.Error(err)
		}
	}()
	h.stop = func() { cancel(); <-done }
}

// kill ends the broker as kill -9 would, and starts another.
func (h *house) kill() {
	h.t.Helper()
	h.tape.tear(true)
	h.stop()
	h.tape = h.tape.copied()
	h.start()
}

func (t *tape) tear(torn bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.torn = torn
}

func (t *tape) size() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.entries {
		n += len(e)
	}
	return n
}

// inBubble runs test in fake time.
func inBubble(t *testing.T, c broker.Config, test func(t *testing.T, h *house)) {
	synctest.Test(t, func(t *testing.T) { test(t, open(t, c)) })
}

// redelivered gives what comes after a kill, which must be as it was before: id has the
// packet ids.
func (c *client) redelivered(id map[string]uint16) (all []string) {
	for _, d := range c.take() {
		text := "PUBREL"
		if m := d.Message; m != nil {
			text = string(m.Payload)
			if !slices.Equal(d.IDs, []uint32{7}) || d.Dup != (id[text] != 0) || d.Dup && d.ID != id[text] {
				c.t.Errorf("%q: %+v", text, d)
			}
			if text == "sent" && (!d.Retain || m.Props == nil || m.Props.ContentType != "text" || len(m.Props.User) != 1 || d.Expiry != 500) {
				c.t.Errorf("%q: %+v with %+v", text, d, m.Props)
			}
		}
		all = append(all, text)
		c.confirm(d)
	}
	return all
}

func TestAllThatIsKeptOutlivesAKill(t *testing.T) {
	inBubble(t, broker.Config{Commit: true}, func(t *testing.T, h *house) {
		c := connect(t, h.Broker, "c", keep(1000), window(4))
		c.Subscribe(t.Context(), []mqtt.Subscription{{Filter: "a/#", QoS: 2, RetainAsPublished: true}, {Filter: "gone", QoS: 1}}, 7)
		c.subscribe("$share/g/s", 1).subscribe("local", 1, func(s *mqtt.Subscription) { s.NoLocal = true })
		c.Unsubscribe(t.Context(), []string{"gone"})
		p := connect(t, h.Broker, "p", keep(1000))
		props := func(p *mqtt.Publish) {
			p.Props = mqtt.PublishProps{ContentType: "text", User: []mqtt.UserProperty{{Name: "n", Value: "v"}}}
		}
		p.publish("a/1", "acknowledged", 1)
		p.publish("a/2", "on its way", 2)
		p.publish("a/3", "half-way", 2)
		p.publish("a/4", "sent", 1, props, retained, expiring(500))
		p.publish("a/5", "waiting", 1)
		p.publish("a/6", "zero", 0)
		p.publish("kept", "old", 1, retained)
		p.publish("kept", "new", 0, retained)
		p.publish("taken back", "x", 1, retained)
		p.publish("taken back", "", 1, retained)
		p.publish("up", "unreleased", 2, func(p *mqtt.Publish) { p.ID = 77 })
		first := c.take()
		time.Sleep(time.Millisecond) // QoS 2 goes out once its packet ids are kept
		synctest.Wait()
		first = append(first, c.take()...)
		if len(first) != 5 {
			t.Fatalf("%d sent", len(first))
		}
		id := map[string]uint16{}
		for _, d := range first {
			id[string(d.Message.Payload)] = d.ID
		}
		c.Acked(id["acknowledged"], 0)
		c.Received(id["half-way"], 0)
		time.Sleep(50 * time.Millisecond)
		h.kill()

		if s := h.Stats(); s.Sessions != 2 || s.Subscriptions != 3 || s.Retained != 2 {
			t.Errorf("after the kill: %+v", s)
		}
		c = connect(t, h.Broker, "c", keep(1000))
		if !c.present {
			t.Fatal("the session is gone")
		}
		if got, want := c.redelivered(id), []string{"on its way", "PUBREL", "sent", "waiting"}; !slices.Equal(got, want) {
			t.Errorf("after the kill: %q, want %q", got, want)
		}
		p = connect(t, h.Broker, "p", keep(1000))
		if code := p.Release(77); code != mqtt.Success {
			t.Errorf("PUBREL of what came before the kill: %v", code)
		}
		n := connect(t, h.Broker, "n").subscribe("kept", 1).subscribe("taken back", 1)
		n.wants("retained", "new")
		p.publish("s", "shared", 1)
		c.payloads()
		c.publish("local", "own", 1)
		c.wants("no local")
	})
}

func TestBatchesAreWrittenWithin50ms(t *testing.T) {
	inBubble(t, broker.Config{}, func(t *testing.T, h *house) {
		connect(t, h.Broker, "c", keep(1000)).subscribe("a", 1).leave()
		connect(t, h.Broker, "p").publish("a", "x", 1)
		time.Sleep(50 * time.Millisecond)
		h.kill()
		connect(t, h.Broker, "c", keep(1000)).wants("what was published 50 ms before", "x")
	})
}

func TestStoppedBrokerHasWrittenAll(t *testing.T) {
	inBubble(t, broker.Config{}, func(t *testing.T, h *house) {
		connect(t, h.Broker, "c", keep(1000)).subscribe("a", 1).leave()
		connect(t, h.Broker, "p").publish("a", "x", 1)
		h.stop()
		h.tape = h.tape.copied()
		h.start()
		connect(t, h.Broker, "c", keep(1000)).wants("what was published before", "x")
	})
}

func TestTransientSessionsWriteNothing(t *testing.T) {
	inBubble(t, broker.Config{Commit: true}, func(t *testing.T, h *house) {
		c := connect(t, h.Broker, "c").subscribe("a", 2)
		p := connect(t, h.Broker, "p")
		for i := range 20 {
			p.publish("a", "x", byte(i%3))
			c.payloads()
		}
		time.Sleep(time.Second)
		if n := h.tape.size(); n != 0 {
			t.Errorf("%d bytes written", n)
		}
	})
}

func TestWhatIsAcknowledgedAtOnceIsNotWritten(t *testing.T) {
	inBubble(t, broker.Config{}, func(t *testing.T, h *house) {
		c := connect(t, h.Broker, "c", keep(1000)).subscribe("a", 1)
		p := connect(t, h.Broker, "p")
		for range 1000 {
			p.publish("a", strings.Repeat("x", 100), 1)
			c.payloads()
		}
		time.Sleep(time.Second)
		if n := h.tape.size(); n > 1000 {
			t.Errorf("%d bytes written", n)
		}
	})
}

func TestLogIsWrittenAnewWhenItIsLong(t *testing.T) {
	inBubble(t, broker.Config{}, func(t *testing.T, h *house) {
		h.stop()
		h.tape = h.tape.copied()
		h.start()
		h.RewriteFrom(10_000)
		connect(t, h.Broker, "c", keep(1000)).subscribe("a", 1).leave()
		p := connect(t, h.Broker, "p", keep(1000))
		for i := range 20 {
			p.publish("a", fmt.Sprint(i), 1)
		}
		text := strings.Repeat("x", 1000)
		for i := range 200 {
			p.publish("kept", text+fmt.Sprint(i), 1, retained)
			time.Sleep(100 * time.Millisecond)
		}
		if n := h.tape.size(); n > 20_000 {
			t.Errorf("the log has %d bytes", n)
		}
		h.kill()
		connect(t, h.Broker, "n").subscribe("kept", 0).wants("retained", text+"199")
		if n := len(connect(t, h.Broker, "c", keep(1000)).payloads()); n != 20 {
			t.Errorf("%d of 20 left", n)
		}
	})
}

func TestNothingIsAcknowledgedWhileTheJournalFails(t *testing.T) {
	inBubble(t, broker.Config{Commit: true}, func(t *testing.T, h *house) {
		connect(t, h.Broker, "c", keep(1000)).subscribe("a", 1).leave()
		p := connect(t, h.Broker, "p")
		p.publish("a", "before", 1)
		h.tape.tear(true)
		pubs := []broker.Publication{{Publish: mqtt.Publish{Topic: "a", Payload: []byte("meanwhile"), QoS: 1, ID: 1}}}
		for range 3 {
			if err := p.Publish(t.Context(), pubs); err == nil {
				t.Fatal("acknowledged without a journal")
			}
		}
		_, _, err := h.Connect(t.Context(), broker.Connect{Client: &broker.Client{ID: "new", Version: mqtt.V5}, Peer: newPeer(), Expiry: 100})
		if e := (*mqtt.Error)(nil); !errors.As(err, &e) || e.Code != mqtt.ServerUnavailable {
			t.Errorf("connect: %v", err)
		}
		h.tape.tear(false)
		time.Sleep(2 * time.Second)
		p.publish("a", "after", 1)
		if s := h.Stats(); s.JournalErrors == 0 || s.JournalBytes == 0 {
			t.Errorf("%+v", s)
		}
		h.kill()
		got := connect(t, h.Broker, "c", keep(1000)).payloads()
		if len(got) < 2 || got[0] != "before" || got[len(got)-1] != "after" {
			t.Errorf("after the kill: %q", got)
		}
	})
}

// When all that failed to be written is gone, whoever waits is answered all the same.
func TestNobodyWaitsForAJournalWithNothingToWrite(t *testing.T) {
	inBubble(t, broker.Config{Commit: true}, func(t *testing.T, h *house) {
		h.tape.tear(true)
		p := connect(t, h.Broker, "p")
		pub := []broker.Publication{{Publish: mqtt.Publish{Topic: "a", Payload: []byte("x"), QoS: 1, ID: 1, Retain: true}}}
		if err := p.Publish(t.Context(), pub); err == nil {
			t.Fatal("acknowledged without a journal")
		}
		h.tape.tear(false)
		pub[0].Payload = nil
		for range 3 {
			time.Sleep(2 * time.Second)
			if err := p.Publish(t.Context(), pub); err != nil {
				t.Errorf("with a journal: %v", err)
			}
		}
	})
}

func TestDamagedJournalIsAnError(t *testing.T) {
	for _, entry := range []string{"", "\x02", "\x01\xff", "\x01\x01", "\x01\x06\x01\x01\x09\x01\x00\x00\x00\x00", "\x01\x0b\x05"} {
		tp := &tape{entries: map[int64][]byte{1: []byte(entry)}, last: 1}
		if err := broker.New(broker.Config{Journal: tp}).Load(t.Context()); err == nil {
			t.Errorf("entry %q is read without an error", entry)
		}
	}
}

// written gives entries of a broker that did a little of everything.
func written(f *testing.F) (all [][]byte) {
	tp := &tape{}
	b := broker.New(broker.Config{Journal: tp, Commit: true})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.Run(ctx) }()
	c := connect(f, b, "c", keep(100)).subscribe("a/#", 2).subscribe("$share/g/b", 1)
	p := connect(f, b, "p", keep(100))
	for i := range 9 {
		p.publish("a/b", fmt.Sprint(i), byte(1+i%2), retained, expiring(100))
	}
	for _, d := range c.take() {
		c.confirm(d)
	}
	c.Unsubscribe(f.Context(), []string{"$share/g/b"})
	c.leave()
	connect(f, b, "c", clean)
	p.publish("a/b", "", 1, retained)
	cancel()
	<-done
	for _, e := range tp.entries {
		all = append(all, e)
	}
	return all
}

func FuzzLoad(f *testing.F) {
	for _, e := range written(f) {
		f.Add(e)
	}
	f.Fuzz(func(t *testing.T, entry []byte) {
		tp := &tape{entries: map[int64][]byte{1: entry}, last: 1}
		b := broker.New(broker.Config{Journal: tp})
		if b.Load(t.Context()) != nil {
			return
		}
		c := connect(t, b, "c", keep(100)).subscribe("#", 2)
		for _, d := range c.take() {
			d.Append(nil, mqtt.V5)
			d.Append(nil, mqtt.V311)
			c.confirm(d)
		}
		connect(t, b, "p").publish("a/b", "x", 2)
		c.lose()
	})
}
