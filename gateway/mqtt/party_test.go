package mqtt

import (
	"context"
	"sync"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/gateway/mqttclient"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

// got is a message that a party received.
type got struct {
	topic, payload string
	retain         bool
	qos            byte
	props          wire.PublishProps
}

// party is somebody who speaks MQTT to the broker in the house or to the one outside.
type party interface {
	// say publishes and gives the broker's word on it.
	say(topic, payload string, change ...func(*wire.Publish)) wire.ReasonCode
	// hear subscribes and gives the broker's word on it.
	hear(filter string) wire.ReasonCode
	// next waits for a message, and fails when none comes.
	next() got
	// idle tells that nothing has come; it is good only after something that would have come later.
	idle() bool
	// end leaves, with or without a goodbye.
	end(how broker.Gone)
}

// want skips messages up to one on topic with payload.
func want(t *testing.T, p party, topic, payload string) got {
	t.Helper()
	for {
		if m := p.next(); m.topic == topic && m.payload == payload {
			return m
		}
	}
}

// everywhere runs a test with the broker in the house and with one outside.
func everywhere(t *testing.T, enrolment string, test func(t *testing.T, h *house, join func(id string) party)) {
	t.Run("inside", func(t *testing.T) {
		h := build(t, enrolment, nil)
		test(t, h, func(id string) party { return h.join(id, wire.V311, nil) })
	})
	t.Run("outside", func(t *testing.T) {
		m := startMosquitto(t)
		h := m.serve(func() *house { return build(t, enrolment, func(c *Config) { c.Outside = m.address() }) })
		test(t, h, func(id string) party { return m.join(id) })
	})
}

// inner is a client of the broker in the house, without sockets.
type inner struct {
	h       *house
	session *broker.Session
	wake    chan struct{}
	cut     chan wire.ReasonCode
	in      chan got
	over    chan struct{}
	done    chan struct{}
	stop    sync.Once
	id      uint16
}

// join connects a client; change may set up the connection.
func (h *house) join(id string, v wire.Version, change func(*broker.Connect, *Login)) *inner {
	h.t.Helper()
	i, code := h.try(id, v, change)
	if code.Failed() {
		h.t.Fatalf("%s is not let in: %v", id, code)
	}
	return i
}

func (h *house) try(id string, v wire.Version, change func(*broker.Connect, *Login)) (*inner, wire.ReasonCode) {
	h.t.Helper()
	i := &inner{
		h: h, wake: make(chan struct{}, 1), cut: make(chan wire.ReasonCode, 1),
		in: make(chan got, 10_000), over: make(chan struct{}), done: make(chan struct{}),
	}
	l := Login{Remote: "192.0.2.1:1000"}
	c := broker.Connect{Peer: i, CleanStart: true, Client: &broker.Client{Version: v, Protocol: roost.MQTT}}
	if change != nil {
		change(&c, &l)
	}
	guest, code := h.door.Admit(h.t.Context(), l)
	if code.Failed() {
		return nil, code
	}
	client := *c.Client
	client.ID, client.Remote, client.Guest = SessionID(guest, id), l.Remote, guest
	c.Client = &client
	s, _, err := h.door.Broker().Connect(h.t.Context(), c)
	if err != nil {
		h.t.Fatal(err)
	}
	i.session = s
	go i.write()
	h.t.Cleanup(func() { i.end(broker.Lost) })
	return i, wire.Success
}

func (i *inner) Wake() {
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

func (i *inner) Cut(code wire.ReasonCode) {
	select {
	case i.cut <- code:
	default:
	}
}

// write takes what is for the client, and acknowledges it.
func (i *inner) write() {
	defer close(i.done)
	for {
		select {
		case <-i.wake:
		case <-i.over:
			return
		}
		for more := true; more; {
			var out []broker.Delivery
			out, more = i.session.Take(nil, 1<<20)
			for _, d := range out {
				if d.Type != wire.TypePublish {
					continue
				}
				m := got{topic: d.Message.Topic, payload: string(d.Message.Payload), retain: d.Retain, qos: d.QoS}
				if d.Message.Props != nil {
					m.props = *d.Message.Props
				}
				i.in <- m
				if d.QoS == 1 {
					i.session.Acked(d.ID, wire.Success)
				}
			}
		}
	}
}

func (i *inner) end(how broker.Gone) {
	i.stop.Do(func() {
		i.session.End(context.Background(), broker.End{How: how})
		close(i.over) // a waking may still come
		<-i.done
	})
}

func (i *inner) say(topic, payload string, change ...func(*wire.Publish)) wire.ReasonCode {
	i.h.t.Helper()
	p := broker.Publication{Publish: wire.Publish{Topic: topic, Payload: []byte(payload), QoS: 1}}
	for _, f := range change {
		f(&p.Publish)
	}
	if i.id++; p.QoS > 0 {
		p.ID = i.id
	}
	pubs := []broker.Publication{p}
	if err := i.session.Publish(i.h.t.Context(), pubs); err != nil {
		i.h.t.Fatalf("publish on %s: %v", topic, err)
	}
	return pubs[0].Reason
}

func (i *inner) hear(filter string) wire.ReasonCode {
	i.h.t.Helper()
	return i.session.Subscribe(i.h.t.Context(), []wire.Subscription{{Filter: filter, QoS: 1}}, 0)[0]
}

func (i *inner) next() got {
	i.h.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	select {
	case m := <-i.in:
		return m
	case <-ctx.Done():
		i.h.t.Fatal("no message came")
	}
	return got{}
}

func (i *inner) idle() bool { return len(i.in) == 0 }

// outer is a client of a broker outside.
type outer struct {
	t      *testing.T
	client *mqttclient.Client
	in     chan got
	stop   func()
}

func (o *outer) say(topic, payload string, change ...func(*wire.Publish)) wire.ReasonCode {
	o.t.Helper()
	p := &wire.Publish{Topic: topic, Payload: []byte(payload), QoS: 1}
	for _, f := range change {
		f(p)
	}
	ctx, stop := roomtest.Soon()
	defer stop()
	if err := o.client.Publish(ctx, p); err != nil {
		o.t.Fatalf("publish on %s: %v", topic, err)
	}
	return wire.Success
}

func (o *outer) hear(filter string) wire.ReasonCode {
	o.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	codes, err := o.client.Subscribe(ctx, wire.Subscription{Filter: filter, QoS: 1})
	if err != nil {
		o.t.Fatalf("subscribe to %s: %v", filter, err)
	}
	return codes[0]
}

func (o *outer) next() got {
	o.t.Helper()
	ctx, stop := roomtest.Soon()
	defer stop()
	select {
	case m := <-o.in:
		return m
	case <-ctx.Done():
		o.t.Fatal("no message came")
	}
	return got{}
}

func (o *outer) idle() bool { return len(o.in) == 0 }

func (o *outer) end(how broker.Gone) {
	if how == broker.Lost {
		o.client.Drop()
	}
	o.stop()
}
