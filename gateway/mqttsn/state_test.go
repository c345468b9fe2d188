package mqttsn_test

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/gateway/mqttsn"
	wire "github.com/roost-iot/roost/wire/mqttsn"
)

// every is a frame of each type.
var every = []wire.Message{
	wire.Advertise{},
	wire.GWInfo{},
	wire.Connack{},
	wire.WillTopicReq{},
	wire.WillTopic{Topic: "w"},
	wire.WillMsgReq{},
	wire.WillMsg{},
	wire.Register{MsgID: 1, Name: "t"},
	wire.Regack{TopicID: 1, MsgID: 1},
	wire.Publish{Topic: 9},
	wire.Publish{QoS: 1, Topic: 9, MsgID: 1},
	wire.Publish{QoS: 2, Topic: 9, MsgID: 1},
	wire.Publish{QoS: -1, Topic: 9},
	wire.Puback{Topic: 1, MsgID: 1},
	wire.Puback{Code: wire.InvalidTopicID},
	wire.Pubcomp{MsgID: 1},
	wire.Pubrec{MsgID: 1},
	wire.Pubrel{MsgID: 1},
	wire.Subscribe{MsgID: 1, Topic: wire.Topic{Name: "t"}},
	wire.Suback{MsgID: 1},
	wire.Unsubscribe{MsgID: 1, Topic: wire.Topic{Name: "t"}},
	wire.Unsuback{MsgID: 1},
	wire.Pingreq{},
	wire.Pingreq{ClientID: "nobody"},
	wire.Pingresp{},
	wire.Disconnect{},
	wire.Disconnect{Sleep: true, Duration: 5},
	wire.WillTopicUpd{Topic: "w"},
	wire.WillTopicResp{},
	wire.WillMsgUpd{},
	wire.WillMsgResp{},
}

// A request of somebody who is not connected is answered DISCONNECT, an answer not at
// all.
func TestEveryFrameOfAStranger(t *testing.T) {
	h := start(t, mqttsn.Config{})
	request := map[wire.Type]bool{
		wire.TypeRegister: true, wire.TypePublish: true, wire.TypePubrel: true, wire.TypeSubscribe: true,
		wire.TypeUnsubscribe: true, wire.TypePingreq: true, wire.TypeDisconnect: true,
		wire.TypeWillTopicUpd: true, wire.TypeWillMsgUpd: true,
	}
	n := h.node()
	for _, m := range every {
		p, publish := m.(wire.Publish)
		n.say(m)
		if request[m.Type()] && (!publish || p.QoS >= 0) {
			n.want(wire.Disconnect{})
		}
		n.silent()
	}
	if s := h.door.Stats(); s.Clients != 0 || s.Topics != 0 || s.Malformed != 0 {
		t.Errorf("afterwards: %+v", s)
	}
}

// answer is what a connected client that has just come gets.
func answer(m wire.Message) wire.Message {
	switch m := m.(type) {
	case wire.Register:
		return wire.Regack{TopicID: 1, MsgID: 1}
	case wire.Publish:
		if m.QoS < 0 {
			return nil
		}
		return wire.Puback{Topic: 9, MsgID: m.MsgID, Code: wire.InvalidTopicID}
	case wire.Pubrec:
		return wire.Pubrel(m) // of a message of long ago
	case wire.Pubrel:
		return wire.Pubcomp(m)
	case wire.Subscribe:
		return wire.Suback{TopicID: 1, MsgID: 1}
	case wire.Unsubscribe:
		return wire.Unsuback{MsgID: 1}
	case wire.Pingreq:
		if m.ClientID != "" {
			return wire.Disconnect{} // that one is not connected
		}
		return wire.Pingresp{}
	case wire.Disconnect:
		return wire.Disconnect{}
	case wire.WillTopicUpd:
		return wire.WillTopicResp{}
	case wire.WillMsgUpd:
		return wire.WillMsgResp{Code: wire.NotSupported}
	}
	return nil
}

// Every frame, from an active client and from one asleep: it is answered, or it does
// nothing, and the client stays what it was unless it said DISCONNECT.
func TestEveryFrameOfAClient(t *testing.T) {
	h := start(t, mqttsn.Config{})
	for _, sleeps := range []bool{false, true} {
		for _, m := range every {
			n := h.connected("n")
			n.ask(wire.Pingreq{}, wire.Pingresp{})
			if sleeps {
				n.fallAsleep(600)
			}
			n.say(m)
			if want := answer(m); want != nil {
				n.want(want)
			}
			n.silent()
			wants := 1
			if m == wire.Message(wire.Disconnect{}) {
				wants = 0
			}
			if s := h.door.Stats(); s.Clients != wants {
				t.Errorf("%T, asleep %v: %d clients", m, sleeps, s.Clients)
			}
			if wants == 1 {
				n.ask(wire.Disconnect{}, wire.Disconnect{})
			}
		}
	}
}

// A client that is asked for its will says everything else first.
func TestEveryFrameWhileTheWillIsAskedFor(t *testing.T) {
	h := start(t, mqttsn.Config{})
	for _, m := range every {
		n := h.node()
		n.ask(wire.Connect{Will: true, Clean: true, ClientID: "n"}, wire.WillTopicReq{})
		switch m.Type() {
		case wire.TypeWillTopic:
			continue
		case wire.TypePingreq, wire.TypeDisconnect:
			n.ask(m, wire.Disconnect{})
		default:
			n.say(m)
		}
		n.silent()
		if m.Type() != wire.TypeDisconnect {
			n.ask(wire.WillTopic{Topic: "w"}, wire.WillMsgReq{})
			n.ask(wire.WillMsg{}, wire.Connack{})
			n.ask(wire.Disconnect{}, wire.Disconnect{})
		}
	}
}

// Whatever answers come while a message is under way, only the right one ends it.
func TestWrongAnswersDoNotEndADelivery(t *testing.T) {
	h := start(t, mqttsn.Config{})
	n := h.connected("n")
	id := n.subscribe("t", 2)
	h.publish("t", "x", 2)
	n.want(wire.Publish{QoS: 2, Topic: id, MsgID: 1, Data: []byte("x")})
	for _, m := range []wire.Message{
		wire.Puback{Topic: id, MsgID: 1}, wire.Puback{Topic: id, MsgID: 2}, wire.Pubcomp{MsgID: 1}, wire.Regack{TopicID: id, MsgID: 1},
	} {
		n.say(m)
	}
	n.silent()
	n.ask(wire.Pubrec{MsgID: 5}, wire.Pubrel{MsgID: 5}) // of a message of long ago
	n.ask(wire.Pubrec{MsgID: 1}, wire.Pubrel{MsgID: 1})
	n.say(wire.Pubrec{MsgID: 1})
	n.say(wire.Pubcomp{MsgID: 2})
	n.silent()
	n.say(wire.Pubcomp{MsgID: 1})
	h.until("the message is through", func() bool { return h.broker.Stats().Queued == 0 })
}

// Every frame, cut at every byte, disturbs nobody.
func TestCutFrames(t *testing.T) {
	h := start(t, mqttsn.Config{})
	n, other := h.connected("n"), h.connected("other")
	sent := 0
	for _, m := range append(every, wire.Connect{ClientID: "abc"}, wire.Encapsulated{Node: []byte{1, 2}, Message: []byte{2, 0x16}}) {
		b, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		for cut := range len(b) {
			if m.Type() == wire.TypeEncapsulated || cut < int(b[0]) {
				n.send(b[:cut])
				sent++
			}
		}
		n.silent()
	}
	other.ask(wire.Pingreq{}, wire.Pingresp{})
	h.until("all are counted", func() bool { return h.door.Stats().Malformed >= int64(sent) })
}

func TestUnansweredMessageIsRepeatedAndTheClientLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n := h.connected("n")
		id := n.subscribe("t", 1)
		h.publish("t", "x", 1)
		began := time.Now()
		for i := range 4 {
			n.want(wire.Publish{Dup: i > 0, QoS: 1, Topic: id, MsgID: 1, Data: []byte("x")})
			if at := time.Since(began); at != time.Duration(i)*10*time.Second {
				t.Errorf("sent for the %d. time after %v", i+1, at)
			}
		}
		n.want(wire.Disconnect{})
		if at := time.Since(began); at != 40*time.Second {
			t.Errorf("given up after %v", at)
		}
	})
}

// A client that is there but does not answer is given more time, not all the time.
func TestClientThatIsThereGetsMoreTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n := h.connected("n")
		id := n.subscribe("t", 1)
		h.publish("t", "x", 1)
		for i := range 10 {
			n.want(wire.Publish{Dup: i > 0, QoS: 1, Topic: id, MsgID: 1, Data: []byte("x")})
			n.ask(wire.Pingreq{}, wire.Pingresp{})
		}
		for tries := 10; ; tries++ {
			m := n.hear()
			if m == wire.Message(wire.Disconnect{}) {
				if tries != 16 {
					t.Errorf("sent %d times", tries)
				}
				break
			}
			n.ask(wire.Pingreq{}, wire.Pingresp{})
		}
	})
}

func TestGatewayAdvertisesAndIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAir()
		send, in := a.meet()
		h := run(t, mqttsn.Config{
			Conns: []mqttsn.Conn{a}, GatewayID: 7, Advertise: 900 * time.Second,
			AdvertiseTo: netip.MustParseAddrPort("10.1.0.0:1883"),
		})
		t.Cleanup(h.stop)
		h.calm = synctest.Wait
		n := &node{h: h, send: send, in: in}
		began := time.Now()
		for range 3 {
			n.want(wire.Advertise{Gateway: 7, Duration: 900})
		}
		if at := time.Since(began); at != 1800*time.Second {
			t.Errorf("advertised for the third time after %v", at)
		}
		n.ask(wire.SearchGW{Radius: 1}, wire.GWInfo{Gateway: 7})
	})
}

func TestNodesBehindAForwarder(t *testing.T) {
	h := start(t, mqttsn.Config{})
	forwarder := h.node()
	a := &node{h: h, send: forwarder.send, in: forwarder.in, wrap: []byte{0xAA, 1}}
	b := &node{h: h, send: forwarder.send, in: forwarder.in, wrap: []byte{0xBB}}
	a.connect(wire.Connect{Clean: true, ClientID: "a"})
	b.connect(wire.Connect{Clean: true, ClientID: "b"})
	id := a.subscribe("t", 1)
	b.ask(wire.Publish{QoS: 1, Kind: wire.Short, Topic: 0x6162, MsgID: 1}, wire.Puback{Topic: 0x6162, MsgID: 1})
	h.publish("t", "x", 1)
	a.published(id, "x")
	forwarder.ask(wire.Pingreq{}, wire.Disconnect{}) // it is no client itself
}

func TestPredefinedTopicsAreRead(t *testing.T) {
	topics, err := mqttsn.ReadPredefined(strings.NewReader("# the greenhouse\n\n1 node/check\n 65534\tnode/ä b/led \n"))
	if err != nil || len(topics) != 2 || topics[1] != "node/check" || topics[65534] != "node/ä b/led" {
		t.Errorf("read %v, %v", topics, err)
	}
	_, err = mqttsn.ReadPredefined(strings.NewReader("1 a\nx\n0 b\n65535 c\n1 d\n2 e/#\n3"))
	if err == nil {
		t.Fatal("a file full of faults was read")
	}
	for _, line := range []string{"line 2: ", "line 3: ", "line 4: ", "line 5: ", "line 6: ", "line 7: "} {
		if !strings.Contains(err.Error(), line) {
			t.Errorf("%v does not tell what is wrong with %s", err, line)
		}
	}
}
