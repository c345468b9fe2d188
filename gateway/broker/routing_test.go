package broker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

func TestWhoGetsWhatIsPublished(t *testing.T) {
	filters := []string{
		"a/b", "a/+", "a/#", "+/b", "#", "+", "+/+", "a", "a/b/#", "a/b/c", "+/b/+", "/a", "/+", "/#", "+/a",
		"a//b", "a/+/b", "$SYS/#", "$SYS/+", "$share/g/a/+", "a/b/", "a/b/+",
	}
	topics := []string{"a/b", "a", "a/b/c", "/a", "b", "a//b", "a/x/b", "a/b/", "/", "x/a", "$SYS/x", "$x"}
	b := broker.New(broker.Config{})
	all := map[string]*client{}
	for i, f := range filters {
		all[f] = connect(t, b, fmt.Sprint(i)).subscribe(f, 0)
	}
	for _, topic := range topics {
		for range 2 { // the second time by what was found the first time
			b.Publish(&broker.Message{Topic: topic, Payload: []byte(topic)})
			for _, f := range filters {
				plain := strings.TrimPrefix(f, "$share/g/")
				if got, want := len(all[f].take()) == 1, mqtt.Match(plain, topic); got != want {
					t.Errorf("filter %q, topic %q: delivered %v", f, topic, got)
				}
			}
		}
	}
}

func TestFoundRoutesFollowSubscriptions(t *testing.T) {
	b := broker.New(broker.Config{})
	c := connect(t, b, "c")
	topic := "a/b/c"
	reaches := func() bool {
		c.take()
		b.Publish(&broker.Message{Topic: topic})
		return len(c.take()) == 1
	}
	for _, f := range []string{"a/b/c", "a/b/+", "a/+/c", "+/b/c", "#", "a/#", "a/b/#", "a/b/c/#", "+/+/+", "$share/g/a/b/c", "$share/g/a/#"} {
		if reaches() {
			t.Fatalf("%s delivered before %s", topic, f)
		}
		c.subscribe(f, 0)
		if !reaches() {
			t.Errorf("%s not delivered to %s", topic, f)
		}
		if codes := c.Unsubscribe(t.Context(), []string{f, "other"}); !slices.Equal(codes, []mqtt.ReasonCode{mqtt.Success, mqtt.NoSubscriptionExisted}) {
			t.Errorf("unsubscribe: %v", codes)
		}
	}
	if reaches() {
		t.Error("delivered after the last was taken back")
	}
	if n := b.Stats().Subscriptions; n != 0 {
		t.Errorf("%d subscriptions left", n)
	}
}

func TestOverlappingSubscriptionsDeliverOnceWithTheHighestQoS(t *testing.T) {
	b := broker.New(broker.Config{})
	c := connect(t, b, "c")
	for i, f := range []string{"a/b", "a/+", "#"} {
		c.Subscribe(t.Context(), []mqtt.Subscription{{Filter: f, QoS: byte(i)}}, uint32(10+i))
	}
	p := connect(t, b, "p")
	p.publish("a/b", "x", 2)
	got := c.take()
	if len(got) != 1 || got[0].QoS != 2 {
		t.Fatalf("got %+v, want one of QoS 2", got)
	}
	ids := slices.Sorted(slices.Values(got[0].IDs))
	if !slices.Equal(ids, []uint32{10, 11, 12}) {
		t.Errorf("subscription ids %v", ids)
	}
	c.confirm(got[0])
	p.publish("a/b", "y", 1)
	if got := c.take(); len(got) != 2 || got[0].Type != mqtt.TypePubrel || got[1].QoS != 1 {
		t.Errorf("got %+v, want PUBREL and one of QoS 1", got)
	}
}

func TestNoLocal(t *testing.T) {
	local := func(s *mqtt.Subscription) { s.NoLocal = true }
	b := broker.New(broker.Config{})
	c, other := connect(t, b, "c"), connect(t, b, "other")
	c.subscribe("a", 1, local)
	c.publish("a", "own", 1)
	other.publish("a", "other's", 1)
	b.Publish(&broker.Message{Topic: "a", Payload: []byte("the house's"), QoS: 1})
	c.wants("no local", "other's", "the house's")
	c.subscribe("+", 0)
	c.publish("a", "own", 1)
	if got := c.take(); len(got) != 1 || got[0].QoS != 0 {
		t.Errorf("own message by another filter: %+v, want one of QoS 0", got)
	}
}

func TestRetainFlagAsPublished(t *testing.T) {
	b := broker.New(broker.Config{})
	c := connect(t, b, "c").subscribe("a", 0)
	r := connect(t, b, "r").subscribe("a", 0, func(s *mqtt.Subscription) { s.RetainAsPublished = true })
	p := connect(t, b, "p")
	p.publish("a", "x", 0, retained)
	p.publish("a", "y", 0)
	flags := func(c *client) (all []bool) {
		for _, d := range c.take() {
			all = append(all, d.Retain)
		}
		return all
	}
	if got := flags(c); !slices.Equal(got, []bool{false, false}) {
		t.Errorf("retain flags %v", got)
	}
	if got := flags(r); !slices.Equal(got, []bool{true, false}) {
		t.Errorf("retain flags as published %v", got)
	}
}

func TestSharedSubscriptionsDeliverToOneThatIsThere(t *testing.T) {
	b := broker.New(broker.Config{})
	one := connect(t, b, "1").subscribe("$share/g/a/#", 1)
	two := connect(t, b, "2").subscribe("$share/g/a/#", 1)
	asleep := connect(t, b, "3", keep(60)).subscribe("$share/g/a/#", 1)
	asleep.lose()
	other := connect(t, b, "4").subscribe("$share/h/a/#", 1)
	p := connect(t, b, "p")
	for i := range 30 {
		p.publish("a/b", fmt.Sprint(i), 1)
	}
	n1, n2, n4 := len(one.payloads()), len(two.payloads()), len(other.payloads())
	if n1+n2 != 30 || n1 < 5 || n2 < 5 || n4 != 30 {
		t.Errorf("deliveries %d + %d of one group, %d of another", n1, n2, n4)
	}
	if back := connect(t, b, "3", keep(60)); len(back.payloads()) != 0 {
		t.Error("one that was away got messages while others were there")
	}
}

func TestSharedMessageOfASessionThatEndsGoesToAnother(t *testing.T) {
	b := broker.New(broker.Config{})
	one := connect(t, b, "1").subscribe("$share/g/a", 1)
	p := connect(t, b, "p")
	p.publish("a", "x", 1)
	if len(one.take()) != 1 {
		t.Fatal("not delivered")
	}
	two := connect(t, b, "2").subscribe("$share/g/a", 1)
	p.publish("a", "y", 1)
	p.publish("a", "z", 1)
	two.payloads()
	one.lose() // x never acknowledged, and one of y and z
	if got := two.payloads(); len(got) == 0 {
		t.Error("the messages of the member that went are lost")
	}
}

func TestReach(t *testing.T) {
	b := broker.New(broker.Config{})
	if n, asleep := b.Reach("a"); n != 0 || asleep != 0 {
		t.Errorf("nobody: %d, %d", n, asleep)
	}
	c := connect(t, b, "c", keep(60)).subscribe("a", 1)
	sleeper := connect(t, b, "s").subscribe("+", 1)
	if n, asleep := b.Reach("a"); n != 2 || asleep != 0 {
		t.Errorf("two: %d, %d", n, asleep)
	}
	c.lose()
	sleeper.Asleep(true)
	if n, asleep := b.Reach("a"); n != 2 || asleep != 2 {
		t.Errorf("two asleep: %d, %d", n, asleep)
	}
}

func TestDollarTopicsAreNotForClients(t *testing.T) {
	b := broker.New(broker.Config{})
	c := connect(t, b, "c").subscribe("$SYS/x", 1)
	if code := c.publish("$SYS/x", "forged", 1); code != mqtt.NotAuthorized {
		t.Errorf("publish below $SYS: %v", code)
	}
	c.wants("a forged counter")
	if c.subscribe("$SYS/#", 0); len(c.take()) == 0 {
		t.Error("no counters below $SYS")
	}
}

func TestFaultySubscriptions(t *testing.T) {
	b := broker.New(broker.Config{Limits: broker.Limits{MaxSubscriptions: 1}})
	c := connect(t, b, "c")
	codes := c.Subscribe(t.Context(), []mqtt.Subscription{
		{Filter: "a/#/b"},
		{Filter: ""},
		{Filter: "$share/g"},
		{Filter: "ok", QoS: 2},
		{Filter: "more"},
		{Filter: "ok", QoS: 1},
		{Filter: strings.Repeat("/", 300)},
	}, 0)
	want := []mqtt.ReasonCode{
		mqtt.TopicFilterInvalid, mqtt.TopicFilterInvalid, mqtt.TopicFilterInvalid, mqtt.GrantedQoS2,
		mqtt.QuotaExceeded, mqtt.GrantedQoS1, mqtt.QuotaExceeded,
	}
	if !slices.Equal(codes, want) {
		t.Errorf("codes %v, want %v", codes, want)
	}
}
