package broker_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

func lastWill(delay uint32) option {
	return will(mqtt.Will{Topic: "w", Payload: []byte("gone"), QoS: 1, Delay: delay})
}

func TestWillIsPublishedWhenTheClientIsLost(t *testing.T) {
	b := broker.New(broker.Config{})
	l := connect(t, b, "l").subscribe("w", 1)
	connect(t, b, "c", lastWill(0)).leave()
	l.wants("after DISCONNECT")
	connect(t, b, "c", lastWill(0)).End(t.Context(), broker.End{How: broker.Clean, Will: true})
	l.wants("after DISCONNECT with will", "gone")
	connect(t, b, "c", lastWill(0)).lose()
	l.wants("after a loss", "gone")
	connect(t, b, "c", lastWill(0)).End(t.Context(), broker.End{How: broker.Stopped})
	l.wants("after a stop")
	old := connect(t, b, "c", lastWill(0))
	connect(t, b, "c")
	old.lose()
	l.wants("after a takeover", "gone")
	connect(t, b, "c", lastWill(30)).lose()
	l.wants("with a delay, but the session ends", "gone")
}

func TestWillWithDelay(t *testing.T) {
	run(t, broker.Config{}, func(b *broker.Broker) {
		l := connect(t, b, "l").subscribe("w", 1)
		connect(t, b, "c", lastWill(30), keep(60)).lose()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		l.wants("after 20 s")
		connect(t, b, "c", lastWill(30), keep(60)).lose()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		l.wants("after it was back and lost for 20 s")
		time.Sleep(11 * time.Second)
		synctest.Wait()
		l.wants("after 31 s", "gone")
		time.Sleep(100 * time.Second)
		synctest.Wait()
		l.wants("after the session's end")

		connect(t, b, "c", lastWill(30), keep(10)).lose()
		time.Sleep(11 * time.Second)
		synctest.Wait()
		l.wants("when the session ended before the delay", "gone")

		connect(t, b, "c", lastWill(30), keep(60)).lose()
		connect(t, b, "c", clean)
		l.wants("when a clean start ended the session", "gone")
		l.leave()
	})
}

// spy is hooks that write down what they hear.
type spy struct {
	mu     sync.Mutex
	heard  []string
	refuse mqtt.ReasonCode
	take   bool
	virtue []*broker.Message
}

func (s *spy) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, fmt.Sprintf(format, args...))
}

func (s *spy) said() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.heard
	s.heard = nil
	return h
}

func (s *spy) Take(_ context.Context, c *broker.Client, pubs []*broker.Publication) {
	for _, p := range pubs {
		s.note("%s publishes %s %s", c.ID, p.Topic, p.Payload)
		p.Reason, p.Taken = s.refuse, s.take
	}
}

func (s *spy) MaySubscribe(c *broker.Client, filter string) mqtt.ReasonCode {
	if filter == "forbidden" {
		return mqtt.NotAuthorized
	}
	return mqtt.Success
}

func (s *spy) Retained(_ *broker.Client, filter string, yield func(*broker.Message) bool) {
	for _, m := range s.virtue {
		if mqtt.Match(filter, m.Topic) && !yield(m) {
			return
		}
	}
}
func (s *spy) Subscribed(c *broker.Client, f string)    { s.note("%s subscribes %s", c.ID, f) }
func (s *spy) Unsubscribed(c *broker.Client, f string)  { s.note("%s unsubscribes %s", c.ID, f) }
func (s *spy) Connected(c *broker.Client, present bool) { s.note("%s connects %v", c.Guest, present) }

func (s *spy) Gone(c *broker.Client, h broker.Gone, r bool) { s.note("%s goes %d %v", c.Guest, h, r) }

func TestHooksHearInOrder(t *testing.T) {
	s := &spy{virtue: []*broker.Message{{Topic: "v/1", Payload: []byte("virtual"), QoS: 1}}}
	b := broker.New(broker.Config{Hooks: s})
	c := connect(t, b, "c", guest("c1"), keep(60), lastWill(0))
	c.subscribe("$share/g/a", 1).subscribe("v/+", 1)
	c.wants("virtual retained", "virtual")
	if codes := c.Subscribe(t.Context(), []mqtt.Subscription{{Filter: "forbidden"}, {Filter: "$share/g/forbidden"}}, 0); codes[0] != mqtt.NotAuthorized || codes[1] != mqtt.NotAuthorized {
		t.Errorf("codes %v", codes)
	}
	c.Unsubscribe(t.Context(), []string{"v/+", "v/+"})
	c.publish("a", "x", 2, func(p *mqtt.Publish) { p.ID = 9 })
	c.publish("a", "x", 2, func(p *mqtt.Publish) { p.ID = 9 })
	c.publish("$x", "x", 1)
	two := connect(t, b, "c", guest("c2"), keep(60))
	c.lose()
	two.lose()
	two.lose()
	want := []string{
		"c1 connects false", "c subscribes a", "c subscribes v/+", "c unsubscribes v/+", "c publishes a x",
		"c publishes w gone", "c1 goes 2 true", "c2 connects true", "c2 goes 1 true",
	}
	if got := s.said(); !slices.Equal(got, want) {
		t.Errorf("heard %q\nwant  %q", got, want)
	}
}

func TestHooksRefuseAndTake(t *testing.T) {
	s := &spy{refuse: mqtt.NotAuthorized}
	b := broker.New(broker.Config{Hooks: s})
	l := connect(t, b, "l").subscribe("#", 2)
	c := connect(t, b, "c")
	if code := c.publish("a", "x", 2); code != mqtt.NotAuthorized {
		t.Errorf("code %v", code)
	}
	if code := c.Release(2); code != mqtt.PacketIDNotFound {
		t.Errorf("PUBREL of a refused one: %v", code)
	}
	c.publish("a", "x", 1, retained)
	s.refuse, s.take = 0, true
	c.publish("a", "x", 1, retained)
	if l.wants("what was refused or taken"); b.Stats().Retained != 0 {
		t.Error("retained what was taken")
	}
}

func TestPacketsAreWhatTheDeliverySays(t *testing.T) {
	b := broker.New(broker.Config{})
	c := connect(t, b, "c")
	c.Subscribe(t.Context(), []mqtt.Subscription{{Filter: "#", QoS: 2, RetainAsPublished: true}}, 0)
	props := mqtt.PublishProps{
		PayloadFormat: 1, ContentType: "text", ResponseTopic: "r", CorrelationData: []byte("c"),
		User: []mqtt.UserProperty{{Name: "n", Value: "v"}}, TopicAlias: 3,
	}
	long := make([]byte, 300)
	for _, from := range []mqtt.Version{mqtt.V5, mqtt.V311} {
		p := connect(t, b, "p", func(c *broker.Connect) { c.Client.Version = from })
		for _, to := range []mqtt.Version{mqtt.V5, mqtt.V311} {
			for qos := range byte(3) {
				for _, payload := range []string{"", "x", string(long)} {
					for _, with := range []mqtt.PublishProps{{}, props} {
						p.publish("a/b", payload, qos, func(q *mqtt.Publish) {
							q.Retain = payload == "x"
							if from == mqtt.V5 {
								q.Props = with
							}
						})
						row := c.take()
						d := row[len(row)-1]
						want := mqtt.Publish{Topic: "a/b", Payload: []byte(payload), QoS: qos, ID: d.ID, Retain: payload == "x"}
						if from == mqtt.V5 && to == mqtt.V5 {
							want.Props = with
							want.Props.TopicAlias = 0
						}
						var got mqtt.Publish
						if err := got.Parse(to, d.Append(nil, to)); err != nil || !reflect.DeepEqual(got, want) {
							t.Errorf("from %v to %v:\n got %+v, %v\nwant %+v", from, to, got, err, want)
						}
						if f := d.Frame(to); (f != nil) != (qos == 0 && payload != "x") || f != nil && string(f) != string(d.Append(nil, to)) {
							t.Errorf("from %v to %v: frame %q, packet %q", from, to, f, d.Append(nil, to))
						}
						for _, d := range row {
							c.confirm(d)
							c.Completed(d.ID)
						}
					}
				}
			}
		}
	}
}
