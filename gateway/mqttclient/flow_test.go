package mqttclient

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/roost-iot/roost/wire/mqtt"
)

func publish(c *Client, qos byte, payload string) <-chan error {
	done := make(chan error, 1)
	if err := c.Enqueue(&mqtt.Publish{Topic: "t", QoS: qos, Payload: []byte(payload)}, func(err error) { done <- err }); err != nil {
		done <- err
	}
	return done
}

func TestUnacknowledgedMessagesAreSentAgainInOrder(t *testing.T) {
	for _, present := range []bool{true, false} {
		t.Run(fmt.Sprint("session present ", present), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, stop := onPipes(t, Options{SessionExpiry: 100})
				early := publish(c, 1, "0") // before there is a connection
				p := s.admit(mqtt.Connack{})
				first := expect[*mqtt.Publish](p)
				waits := []<-chan error{early}
				for i := 1; i < 4; i++ {
					waits = append(waits, publish(c, byte(1+i%2), fmt.Sprint(i)))
				}
				var ids []uint16
				for range 3 {
					ids = append(ids, expect[*mqtt.Publish](p).ID)
				}
				p.say(&mqtt.Ack{Type: mqtt.TypePuback, ID: first.ID}, &mqtt.Ack{Type: mqtt.TypePubrec, ID: ids[0]})
				expect[*mqtt.Ack](p) // PUBREL, never answered
				if err := <-early; err != nil {
					t.Error(err)
				}
				_ = p.conn.Close()

				p = s.admit(mqtt.Connack{SessionPresent: present})
				if rel := expect[*mqtt.Ack](p); rel.Type != mqtt.TypePubrel || rel.ID != ids[0] {
					t.Errorf("%+v", rel)
				}
				for i, want := range []string{"2", "3"} {
					got := expect[*mqtt.Publish](p)
					if string(got.Payload) != want || got.Dup != present || got.ID != ids[i+1] {
						t.Errorf("%+v", got)
					}
				}
				p.say(&mqtt.Ack{Type: mqtt.TypePubcomp, ID: ids[0], Code: mqtt.PacketIDNotFound},
					&mqtt.Ack{Type: mqtt.TypePuback, ID: ids[1]}, &mqtt.Ack{Type: mqtt.TypePubrec, ID: ids[2]})
				expect[*mqtt.Ack](p)
				p.say(&mqtt.Ack{Type: mqtt.TypePubcomp, ID: ids[2]})
				for _, w := range waits[1:] {
					if err := <-w; err != nil {
						t.Error(err)
					}
				}
				go p.drain()
				stop()
			})
		})
	}
}

func TestReceiveMaximumAndQueueAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, stop := onPipes(t, Options{Queue: 3})
		p := s.admit(mqtt.Connack{ReceiveMaximum: 2})
		if err := c.Await(soon(t)); err != nil {
			t.Fatal(err)
		}
		var waits []<-chan error
		for i := range 2 {
			waits = append(waits, publish(c, 1, fmt.Sprint(i)))
			expect[*mqtt.Publish](p)
		}
		for i := range 3 {
			waits = append(waits, publish(c, 1, fmt.Sprint(i+2)))
		}
		if err := <-publish(c, 1, "x"); !errors.Is(err, ErrFull) {
			t.Error(err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		p.say(&mqtt.Ack{Type: mqtt.TypePuback, ID: 1})
		if got := expect[*mqtt.Publish](p); string(got.Payload) != "2" {
			t.Errorf("%+v", got)
		}
		// One that nobody waits for any more leaves the queue.
		if err := c.Publish(gone, &mqtt.Publish{Topic: "t", QoS: 1, Payload: []byte("given up")}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		p.say(&mqtt.Ack{Type: mqtt.TypePuback, ID: 2, Code: mqtt.NotAuthorized, Reason: "not yours"})
		for id := uint16(3); id <= 5; id++ {
			if id < 5 {
				if got := expect[*mqtt.Publish](p); string(got.Payload) != fmt.Sprint(id) {
					t.Errorf("%+v", got)
				}
			}
			p.say(&mqtt.Ack{Type: mqtt.TypePuback, ID: id})
		}
		for i, w := range waits {
			err := <-w
			refused, ok := errors.AsType[*mqtt.Error](err)
			if i == 1 && (!ok || refused.Code != mqtt.NotAuthorized || !strings.Contains(refused.What, "not yours")) || i != 1 && err != nil {
				t.Errorf("message %d: %v", i, err)
			}
		}
		go p.drain()
		stop()
	})
}

func TestSubscriptionsAreMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, stop := onPipes(t, Options{SessionExpiry: 100, Subscriptions: []mqtt.Subscription{{Filter: "a", QoS: 1}}})
		p := s.admit(mqtt.Connack{SessionPresent: true}) // from a life before: nobody knows with what
		sub := expect[*mqtt.Subscribe](p)
		if len(sub.Subscriptions) != 1 || sub.Subscriptions[0] != (mqtt.Subscription{Filter: "a", QoS: 1}) {
			t.Errorf("%+v", sub)
		}
		p.say(&mqtt.Suback{ID: sub.ID, Codes: []mqtt.ReasonCode{mqtt.GrantedQoS1}})
		answer := make(chan error, 1)
		go func() {
			_, err := c.Subscribe(soon(t), mqtt.Subscription{Filter: "b"}, mqtt.Subscription{Filter: "c"})
			answer <- err
		}()
		expect[*mqtt.Subscribe](p)
		_ = p.conn.Close() // before the answer
		p = s.admit(mqtt.Connack{SessionPresent: true})
		sub = expect[*mqtt.Subscribe](p)
		if len(sub.Subscriptions) != 2 {
			t.Errorf("%+v", sub)
		}
		p.say(&mqtt.Suback{ID: sub.ID, Codes: []mqtt.ReasonCode{mqtt.GrantedQoS0, mqtt.NotAuthorized}})
		if err := <-answer; err == nil || !strings.Contains(err.Error(), "c") {
			t.Errorf("a refused subscription: %v", err)
		}
		go func() { answer <- c.Unsubscribe(soon(t), "a", "c") }()
		un := expect[*mqtt.Unsubscribe](p)
		if !slices.Equal(un.Filters, []string{"a", "c"}) {
			t.Errorf("%+v", un)
		}
		p.say(&mqtt.Unsuback{ID: un.ID, Codes: []mqtt.ReasonCode{0, 0}})
		if err := <-answer; err != nil {
			t.Error(err)
		}
		_ = p.conn.Close()
		p = s.admit(mqtt.Connack{})
		if sub = expect[*mqtt.Subscribe](p); len(sub.Subscriptions) != 1 || sub.Subscriptions[0].Filter != "b" {
			t.Errorf("%+v", sub)
		}
		go p.drain()
		stop()
	})
}

func TestMessagesArriveInOrderAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		_, s, stop := onPipes(t, Options{SessionExpiry: 9, Handle: func(p *mqtt.Publish) { got = append(got, string(p.Payload)) }})
		p := s.admit(mqtt.Connack{})
		message := func(id uint16, qos byte, payload string) *mqtt.Publish {
			return &mqtt.Publish{Topic: "t", QoS: qos, ID: id, Payload: []byte(payload)}
		}
		p.say(message(0, 0, "a"), message(7, 1, "b"), message(8, 2, "c"), message(8, 2, "c"), message(0, 0, "d"))
		for _, want := range []mqtt.Ack{{Type: mqtt.TypePuback, ID: 7}, {Type: mqtt.TypePubrec, ID: 8}, {Type: mqtt.TypePubrec, ID: 8}} {
			if ack := expect[*mqtt.Ack](p); ack.Type != want.Type || ack.ID != want.ID {
				t.Errorf("%+v, want %+v", ack, want)
			}
		}
		_ = p.conn.Close()
		p = s.admit(mqtt.Connack{SessionPresent: true})
		p.say(message(8, 2, "c"), &mqtt.Ack{Type: mqtt.TypePubrel, ID: 8}, message(8, 2, "e"))
		for _, want := range []mqtt.Type{mqtt.TypePubrec, mqtt.TypePubcomp, mqtt.TypePubrec} {
			if ack := expect[*mqtt.Ack](p); ack.Type != want {
				t.Errorf("%+v, want %v", ack, want)
			}
		}
		go p.drain()
		stop()
		if want := []string{"a", "b", "c", "d", "e"}; !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
}

func TestWhatCannotBeSentIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, stop := onPipes(t, Options{})
		if err := c.Publish(t.Context(), &mqtt.Publish{Topic: "t"}); !errors.Is(err, ErrOffline) {
			t.Error(err)
		}
		p := s.admit(mqtt.Connack{MaxPacket: 100})
		if err := c.Await(soon(t)); err != nil {
			t.Fatal(err)
		}
		large := make([]byte, 100)
		for _, bad := range []mqtt.Publish{{Topic: "a/#"}, {Topic: ""}, {Topic: "t", QoS: 3}, {Topic: "t", Payload: large}, {Topic: "t", QoS: 1, Payload: large}} {
			if err := c.Publish(soon(t), &bad); err == nil {
				t.Errorf("%+v was sent", bad)
			}
		}
		if _, err := c.Subscribe(soon(t), mqtt.Subscription{Filter: "a#"}); err == nil {
			t.Error("a filter that is none was sent")
		}
		go p.drain()
		stop()
	})
}
