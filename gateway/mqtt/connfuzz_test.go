package mqtt

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	wire "github.com/roost-iot/roost/wire/mqtt"
)

// script is a line on which everything is said beforehand, in pieces of a size.
type script struct {
	in   []byte
	size int
	out  bytes.Buffer
}

func (s *script) read(c *conn) error {
	for len(s.in) > 0 {
		piece := s.in[:min(s.size, len(s.in))]
		s.in = s.in[len(piece):]
		work := scratches.Get().(*scratch)
		err := c.feed(work, bytes.Clone(piece))
		if err == nil {
			err = c.done(work)
		}
		work.free()
		if err != nil {
			return err
		}
	}
	return io.EOF
}

func (s *script) try([]byte) int { return 0 }

func (s *script) write(b []byte, _ time.Duration) error {
	_, err := s.out.Write(b)
	return err
}

func (s *script) halt()      {}
func (s *script) close(bool) {}

// FuzzConn: whatever a client says, nothing panics, and what it hears are packets of
// its version.
func FuzzConn(f *testing.F) {
	v5 := &wire.Connect{Version: wire.V5, ClientID: "f", TopicAliasMax: 3, CleanStart: true}
	v4 := &wire.Connect{Version: wire.V311, ClientID: "f", CleanStart: true}
	for _, hello := range []*wire.Connect{v5, v4} {
		b := hello.Append(nil, 0)
		v := hello.Version
		for _, p := range []wire.Packet{
			&wire.Subscribe{ID: 1, Subscriptions: []wire.Subscription{{Filter: "#", QoS: 2}, {Filter: "$share/g/a", QoS: 1}}},
			&wire.Publish{Topic: "a", QoS: 2, ID: 1, Payload: []byte("x"), Props: wire.PublishProps{TopicAlias: 2}},
			&wire.Publish{Topic: "a", QoS: 1, ID: 2, Retain: true},
			&wire.Ack{Type: wire.TypePubrel, ID: 1}, &wire.Ack{Type: wire.TypePuback, ID: 1}, &wire.Ack{Type: wire.TypePubrec, ID: 1},
			&wire.Ack{Type: wire.TypePubcomp, ID: 1}, &wire.Unsubscribe{ID: 2, Filters: []string{"#"}},
			&wire.Ping{Type: wire.TypePingreq}, &wire.Disconnect{},
		} {
			b = p.Append(b, v)
		}
		f.Add(b, uint16(7))
		f.Add(b, uint16(60_000))
	}
	f.Fuzz(func(t *testing.T, in []byte, size uint16) {
		d := New(Config{Log: slog.New(slog.DiscardHandler), Anonymous: AnonymousAny, Core: &countingCore{}})
		s := &script{in: in, size: int(size) + 1}
		d.attach(&conn{line: s, remote: "fuzz:1"})
		d.work.Wait()
		d.end()
		version := wire.V311
		if n, _ := wire.Scan(in, 0); n > 0 {
			var hello wire.Connect
			if hello.Parse(0, in[:n]) == nil || hello.Version != 0 {
				version = hello.Version
			}
		}
		r := bufio.NewReader(&s.out)
		for {
			if _, err := wire.Read(r, version, 0); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("the server said something that is not MQTT %v: %v", version, err)
			}
		}
	})
}
