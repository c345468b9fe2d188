package bench

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/roost-iot/roost/wire/mqtt"
)

// fakeMQTT is a small MQTT broker: filters are topics, or end with /#.
type fakeMQTT struct {
	at string
	l  net.Listener

	mu     sync.Mutex
	conns  map[*fakeClient]struct{}
	lose   int // of so many deliveries one is lost; 0: none
	repeat int // of so many one comes twice
	hear   func(topic string, payload []byte)
	count  int
	work   sync.WaitGroup
}

type fakeClient struct {
	net.Conn
	filter string
	qos    byte
	next   uint16
}

func newFakeMQTT(t *testing.T, at string) *fakeMQTT {
	t.Helper()
	f, err := startFakeMQTT(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	return f
}

func startFakeMQTT(at string) (*fakeMQTT, error) {
	l, err := net.Listen("tcp4", at)
	if err != nil {
		return nil, err
	}
	f := &fakeMQTT{at: l.Addr().String(), l: l, conns: map[*fakeClient]struct{}{}}
	f.work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c := &fakeClient{Conn: conn}
			f.mu.Lock()
			f.conns[c] = struct{}{}
			f.mu.Unlock()
			f.work.Go(func() { f.serve(c) })
		}
	})
	return f, nil
}

func (f *fakeMQTT) close() {
	_ = f.l.Close()
	f.mu.Lock()
	for c := range f.conns {
		_ = c.Close()
	}
	f.mu.Unlock()
	f.work.Wait()
}

func (f *fakeMQTT) serve(c *fakeClient) {
	defer func() {
		f.mu.Lock()
		delete(f.conns, c)
		f.mu.Unlock()
		_ = c.Close()
	}()
	in := bufio.NewReader(c)
	for {
		p, err := mqtt.Read(in, mqtt.V311, 1<<20)
		if err != nil {
			return
		}
		f.take(c, p)
	}
}

func (f *fakeMQTT) take(c *fakeClient, p mqtt.Packet) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var answer []byte
	switch p := p.(type) {
	case *mqtt.Connect:
		code := mqtt.Success
		if p.UserName == "nobody" {
			code = mqtt.NotAuthorized
		}
		answer = (&mqtt.Connack{Code: code}).Append(nil, mqtt.V311)
	case *mqtt.Subscribe:
		c.filter, c.qos = p.Subscriptions[0].Filter, p.Subscriptions[0].QoS
		answer = (&mqtt.Suback{ID: p.ID, Codes: []mqtt.ReasonCode{mqtt.ReasonCode(c.qos)}}).Append(nil, mqtt.V311)
	case *mqtt.Publish:
		f.route(p)
		if p.QoS == 1 {
			answer = mqtt.AppendAck(nil, mqtt.V311, mqtt.TypePuback, p.ID, mqtt.Success)
		}
	}
	_, _ = c.Write(answer)
}

// route writes a message to every subscriber; the caller holds f.mu.
func (f *fakeMQTT) route(p *mqtt.Publish) {
	if f.hear != nil {
		f.hear(p.Topic, p.Payload)
	}
	for s := range f.conns {
		part, all := strings.CutSuffix(s.filter, "#")
		if s.filter == "" || p.Topic != s.filter && (!all || !strings.HasPrefix(p.Topic, part)) {
			continue
		}
		f.count++
		m := mqtt.Publish{Topic: p.Topic, Payload: p.Payload, QoS: min(s.qos, p.QoS)}
		if m.QoS > 0 {
			s.next = s.next%60000 + 1
			m.ID = s.next
		}
		b := m.Append(nil, mqtt.V311)
		switch {
		case f.lose > 0 && f.count%f.lose == 0:
			continue
		case f.repeat > 0 && f.count%f.repeat == 0:
			b = append(b, b...)
		}
		_, _ = s.Write(b)
	}
}
