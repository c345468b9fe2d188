package mqttsn_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/mqttsn"
	wire "github.com/roost-iot/roost/wire/mqttsn"
)

func TestManyTopicsOfOneClient(t *testing.T) {
	h := start(t, mqttsn.Config{Predefined: map[uint16]string{20: "pre"}})
	all := h.listen("t/#")
	n := h.connected("n")
	ids := map[uint16]string{}
	for i := range 100 {
		name := fmt.Sprintf("t/%d", i)
		id := n.register(name)
		if before, taken := ids[id]; taken || id == 20 {
			t.Fatalf("%s got id %d, which is %s's", name, id, before)
		}
		ids[id] = name
	}
	for id, name := range ids {
		if again := n.register(name); again != id {
			t.Fatalf("%s got id %d, then %d", name, id, again)
		}
		n.ask(wire.Publish{QoS: 1, Topic: id, MsgID: id, Data: []byte("x")}, wire.Puback{Topic: id, MsgID: id})
		all.want(name, "x", 1)
	}
	if s := h.door.Stats(); s.Topics != 100 {
		t.Errorf("%d topics counted", s.Topics)
	}
}

// Of those whose session waits for them, so many are remembered with their topics as
// may be clients; nothing is left over.
func TestMemoryOfThoseAwayIsBounded(t *testing.T) {
	h := start(t, mqttsn.Config{Lanes: 1, MaxClients: 20})
	for i := range 50 {
		n := h.node()
		n.connect(wire.Connect{Duration: 60, ClientID: fmt.Sprint("n", i)})
		n.register("t")
		n.ask(wire.Disconnect{}, wire.Disconnect{})
	}
	h.until("all have gone", func() bool { return h.door.Stats().Clients == 0 })
	if s := h.door.Stats(); s.Topics != 20 {
		t.Errorf("%d topics are remembered", s.Topics)
	}
	for i := range 50 {
		n := h.node()
		n.connect(wire.Connect{Clean: true, Duration: 60, ClientID: fmt.Sprint("n", i)})
		n.ask(wire.Disconnect{}, wire.Disconnect{})
	}
	h.until("all are forgotten", func() bool { return h.door.Stats().Topics == 0 })
}

// A lane without room drops datagrams, and the door goes on.
func TestFullLaneDrops(t *testing.T) {
	h := start(t, mqttsn.Config{Lanes: 1, LaneBytes: 200})
	n := h.node()
	n.say(wire.Publish{QoS: 1, Topic: 1, MsgID: 1, Data: make([]byte, 300)})
	h.until("it is counted", func() bool { return h.door.Stats().Overrun == 1 })
	n.silent()
}

func TestNodeAsksInTheGroup(t *testing.T) {
	sockets, err := mqttsn.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	group, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // in the place of a multicast group
	if err != nil {
		t.Fatal(err)
	}
	h := run(t, mqttsn.Config{Conns: mqttsn.Conns(sockets), Group: group, GatewayID: 3})
	node, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.stop()
		_, _, _ = sockets.Close(), group.Close(), node.Close()
	})
	_ = node.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := node.WriteTo([]byte{3, 1, 0}, group.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	k, from, err := node.ReadFrom(buf)
	if err != nil || string(buf[:k]) != "\x03\x02\x03" || from.String() != sockets.LocalAddr().String() {
		t.Errorf("got %X from %v, %v; the gateway is at %v", buf[:k], from, err, sockets.LocalAddr())
	}
}

func TestListenFailsPlainly(t *testing.T) {
	s, err := mqttsn.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // of a test
	for _, at := range []string{s.LocalAddr().String(), "nowhere", "127.0.0.1:99999"} {
		if again, err := mqttsn.Listen(at); err == nil {
			_ = again.Close()
			t.Errorf("%s could be listened at", at)
		}
	}
}
