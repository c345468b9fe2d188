package mqttsn_test

import (
	"context"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/gateway/mqttsn"
	wire "github.com/roost-iot/roost/wire/mqttsn"
)

// house is a door over a broker, and a way to it: UDP, or the air of a synctest
// bubble, where time costs nothing.
type house struct {
	t      testing.TB
	broker *broker.Broker
	door   *mqttsn.Door
	meet   func() (send func([]byte), in <-chan []byte)
	stop   func()
	calm   func() // waits until nothing is under way; nil with UDP
}

// start opens a house on UDP.
func start(t testing.TB, cfg mqttsn.Config) *house {
	t.Helper()
	sockets, err := mqttsn.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Conns = mqttsn.Conns(sockets)
	h := run(t, cfg)
	t.Cleanup(func() {
		h.stop()
		_ = sockets.Close()
	})
	to := sockets.LocalAddr().(*net.UDPAddr)
	h.meet = func() (func([]byte), <-chan []byte) { return dial(t, to) }
	return h
}

// dial makes a node with a UDP socket.
func dial(t testing.TB, to *net.UDPAddr) (send func([]byte), in <-chan []byte) {
	t.Helper()
	c, err := net.DialUDP("udp", nil, to)
	if err != nil {
		t.Fatal(err)
	}
	frames := make(chan []byte, 4096)
	over := make(chan struct{})
	go func() {
		defer close(over)
		buf := make([]byte, 65536)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			frames <- append([]byte(nil), buf[:n]...)
		}
	}()
	t.Cleanup(func() {
		_ = c.Close()
		<-over
	})
	return func(b []byte) {
		if _, err := c.Write(b); err != nil {
			t.Errorf("send: %v", err)
		}
	}, frames
}

// bubble opens a house in a synctest bubble.
func bubble(t *testing.T, cfg mqttsn.Config) (*house, *air) {
	t.Helper()
	a := newAir()
	cfg.Conns = []mqttsn.Conn{a}
	h := run(t, cfg)
	t.Cleanup(h.stop)
	h.meet = a.meet
	h.calm = synctest.Wait
	return h, a
}

func run(t testing.TB, cfg mqttsn.Config) *house {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	if cfg.Broker == nil {
		cfg.Broker = broker.New(broker.Config{})
	}
	h := &house{t: t, broker: cfg.Broker, door: mqttsn.New(cfg)}
	var work sync.WaitGroup
	work.Go(func() { _ = h.broker.Run(ctx) })
	work.Go(func() {
		if err := h.door.Run(ctx); err != nil {
			t.Errorf("door: %v", err)
		}
	})
	h.stop = sync.OnceFunc(func() {
		cancel()
		work.Wait()
	})
	return h
}

// air is a network in memory. mangle may lose, repeat and delay what is sent.
type air struct {
	mu     sync.Mutex
	inward chan datagram
	nodes  map[netip.AddrPort]chan []byte
	over   chan struct{}
	end    func()
	mangle func(deliver func())
}

type datagram struct {
	from netip.AddrPort
	b    []byte
}

func newAir() *air {
	a := &air{inward: make(chan datagram, 65536), nodes: map[netip.AddrPort]chan []byte{}, over: make(chan struct{})}
	a.end = sync.OnceFunc(func() { close(a.over) })
	a.mangle = func(deliver func()) { deliver() }
	return a
}

// meet makes a node with an address of its own.
func (a *air) meet() (send func([]byte), in <-chan []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := len(a.nodes)
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)}), 1883)
	frames := make(chan []byte, 4096)
	a.nodes[at] = frames
	return func(b []byte) {
		b = append([]byte(nil), b...)
		a.mangle(func() {
			select {
			case a.inward <- datagram{at, b}:
			default:
			}
		})
	}, frames
}

func (a *air) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-a.inward:
		return copy(b, d.b), d.from, nil
	case <-a.over:
		return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
	}
}

func (a *air) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	a.mu.Lock()
	frames := a.nodes[to]
	a.mu.Unlock()
	whole := append([]byte(nil), b...)
	a.mangle(func() {
		select {
		case frames <- whole:
		default:
		}
	})
	return len(b), nil
}

func (a *air) SetReadDeadline(time.Time) error {
	a.end()
	return nil
}

// node is an MQTT-SN client that does what the test says.
type node struct {
	h    *house
	send func([]byte)
	in   <-chan []byte
	wrap []byte // node id behind a forwarder
}

func (h *house) node() *node {
	send, in := h.meet()
	return &node{h: h, send: send, in: in}
}

// connected makes a node with a clean session.
func (h *house) connected(id string) *node {
	h.t.Helper()
	n := h.node()
	n.connect(wire.Connect{Clean: true, Duration: 360, ClientID: id})
	return n
}

func (n *node) connect(c wire.Connect) {
	n.h.t.Helper()
	n.ask(c, wire.Connack{})
}

// say sends a frame.
func (n *node) say(m wire.Message) {
	n.h.t.Helper()
	b, err := m.Append(nil)
	if err != nil {
		n.h.t.Fatal(err)
	}
	if n.wrap != nil {
		b, _ = wire.Encapsulated{Node: n.wrap, Message: b}.Append(nil)
	}
	n.send(b)
}

// hear waits for a frame.
func (n *node) hear() wire.Message {
	n.h.t.Helper()
	m, err := wire.Parse(n.bytes())
	if err != nil {
		n.h.t.Fatalf("door sent nonsense: %v", err)
	}
	if e, ok := m.(wire.Encapsulated); ok && n.wrap != nil {
		if string(e.Node) != string(n.wrap) {
			n.h.t.Fatalf("frame for wireless node %X came to %X", e.Node, n.wrap)
		}
		if m, err = wire.Parse(e.Message); err != nil {
			n.h.t.Fatal(err)
		}
	}
	return m
}

func (n *node) bytes() []byte {
	n.h.t.Helper()
	wait := 20 * time.Second
	if n.h.calm != nil {
		wait = 100 * time.Hour
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case b := <-n.in:
		return b
	case <-timer.C:
		n.h.t.Fatal("nothing came from the door")
		return nil
	}
}

// want waits for a frame that must be this one.
func (n *node) want(m wire.Message) {
	n.h.t.Helper()
	if d := cmp.Diff(m, n.hear(), cmpopts.EquateEmpty()); d != "" {
		n.h.t.Fatalf("door said another thing (-want +got):\n%s", d)
	}
}

// ask sends a frame and waits for its answer.
func (n *node) ask(m, answer wire.Message) {
	n.h.t.Helper()
	n.say(m)
	n.want(answer)
}

// raw sends bytes and wants bytes, both in hexadecimal; no answer wanted: "".
func (n *node) raw(frame, answer string) {
	n.h.t.Helper()
	n.send(unhex(n.h.t, frame))
	if answer == "" {
		return
	}
	if got := hex.EncodeToString(n.bytes()); got != hex.EncodeToString(unhex(n.h.t, answer)) {
		n.h.t.Fatalf("%s was answered %s, want %s", frame, got, answer)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// silent checks that nothing came and nothing will for what was said so far: the
// answer to a SEARCHGW is the next thing.
func (n *node) silent() {
	n.h.t.Helper()
	n.ask(wire.SearchGW{}, wire.GWInfo{})
}

// register agrees on a topic.
func (n *node) register(name string) (id uint16) {
	n.h.t.Helper()
	n.say(wire.Register{MsgID: 0x7777, Name: name})
	m, ok := n.hear().(wire.Regack)
	if !ok || m.Code != wire.Accepted || m.TopicID == 0 || m.MsgID != 0x7777 {
		n.h.t.Fatalf("REGISTER of %s was answered %+v", name, m)
	}
	return m.TopicID
}

// subscribe subscribes by name and gives the topic id.
func (n *node) subscribe(filter string, qos wire.QoS) (id uint16) {
	n.h.t.Helper()
	n.say(wire.Subscribe{QoS: qos, MsgID: 0x7778, Topic: wire.Topic{Name: filter}})
	m, ok := n.hear().(wire.Suback)
	if !ok || m.Code != wire.Accepted || m.QoS != qos || m.MsgID != 0x7778 {
		n.h.t.Fatalf("SUBSCRIBE to %s was answered %+v", filter, m)
	}
	return m.TopicID
}

func (h *house) publish(topic, payload string, qos byte) {
	h.broker.Publish(&broker.Message{Topic: topic, Payload: []byte(payload), QoS: qos})
}

// until waits for something that comes by itself.
func (h *house) until(what string, is func() bool) {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(end) {
			h.t.Fatalf("not so: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
