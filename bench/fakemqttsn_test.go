package bench

import (
	"net"
	"net/netip"
	"strings"
	"sync"

	"github.com/roost-iot/roost/wire/mqttsn"
)

// fakeSN is a small MQTT-SN gateway whose clients sleep.
type fakeSN struct {
	at   string
	conn *net.UDPConn
	done chan struct{}

	mu      sync.Mutex
	clients map[string]*fakeSleeper // by topic
	byAddr  map[netip.AddrPort]*fakeSleeper
	deaf    int // of so many PINGREQs one is not answered
	pings   int
	lose    bool // what comes for sleepers is lost
}

type fakeSleeper struct {
	waiting [][]byte
}

func startFakeSN(at string) (*fakeSN, error) {
	addr, err := net.ResolveUDPAddr("udp4", at)
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp4", addr)
	if err != nil {
		return nil, err
	}
	f := &fakeSN{
		at: conn.LocalAddr().String(), conn: conn, done: make(chan struct{}),
		clients: map[string]*fakeSleeper{}, byAddr: map[netip.AddrPort]*fakeSleeper{},
	}
	go f.serve()
	return f, nil
}

func (f *fakeSN) close() {
	_ = f.conn.Close()
	<-f.done
}

// hear keeps a message for the client that subscribed to its topic.
func (f *fakeSN) hear(topic string, payload []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.clients[topic]; c != nil && !f.lose {
		c.waiting = append(c.waiting, append([]byte(nil), payload...))
	}
}

func (f *fakeSN) serve() {
	defer close(f.done)
	b := make([]byte, 2048)
	for {
		n, from, err := f.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		m, err := mqttsn.Parse(b[:n])
		if err != nil {
			continue
		}
		for _, a := range f.answer(from, m) {
			out, err := a.Append(nil)
			if err == nil {
				_, _ = f.conn.WriteToUDPAddrPort(out, from)
			}
		}
	}
}

func (f *fakeSN) answer(from netip.AddrPort, m mqttsn.Message) []mqttsn.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch m := m.(type) {
	case mqttsn.Connect:
		f.byAddr[from] = &fakeSleeper{}
		if strings.HasPrefix(m.ClientID, "nobody") {
			return []mqttsn.Message{mqttsn.Connack{Code: 3}}
		}
		return []mqttsn.Message{mqttsn.Connack{}}
	case mqttsn.Subscribe:
		f.clients[m.Topic.Name] = f.byAddr[from]
		return []mqttsn.Message{mqttsn.Suback{QoS: m.QoS, TopicID: 7, MsgID: m.MsgID}}
	case mqttsn.Disconnect:
		return []mqttsn.Message{mqttsn.Disconnect{}}
	case mqttsn.Pingreq:
		if f.pings++; f.deaf > 0 && f.pings%f.deaf == 0 {
			return nil
		}
		var all []mqttsn.Message
		if c := f.byAddr[from]; c != nil {
			for i, w := range c.waiting {
				all = append(all, mqttsn.Publish{QoS: 1, Topic: 7, MsgID: uint16(i + 1), Data: w})
			}
			c.waiting = nil
		}
		return append(all, mqttsn.Pingresp{})
	}
	return nil
}
