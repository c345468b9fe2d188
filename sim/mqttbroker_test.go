package sim_test

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// mqttBroker is a broker that writes down what it is told. Filters are topics.
type mqttBroker struct {
	addr string
	said chan mqtt.Publish

	mu      sync.Mutex
	clients map[*mqttPeer]struct{}
	shut    bool // takes nobody
	work    sync.WaitGroup
}

// mqttPeer is a client at the broker's end.
type mqttPeer struct {
	net.Conn
	hello   *mqtt.Connect
	filters []mqtt.Subscription
}

func startMQTT(t *testing.T) *mqttBroker {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &mqttBroker{addr: l.Addr().String(), said: make(chan mqtt.Publish, 1<<12), clients: map[*mqttPeer]struct{}{}}
	b.work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p := &mqttPeer{Conn: conn}
			b.mu.Lock()
			if b.shut {
				_ = conn.Close()
			}
			b.clients[p] = struct{}{}
			b.mu.Unlock()
			b.work.Go(func() { b.serve(p) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		b.close(true)
		b.work.Wait()
	})
	return b
}

// close ends every connection; shut: nobody is taken from now on.
func (b *mqttBroker) close(shut bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shut = shut
	for p := range b.clients {
		_ = p.Close()
	}
}

func (b *mqttBroker) open() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shut = false
}

func (b *mqttBroker) serve(p *mqttPeer) {
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.clients, p)
		_ = p.Close()
	}()
	version := mqtt.V5
	for in := bufio.NewReader(p); ; {
		packet, err := mqtt.Read(in, version, 1<<20)
		if err != nil {
			return
		}
		if c, ok := packet.(*mqtt.Connect); ok {
			version = c.Version
		}
		b.take(p, packet, version)
	}
}

func (b *mqttBroker) take(p *mqttPeer, packet mqtt.Packet, version mqtt.Version) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var answer []byte
	switch m := packet.(type) {
	case *mqtt.Connect:
		p.hello = m
		answer = (&mqtt.Connack{}).Append(nil, version)
	case *mqtt.Subscribe:
		p.filters = append(p.filters, m.Subscriptions...)
		codes := make([]mqtt.ReasonCode, len(m.Subscriptions))
		for i, s := range m.Subscriptions {
			codes[i] = mqtt.ReasonCode(s.QoS)
		}
		answer = (&mqtt.Suback{ID: m.ID, Codes: codes}).Append(nil, version)
	case *mqtt.Publish:
		if m.QoS == 1 {
			answer = mqtt.AppendAck(nil, version, mqtt.TypePuback, m.ID, mqtt.Success)
		}
		said := mqtt.Publish{Topic: strings.Clone(m.Topic), QoS: m.QoS, Retain: m.Retain, Payload: append([]byte(nil), m.Payload...)}
		select {
		case b.said <- said:
		default:
		}
	}
	_, _ = p.Write(answer)
}

// tell publishes to whoever has subscribed; it waits until somebody has.
func (b *mqttBroker) tell(t *testing.T, topic, payload string) {
	t.Helper()
	eventually(t, "somebody subscribes to "+topic, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		heard := false
		for p := range b.clients {
			for _, s := range p.filters {
				if s.Filter == topic {
					m := mqtt.Publish{Topic: topic, QoS: min(s.QoS, 1), Payload: []byte(payload)}
					if m.QoS > 0 {
						m.ID = 7
					}
					_, _ = p.Write(m.Append(nil, p.hello.Version))
					heard = true
				}
			}
		}
		return heard
	})
}

// next waits for a message on that topic.
func (b *mqttBroker) next(t *testing.T, topic string) mqtt.Publish {
	t.Helper()
	for {
		if m := b.any(t); m.Topic == topic {
			return m
		}
	}
}

// any waits for a message.
func (b *mqttBroker) any(t *testing.T) mqtt.Publish {
	t.Helper()
	select {
	case m := <-b.said:
		return m
	case <-time.After(patience):
		t.Fatal("nothing came")
		return mqtt.Publish{}
	}
}

// hello is how the only client connected.
func (b *mqttBroker) hello(t *testing.T) (c mqtt.Connect, filters []string) {
	t.Helper()
	eventually(t, "a client is subscribed", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		for p := range b.clients {
			if p.hello != nil && len(p.filters) > 0 {
				c = *p.hello
				for _, s := range p.filters {
					filters = append(filters, s.Filter)
				}
				return true
			}
		}
		return false
	})
	return c, filters
}
