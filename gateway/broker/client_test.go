package broker_test

import (
	"sync"
	"testing"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// peer counts what the broker tells a transport.
type peer struct {
	mu    sync.Mutex
	wakes int
	cuts  []mqtt.ReasonCode
	woken chan struct{}
}

func newPeer() *peer { return &peer{woken: make(chan struct{}, 1)} }

func (p *peer) Wake() {
	p.mu.Lock()
	p.wakes++
	p.mu.Unlock()
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

func (p *peer) Cut(code mqtt.ReasonCode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cuts = append(p.cuts, code)
}

func (p *peer) wasCut() []mqtt.ReasonCode {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]mqtt.ReasonCode(nil), p.cuts...)
}

func (p *peer) wakings() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wakes
}

// client is one connection of a test.
type client struct {
	*broker.Session
	*peer
	t       testing.TB
	present bool
	v       mqtt.Version
}

type option func(*broker.Connect)

func keep(seconds uint32) option {
	return func(c *broker.Connect) { c.Expiry, c.CleanStart = seconds, false }
}
func clean(c *broker.Connect)   { c.CleanStart = true }
func v311(c *broker.Connect)    { c.Client.Version = mqtt.V311 }
func window(n uint16) option    { return func(c *broker.Connect) { c.ReceiveMaximum = n } }
func maxPacket(n uint32) option { return func(c *broker.Connect) { c.MaxPacket = n } }
func will(w mqtt.Will) option   { return func(c *broker.Connect) { c.Will = &w } }
func guest(g any) option        { return func(c *broker.Connect) { c.Client.Guest = g } }

// connect attaches a client with MQTT 5, without expiry unless it is told.
func connect(t testing.TB, b *broker.Broker, id string, options ...option) *client {
	t.Helper()
	p := newPeer()
	c := broker.Connect{Client: &broker.Client{ID: id, Version: mqtt.V5}, Peer: p}
	for _, o := range options {
		o(&c)
	}
	s, present, err := b.Connect(t.Context(), c)
	if err != nil {
		t.Fatalf("connect %s: %v", id, err)
	}
	return &client{Session: s, peer: p, t: t, present: present, v: c.Client.Version}
}

func (c *client) subscribe(filter string, qos byte, change ...func(*mqtt.Subscription)) *client {
	c.t.Helper()
	s := mqtt.Subscription{Filter: filter, QoS: qos}
	for _, f := range change {
		f(&s)
	}
	if codes := c.Subscribe(c.t.Context(), []mqtt.Subscription{s}, 0); codes[0].Failed() {
		c.t.Fatalf("subscribe %s: %v", filter, codes)
	}
	return c
}

func (c *client) publish(topic, payload string, qos byte, change ...func(*mqtt.Publish)) mqtt.ReasonCode {
	c.t.Helper()
	p := broker.Publication{Publish: mqtt.Publish{Topic: topic, Payload: []byte(payload), QoS: qos, ID: uint16(qos)}}
	for _, f := range change {
		f(&p.Publish)
	}
	pubs := []broker.Publication{p}
	if err := c.Publish(c.t.Context(), pubs); err != nil {
		c.t.Fatalf("publish %s: %v", topic, err)
	}
	if qos == 2 && !pubs[0].Reason.Failed() && p.ID == 2 {
		c.Release(p.ID)
	}
	return pubs[0].Reason
}

func retained(p *mqtt.Publish) { p.Retain = true }

func expiring(seconds uint32) func(*mqtt.Publish) {
	return func(p *mqtt.Publish) { p.Props.Expiry, p.Props.HasExpiry = seconds, true }
}

// take gives all that may be sent now.
func (c *client) take() (all []broker.Delivery) {
	for more := true; more; {
		all, more = c.Take(all, 1<<20)
	}
	return all
}

// payloads gives those of the messages that may be sent now, and acknowledges them.
func (c *client) payloads() (all []string) {
	for {
		row := c.take()
		if len(row) == 0 {
			return all
		}
		for _, d := range row {
			if d.Type == mqtt.TypePubrel {
				c.Completed(d.ID)
				continue
			}
			all = append(all, string(d.Message.Payload))
			c.confirm(d)
		}
	}
}

func (c *client) confirm(d broker.Delivery) {
	switch d.QoS {
	case 1:
		c.Acked(d.ID, mqtt.Success)
	case 2:
		c.Received(d.ID, mqtt.Success)
	}
}

func (c *client) lose() { c.End(c.t.Context(), broker.End{How: broker.Lost}) }

func (c *client) leave() { c.End(c.t.Context(), broker.End{How: broker.Clean}) }

func (c *client) wants(what string, want ...string) {
	c.t.Helper()
	got := c.payloads()
	if len(got) != len(want) {
		c.t.Errorf("%s: got %q, want %q", what, got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			c.t.Errorf("%s: got %q, want %q", what, got, want)
			return
		}
	}
}
