package mqttsn_test

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// listener is another client of the broker, which never sleeps.
type listener struct {
	h       *house
	session *broker.Session
	wake    chan struct{}
	in      chan heard
}

type heard struct {
	Topic, Payload string
	QoS            byte
	Retain         bool
}

func (l *listener) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *listener) Cut(mqtt.ReasonCode) {}

// listen subscribes to filters, beside the door.
func (h *house) listen(filters ...string) *listener {
	h.t.Helper()
	l := &listener{h: h, wake: make(chan struct{}, 1), in: make(chan heard, 65536)}
	ctx, cancel := context.WithCancel(context.Background())
	s, _, err := h.broker.Connect(ctx, broker.Connect{
		Client:     &broker.Client{ID: "listener" + roost.NewID(), Version: mqtt.V311, Protocol: roost.MQTT},
		Peer:       l,
		CleanStart: true,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	l.session = s
	for _, f := range append(filters, "fence") {
		if code := s.Subscribe(ctx, []mqtt.Subscription{{Filter: f, QoS: 2}}, 0)[0]; code.Failed() {
			h.t.Fatalf("subscribe to %s: %v", f, code)
		}
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		l.run(ctx)
	}()
	h.t.Cleanup(func() {
		cancel()
		<-over
		s.End(context.Background(), broker.End{How: broker.Clean})
	})
	return l
}

func (l *listener) run(ctx context.Context) {
	for {
		list, more := l.session.Take(nil, 1<<20)
		for _, d := range list {
			l.take(d)
		}
		if more || len(list) > 0 {
			continue
		}
		select {
		case <-l.wake:
		case <-ctx.Done():
			return
		}
	}
}

func (l *listener) take(d broker.Delivery) {
	if d.Type == mqtt.TypePubrel {
		l.session.Completed(d.ID)
		return
	}
	l.in <- heard{d.Message.Topic, string(d.Message.Payload), d.QoS, d.Retain}
	switch d.QoS {
	case 1:
		l.session.Acked(d.ID, mqtt.Success)
	case 2:
		l.session.Received(d.ID, mqtt.Success)
	}
}

// want waits for a message that must be this one.
func (l *listener) want(topic, payload string, qos byte) {
	l.h.t.Helper()
	wait := 20 * time.Second
	if l.h.calm != nil {
		wait = 100 * time.Hour
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case m := <-l.in:
		if m.Topic != topic || m.Payload != payload || m.QoS != qos {
			l.h.t.Fatalf("heard %+v, want %q on %s with QoS %d", m, payload, topic, qos)
		}
	case <-timer.C:
		l.h.t.Fatalf("%s did not get %q", topic, payload)
	}
}

// none checks that nothing is left to hear: with UDP, a message of the test's own is
// the next thing.
func (l *listener) none() {
	l.h.t.Helper()
	if l.h.calm != nil {
		l.h.calm()
		select {
		case m := <-l.in:
			l.h.t.Errorf("heard %+v", m)
		default:
		}
		return
	}
	l.h.publish("fence", "f", 0)
	l.want("fence", "f", 0)
}
