package mqttclient

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/roost-iot/roost/internal/leaktest"
	"github.com/roost-iot/roost/wire/mqtt"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// stage is a broker that does what a test says: the test is the broker.
type stage struct {
	t     *testing.T
	conns chan net.Conn
}

// peer is one connection at the broker's end.
type peer struct {
	t       *testing.T
	conn    net.Conn
	packets chan mqtt.Packet // that the client sent; closed at the end
	version mqtt.Version
	hello   *mqtt.Connect
}

// onPipes starts a client whose connections are pipes.
func onPipes(t *testing.T, o Options) (*Client, *stage, func()) {
	s := &stage{t: t, conns: make(chan net.Conn)}
	o.Address = "tcp://broker"
	o.dial = func(ctx context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case s.conns <- far:
			return near, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	c, stop := run(t, o)
	return c, s, stop
}

// run starts a client; stop waits for its end.
func run(t *testing.T, o Options) (c *Client, stop func()) {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Run(ctx)
	}()
	return c, func() {
		cancel()
		<-ended
	}
}

// accept waits for the client's next connection and its CONNECT.
func (s *stage) accept() *peer {
	s.t.Helper()
	conn := <-s.conns
	p := &peer{t: s.t, conn: conn, packets: make(chan mqtt.Packet, 1000)}
	r := bufio.NewReader(conn)
	first, err := mqtt.Read(r, mqtt.V5, 1<<20)
	hello, ok := first.(*mqtt.Connect)
	if !ok {
		s.t.Fatalf("the client began with %+v, %v", first, err)
	}
	p.hello, p.version = hello, hello.Version
	go func() { // a pipe has no room of its own
		defer close(p.packets)
		for {
			packet, err := mqtt.Read(r, hello.Version, 1<<20)
			if err != nil {
				return
			}
			p.packets <- packet
		}
	}()
	return p
}

// admit accepts a connection and lets the client in.
func (s *stage) admit(ack mqtt.Connack) *peer {
	s.t.Helper()
	p := s.accept()
	p.say(&ack)
	return p
}

func (p *peer) say(packets ...mqtt.Packet) {
	p.t.Helper()
	var b []byte
	for _, packet := range packets {
		b = packet.Append(b, p.version)
	}
	if _, err := p.conn.Write(b); err != nil {
		p.t.Errorf("broker writes: %v", err)
	}
}

// expect reads a packet, of the type that is wanted.
func expect[T mqtt.Packet](p *peer) T {
	p.t.Helper()
	got := <-p.packets
	want, ok := got.(T)
	if !ok {
		p.t.Fatalf("the client sent %T %+v; want %T", got, got, want)
	}
	return want
}

// ended waits for the end of the connection, and fails for any packet before it.
func (p *peer) ended() {
	p.t.Helper()
	if got, more := <-p.packets; more {
		p.t.Errorf("the client sent %+v", got)
	}
	_ = p.conn.Close()
}

// drain reads until the end.
func (p *peer) drain() {
	for range p.packets {
	}
	_ = p.conn.Close()
}

func soon(t *testing.T) context.Context {
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(stop)
	return ctx
}
