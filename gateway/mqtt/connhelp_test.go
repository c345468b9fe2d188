package mqtt

import (
	"bufio"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

// open builds a house whose MQTT door is open to anybody, on TCP. change may set up
// the limits of connections.
func open(t *testing.T, change func(*limits)) (*house, string) {
	t.Helper()
	h := build(t, registry.EnrolOpen, func(c *Config) { c.Anonymous = AnonymousAny })
	if change != nil {
		change(&h.door.limits)
	}
	return h, h.listen(t)
}

func (h *house) listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.serve(t, l)
	return l.Addr().String()
}

func (h *house) serve(t *testing.T, l net.Listener) {
	var work sync.WaitGroup
	work.Go(func() {
		if err := h.door.Serve(l); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		work.Wait()
	})
}

// raw is a client that says what a test wants, right or wrong.
type raw struct {
	t *testing.T
	net.Conn
	r     *bufio.Reader
	v     wire.Version
	early []*wire.Publish // came while something else was awaited
}

func dial(t *testing.T, address string, v wire.Version) *raw {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return newRaw(t, c, v)
}

func newRaw(t *testing.T, c net.Conn, v wire.Version) *raw {
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetReadDeadline(time.Now().Add(roomtest.Patience))
	return &raw{t: t, Conn: c, r: bufio.NewReader(c), v: v}
}

// enter dials and is let in.
func enter(t *testing.T, address string, hello wire.Connect) *raw {
	t.Helper()
	r := dial(t, address, hello.Version)
	if ack := r.greet(hello); ack.Code != wire.Success {
		t.Fatalf("not let in: %+v", ack)
	}
	return r
}

func (r *raw) greet(hello wire.Connect) *wire.Connack {
	r.t.Helper()
	r.say(&hello)
	return hears[*wire.Connack](r)
}

func (r *raw) say(packets ...wire.Packet) {
	r.t.Helper()
	var b []byte
	for _, p := range packets {
		b = p.Append(b, r.v)
	}
	r.write(b)
}

func (r *raw) write(b []byte) {
	r.t.Helper()
	if _, err := r.Write(b); err != nil {
		r.t.Fatalf("write: %v", err)
	}
}

// hears reads a packet that must be of a type. Messages that come before it are kept.
func hears[T wire.Packet](r *raw) T {
	r.t.Helper()
	if len(r.early) > 0 {
		if got, ok := wire.Packet(r.early[0]).(T); ok {
			r.early = r.early[1:]
			return got
		}
	}
	for {
		p, err := wire.Read(r.r, r.v, 1<<22)
		if got, ok := p.(T); ok {
			return got
		}
		message, ok := p.(*wire.Publish)
		if !ok {
			var want T
			r.t.Fatalf("got %T %+v, %v; want %T", p, p, err, want)
		}
		r.early = append(r.early, message)
	}
}

// ends reads up to the end of the connection; code is what DISCONNECT says before it,
// 0: there is none.
func (r *raw) ends(code wire.ReasonCode) {
	r.t.Helper()
	var said wire.ReasonCode
	for {
		p, err := wire.Read(r.r, r.v, 1<<22)
		if d, ok := p.(*wire.Disconnect); ok {
			said = d.Code
		}
		if err == nil {
			continue
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			r.t.Fatal("the connection does not end")
		}
		break
	}
	if said != code {
		r.t.Errorf("ended with %v, want %v", said, code)
	}
	_ = r.Close()
}

func clean(id string, v wire.Version) wire.Connect {
	return wire.Connect{Version: v, ClientID: id, CleanStart: true}
}

// handshake awaits the acknowledgements of what was published. A message that comes
// before them is for receives.
func (r *raw) handshake(p *wire.Publish) {
	r.t.Helper()
	want := []wire.Type{wire.TypePuback}
	if p.QoS == 2 {
		want = []wire.Type{wire.TypePubrec, wire.TypePubcomp}
	}
	for _, t := range want {
		ack := hears[*wire.Ack](r)
		if ack.Type != t || ack.ID != p.ID || ack.Code.Failed() {
			r.t.Errorf("%+v, want %v of %d", ack, t, p.ID)
		}
		if t == wire.TypePubrec {
			r.say(&wire.Ack{Type: wire.TypePubrel, ID: p.ID})
		}
	}
}

// receives awaits a message like p and acknowledges it.
func (r *raw) receives(p *wire.Publish) {
	r.t.Helper()
	got := hears[*wire.Publish](r)
	if got.Topic != p.Topic || string(got.Payload) != string(p.Payload) || got.QoS != p.QoS {
		r.t.Errorf("got %+v, want %+v", got, p)
	}
	switch got.QoS {
	case 1:
		r.say(&wire.Ack{Type: wire.TypePuback, ID: got.ID})
	case 2:
		r.say(&wire.Ack{Type: wire.TypePubrec, ID: got.ID})
		if rel := hears[*wire.Ack](r); rel.Type != wire.TypePubrel || rel.ID != got.ID {
			r.t.Errorf("%+v", rel)
		}
		r.say(&wire.Ack{Type: wire.TypePubcomp, ID: got.ID})
	}
}
