package broker_test

import (
	"fmt"
	"slices"
	"sort"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

func (c *client) topics() (all []string) {
	for _, d := range c.take() {
		all = append(all, d.Message.Topic)
		c.confirm(d)
	}
	sort.Strings(all)
	return all
}

func TestRetainedMessagesComeWithTheSubscription(t *testing.T) {
	topics := []string{"a", "a/b", "a/b/c", "a/x/c", "b", "/", "/a", "$h/a", "a/"}
	b := broker.New(broker.Config{})
	p := connect(t, b, "p")
	for _, topic := range topics {
		p.publish(topic, "v", 1, retained)
	}
	b.Publish(&broker.Message{Topic: "$h/a", Payload: []byte("x"), Retain: true})
	for _, f := range []string{"#", "+", "a/#", "a/+", "a/+/c", "+/+", "/+", "/#", "a/b/c", "$h/#", "$h/+", "nothing", "a/b/c/#", "+/b/#"} {
		var want []string
		for _, topic := range topics {
			if mqtt.Match(f, topic) {
				want = append(want, topic)
			}
		}
		sort.Strings(want)
		if got := connect(t, b, "c", clean).subscribe(f, 1).topics(); !slices.Equal(got, want) {
			t.Errorf("filter %q: %q, want %q", f, got, want)
		}
	}
	for _, topic := range topics[:7] {
		p.publish(topic, "", 0, retained)
	}
	if got := connect(t, b, "c", clean).subscribe("#", 1).topics(); !slices.Equal(got, topics[8:]) {
		t.Errorf("after all but one were taken back: %q", got)
	}
}

func TestRetainHandling(t *testing.T) {
	handling := func(n byte) func(*mqtt.Subscription) {
		return func(s *mqtt.Subscription) { s.RetainHandling = n }
	}
	b := broker.New(broker.Config{})
	connect(t, b, "p").publish("a", "v", 1, retained)
	c := connect(t, b, "c")
	count := func() int {
		n := 0
		for _, d := range c.take() {
			if !d.Retain || d.QoS != 0 {
				t.Errorf("%+v, want retained and of QoS 0", d)
			}
			n++
		}
		return n
	}
	c.subscribe("a", 0, handling(2))
	if n := count(); n != 0 {
		t.Errorf("handling 2: %d", n)
	}
	c.subscribe("a", 0, handling(1))
	if n := count(); n != 0 {
		t.Errorf("handling 1, not new: %d", n)
	}
	c.subscribe("a", 0)
	if n := count(); n != 1 {
		t.Errorf("handling 0, not new: %d", n)
	}
	c.subscribe("+", 0, handling(1))
	if n := count(); n != 1 {
		t.Errorf("handling 1, new: %d", n)
	}
	c.subscribe("$share/g/+", 0)
	if n := count(); n != 0 {
		t.Errorf("shared: %d", n)
	}
}

func TestRetainedMessagesAreBounded(t *testing.T) {
	b := broker.New(broker.Config{Limits: broker.Limits{MaxRetained: 2}})
	five, three := connect(t, b, "5"), connect(t, b, "3", v311)
	listener := connect(t, b, "l").subscribe("#", 0)
	for i := range 2 {
		if code := five.publish(fmt.Sprint(i), "v", 1, retained); code != mqtt.Success {
			t.Errorf("code %v", code)
		}
	}
	if code := five.publish("0", "new", 1, retained); code != mqtt.Success {
		t.Errorf("one that replaces another: %v", code)
	}
	if code := five.publish("2", "refused", 1, retained); code != mqtt.QuotaExceeded {
		t.Errorf("one too many: %v", code)
	}
	three.publish("3", "not kept", 1, retained)
	listener.wants("those who listen", "v", "v", "new", "not kept")
	if s := b.Stats(); s.Retained != 2 {
		t.Errorf("%d retained", s.Retained)
	}
}

func TestTenThousandRetained(t *testing.T) {
	b := broker.New(broker.Config{Limits: broker.Limits{MaxQueued: 100}})
	p := connect(t, b, "p")
	for i := range 10_000 {
		p.publish(fmt.Sprintf("site/%d/room/%d", i%100, i), "v", 0, retained)
	}
	c := connect(t, b, "c").subscribe("site/#", 1)
	if n := len(c.topics()); n != 10_000 {
		t.Errorf("%d of 10000 retained messages", n)
	}
	if c.subscribe("site/7/#", 0); len(c.topics()) != 100 {
		t.Error("not the 100 of one site")
	}
	for i := range 10_000 {
		p.publish(fmt.Sprintf("site/%d/room/%d", i%100, i), "", 0, retained)
	}
	if s := b.Stats(); s.Retained != 0 || s.RetainedBytes != 0 {
		t.Errorf("left: %d, %d bytes", s.Retained, s.RetainedBytes)
	}
}

// run runs a broker in the bubble of synctest.
func run(t *testing.T, c broker.Config, test func(b *broker.Broker)) {
	synctest.Test(t, func(t *testing.T) {
		b := broker.New(c)
		ctx, stop := contextOf(t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := b.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		test(b)
		stop()
		<-done
	})
}

func TestMessagesExpire(t *testing.T) {
	run(t, broker.Config{}, func(b *broker.Broker) {
		p := connect(t, b, "p")
		connect(t, b, "away", keep(3600)).subscribe("#", 1).leave()
		p.publish("a", "short", 1, expiring(10), retained)
		p.publish("b", "long", 1, expiring(100), retained)
		p.publish("c", "for ever", 1, retained)
		time.Sleep(40*time.Second + time.Millisecond)
		synctest.Wait()
		if s := b.Stats(); s.Retained != 2 {
			t.Errorf("%d retained after 40 s", s.Retained)
		}
		got := connect(t, b, "away", keep(3600)).take()
		if len(got) != 2 || string(got[0].Message.Payload) != "long" || got[0].Expiry != 60 || got[1].Expiry != 0 {
			t.Errorf("after 40 s: %+v", got)
		}
		fresh := connect(t, b, "new").subscribe("#", 1).take()
		if len(fresh) != 2 {
			t.Errorf("retained after 40 s: %+v", fresh)
		}
		for _, d := range fresh {
			if d.Message.Topic == "b" {
				var q mqtt.Publish
				if err := q.Parse(mqtt.V5, d.Append(nil, mqtt.V5)); err != nil || q.Props.Expiry != 60 || !q.Retain {
					t.Errorf("packet: %+v, %v", q, err)
				}
			}
		}
	})
}

func TestSessionsExpire(t *testing.T) {
	run(t, broker.Config{Limits: broker.Limits{MaxSessionExpiry: 1000}}, func(b *broker.Broker) {
		connect(t, b, "short", keep(10)).subscribe("a", 1).leave()
		c := connect(t, b, "ever", keep(mqtt.NoExpiry))
		if c.Expiry() != 1000 {
			t.Errorf("expiry %d allowed", c.Expiry())
		}
		c.leave()
		back := connect(t, b, "back", keep(10))
		back.lose()
		time.Sleep(5 * time.Second)
		back = connect(t, b, "back", keep(10))
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if s := b.Stats(); s.Sessions != 2 || s.Subscriptions != 0 || !back.present {
			t.Errorf("after 11 s: %+v", s)
		}
		time.Sleep(1000 * time.Second)
		synctest.Wait()
		if s := b.Stats(); s.Sessions != 1 {
			t.Errorf("after 1011 s: %+v", s)
		}
		back.leave()
	})
}
