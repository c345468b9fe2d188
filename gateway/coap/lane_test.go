package coap_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/coap"
)

// stuck is a Core whose disk takes its time: arrivals wait for free.
type stuck struct {
	nowhere
	free chan struct{}
}

func (s stuck) Arrive(ctx context.Context, a gateway.Arrival) (gateway.Standing, error) {
	select {
	case <-s.free:
	case <-ctx.Done():
		return gateway.Standing{}, ctx.Err()
	}
	return s.nowhere.Arrive(ctx, a)
}

func alive(id uint16, uid string) wire.Message {
	m := wire.Message{Code: wire.POST, ID: id, Token: wire.Token16(id), Payload: []byte("alive:" + uid)}
	m.Options.SetPath("alive")
	return m
}

func readMessage(t *testing.T, conn *net.UDPConn) wire.Message {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	buf := make([]byte, 2048)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wire.Parse(buf[:n])
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAnswerThatTakesLongComesByItself(t *testing.T) {
	core := stuck{free: make(chan struct{})}
	h := open(t, func(_ *roomtest.Config, c *coap.Config) { c.Core, c.Exchange.EmptyACK = core, 20*time.Millisecond })
	conn := listen(t, "127.0.9.1:0")
	defer conn.Close()
	q := alive(1, "n1")
	if _, err := conn.WriteToUDPAddrPort(q.Append(nil), h.at); err != nil {
		t.Fatal(err)
	}
	if m := readMessage(t, conn); m.Type != wire.Acknowledgement || m.Code != wire.Empty || m.ID != 1 {
		t.Fatalf("first came %v", m.String())
	}
	close(core.free)
	m := readMessage(t, conn)
	if m.Type != wire.Confirmable || m.Code != wire.Changed || m.Token != q.Token || string(m.Payload) != "Received 'alive:n1'" {
		t.Fatalf("then came %v %q", m.String(), m.Payload)
	}
	ack := wire.Message{Type: wire.Acknowledgement, ID: m.ID}
	if _, err := conn.WriteToUDPAddrPort(ack.Append(nil), h.at); err != nil {
		t.Fatal(err)
	}
}

func TestBurstBeyondTheLanesIsTurnedAway(t *testing.T) {
	core := stuck{free: make(chan struct{})}
	h := open(t, func(_ *roomtest.Config, c *coap.Config) {
		c.Core, c.Lanes, c.LaneLength = core, 1, 2
		c.Exchange.EmptyACK = time.Minute
	})
	conn := listen(t, "127.0.9.2:0")
	defer conn.Close()
	const count = 8
	for i := range uint16(count) {
		m := alive(i, fmt.Sprint("n", i))
		from := listen(t, fmt.Sprintf("127.0.9.%d:0", 10+i))
		defer from.Close()
		if _, err := from.WriteToUDPAddrPort(m.Append(nil), h.at); err != nil {
			t.Fatal(err)
		}
	}
	// One is at work, two wait, the others are told to come later and are not known.
	eventually(t, "the others are turned away", func() bool { return h.door.Stats().Requests == count && h.door.Stats().Nodes <= 3 })
	close(core.free)
	m := alive(100, "again")
	eventually(t, "there is room again", func() bool {
		if _, err := conn.WriteToUDPAddrPort(m.Append(nil), h.at); err != nil {
			t.Fatal(err)
		}
		m.ID++
		return readMessage(t, conn).Code == wire.Changed
	})
}
