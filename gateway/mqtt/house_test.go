package mqtt

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/gateway/mqttclient"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is the door with the real rooms behind it, over a real store.
type house struct {
	t *testing.T
	*roomtest.Rooms
	door *Door
	stop func()
}

// build opens a house; change may set up the door's configuration.
func build(t *testing.T, enrolment string, change func(*Config)) *house {
	t.Helper()
	return furnish(t, roomtest.Open(t, roomtest.Config{Registry: registry.Config{Enrolment: enrolment}}), change)
}

// furnish puts a door before rooms.
func furnish(t *testing.T, rooms *roomtest.Rooms, change func(*Config)) *house {
	t.Helper()
	h := &house{t: t, Rooms: rooms}
	c := Config{
		Core: rooms.Switchboard, Feed: rooms.Feed, Fleet: rooms.Registry, Submit: rooms.Commands.Submit,
		Log: slog.New(slog.DiscardHandler),
	}
	if os.Getenv("ROOST_TEST_LOG") != "" {
		c.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if change != nil {
		change(&c)
	}
	h.door = New(c)
	if err := h.door.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { h.door.Run(ctx) })
	h.stop = sync.OnceFunc(func() {
		cancel()
		work.Wait()
	})
	t.Cleanup(h.stop)
	return h
}

func home(id string) roost.Ref { return roost.Ref{Project: roost.Home, Thing: roost.ThingID(id)} }

// has waits until a resource of a thing has a value.
func (h *house) has(thing, resource, value string) {
	h.t.Helper()
	roomtest.Eventually(h.t, thing+" has "+resource+" = "+value, func() bool { return h.value(thing, resource) == value })
}

// value is the last value of a resource, "" if there is none.
func (h *house) value(thing, resource string) string {
	_, rs, _ := h.Registry.Get(home(thing))
	for _, r := range rs {
		if r.Name == resource {
			return string(r.Value)
		}
	}
	return ""
}

func (h *house) online(thing string) bool {
	t, _, ok := h.Registry.Get(home(thing))
	return ok && t.Online
}

// command submits a set or, without a resource, a refresh.
func (h *house) command(thing, resource, value string) roost.Command {
	h.t.Helper()
	q := command.Request{Ref: home(thing), Resource: resource, Value: roost.Value(value), By: "ada"}
	if resource == "" {
		q.Kind = roost.Refresh
	}
	c, err := h.Commands.Submit(h.t.Context(), q)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// state waits until a command stands so.
func (h *house) state(c roost.Command, want roost.CommandState) roost.Command {
	h.t.Helper()
	var got roost.Command
	roomtest.Eventually(h.t, "command "+c.Resource+" is "+string(want), func() bool {
		got, _ = h.Commands.Find(h.t.Context(), c.Project, c.ID)
		return got.State == want
	})
	return got
}

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
		in: make(chan got, 10_000), done: make(chan struct{}),
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
	for range i.wake {
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
		close(i.wake)
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
