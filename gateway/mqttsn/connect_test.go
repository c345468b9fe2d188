package mqttsn_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/gateway/mqttsn"
	"github.com/roost-iot/roost/wire/mqtt"
	wire "github.com/roost-iot/roost/wire/mqttsn"
)

func will(n *node, id string, clean bool) {
	n.h.t.Helper()
	n.ask(wire.Connect{Will: true, Clean: clean, Duration: 60, ClientID: id}, wire.WillTopicReq{})
	n.ask(wire.WillTopic{QoS: 1, Topic: "will/" + id}, wire.WillMsgReq{})
	n.ask(wire.WillMsg{Message: []byte("gone")}, wire.Connack{})
}

func TestSilentClientIsAskedAndThenLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		all := h.listen("will/#")
		n := h.node()
		will(n, "n", true)
		began := time.Now()
		for range 3 {
			n.want(wire.Pingreq{})
		}
		if asked := time.Since(began); asked != 80*time.Second {
			t.Errorf("asked for the third time after %v", asked)
		}
		n.want(wire.Disconnect{})
		if lost := time.Since(began); lost != 90*time.Second {
			t.Errorf("lost after %v, keep alive is 60 s", lost)
		}
		all.want("will/n", "gone", 1)
		if s := h.door.Stats(); s.Lost != 1 || s.Clients != 0 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestAnswerToPingIsASignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n := h.node()
		n.connect(wire.Connect{Clean: true, Duration: 60, ClientID: "n"})
		for range 20 {
			n.want(wire.Pingreq{})
			n.say(wire.Pingresp{})
		}
		n.ask(wire.Pingreq{}, wire.Pingresp{})
	})
}

func TestClientWithoutKeepAliveIsLostInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{MaxSilence: time.Hour})
		n := h.node()
		n.connect(wire.Connect{Clean: true, ClientID: "n"})
		began := time.Now()
		n.want(wire.Disconnect{})
		if lost := time.Since(began); lost != time.Hour {
			t.Errorf("lost after %v", lost)
		}
	})
}

func TestWillIsNotPublishedAfterDisconnect(t *testing.T) {
	h := start(t, mqttsn.Config{})
	all := h.listen("will/#")
	n := h.node()
	will(n, "n", true)
	n.ask(wire.Disconnect{}, wire.Disconnect{})
	all.none()
}

func TestWillIsChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		all := h.listen("will/#", "other")
		a, b, c := h.node(), h.node(), h.node()
		for id, n := range map[string]*node{"a": a, "b": b, "c": c} {
			will(n, id, true)
		}
		a.ask(wire.WillTopicUpd{QoS: 2, Topic: "other"}, wire.WillTopicResp{})
		a.ask(wire.WillMsgUpd{Message: []byte("changed")}, wire.WillMsgResp{})
		b.ask(wire.WillTopicUpd{}, wire.WillTopicResp{})
		b.ask(wire.WillMsgUpd{Message: []byte("none to change")}, wire.WillMsgResp{Code: wire.NotSupported})
		b.ask(wire.WillTopicUpd{Topic: "a/#"}, wire.WillTopicResp{Code: wire.NotSupported})
		c.ask(wire.Disconnect{}, wire.Disconnect{})
		all.want("other", "changed", 2)
		time.Sleep(time.Hour)
		all.none()
	})
}

// Each part of the connection with a will may get lost, in either direction.
func TestWillIsAskedForUntilItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n := h.node()
		connect := wire.Connect{Will: true, Clean: true, Duration: 60, ClientID: "n"}
		n.ask(connect, wire.WillTopicReq{})
		n.want(wire.WillTopicReq{}) // after 10 s
		n.ask(connect, wire.WillTopicReq{})
		n.ask(wire.WillTopic{Topic: "w"}, wire.WillMsgReq{})
		n.want(wire.WillMsgReq{})
		n.ask(wire.WillTopic{Topic: "w"}, wire.WillMsgReq{})
		n.ask(wire.WillMsg{}, wire.Connack{})
		n.ask(wire.WillMsg{}, wire.Connack{}) // the CONNACK was lost
		n.ask(wire.WillTopic{Topic: "w"}, wire.WillMsgReq{})
		n.ask(connect, wire.WillTopicReq{})
		n.ask(wire.Pingreq{}, wire.Pingresp{})
		n.say(wire.WillMsg{}) // now it makes no sense
		n.silent()

		m := h.node()
		m.ask(wire.Connect{Will: true, ClientID: "m"}, wire.WillTopicReq{})
		for range 3 {
			m.want(wire.WillTopicReq{})
		}
		m.want(wire.Disconnect{})
		h.calm()
		if s := h.door.Stats(); s.Clients != 1 || s.Lost != 0 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestEmptyWillTopicMeansNoWill(t *testing.T) {
	h := start(t, mqttsn.Config{})
	n := h.node()
	n.ask(wire.Connect{Will: true, Clean: true, ClientID: "n"}, wire.WillTopicReq{})
	n.ask(wire.WillTopic{}, wire.Connack{})
	n.ask(wire.Pingreq{}, wire.Pingresp{})
}

func TestBadConnectsAreRefused(t *testing.T) {
	h := start(t, mqttsn.Config{Admit: func(_ context.Context, id, remote string) (any, mqtt.ReasonCode) {
		if !strings.HasPrefix(remote, "127.0.0.1:") {
			t.Errorf("remote is %q", remote)
		}
		if id == "banned" {
			return nil, mqtt.NotAuthorized
		}
		return nil, mqtt.Success
	}})
	n := h.node()
	for _, frame := range []string{
		"060400010168",                      // no client id
		"0704000201686E",                    // protocol id 2
		"0C0404010168" + "62616E6E6564",     // not let in
		"070404010168FF",                    // not UTF-8
		"08040401016861" + "00",             // NUL
		"0E0404010168" + "6D7174742D736E40", // an id of the door's own
		"020404",
	} {
		if frame == "020404" { // a length that does not fit: no answer
			n.raw(frame, "")
			continue
		}
		n.raw(frame, "030503")
	}
	n.say(wire.Connect{ClientID: strings.Repeat("x", 257)})
	n.want(wire.Connack{Code: wire.NotSupported})
	n.ask(wire.Connect{Will: true, ClientID: "w"}, wire.WillTopicReq{})
	n.ask(wire.WillTopic{Topic: "a/+"}, wire.Connack{Code: wire.NotSupported})
	n.connect(wire.Connect{Clean: true, ClientID: strings.Repeat("x", 200)})
	if s := h.door.Stats(); s.Refused != 8 || s.Clients != 1 {
		t.Errorf("afterwards: %+v", s)
	}
}

func TestFullDoorSaysCongestion(t *testing.T) {
	h := start(t, mqttsn.Config{MaxClients: 2, MaxTopics: 3})
	n := h.connected("a")
	h.connected("b")
	c := h.node()
	c.ask(wire.Connect{Clean: true, ClientID: "c"}, wire.Connack{Code: wire.Congestion})
	for _, name := range []string{"t/1", "t/2", "t/3", "t/3"} {
		n.register(name)
	}
	n.ask(wire.Register{MsgID: 5, Name: "t/4"}, wire.Regack{MsgID: 5, Code: wire.Congestion})
	n.ask(wire.Subscribe{MsgID: 6, Topic: wire.Topic{Name: "t/5"}}, wire.Suback{MsgID: 6, Code: wire.Congestion})
	n.ask(wire.Disconnect{}, wire.Disconnect{})
	h.until("a's topics are forgotten", func() bool { return h.door.Stats().Topics == 0 })
	c.connect(wire.Connect{Clean: true, ClientID: "c"})
}

func TestClientComesFromAnotherAddress(t *testing.T) {
	h := start(t, mqttsn.Config{})
	all := h.listen("will/#")
	old, now := h.node(), h.node()
	will(old, "n", true)
	now.connect(wire.Connect{Clean: true, Duration: 60, ClientID: "n"})
	all.want("will/n", "gone", 1) // it had not said that it would go
	now.subscribe("t", 0)
	old.ask(wire.Pingreq{}, wire.Disconnect{})
	h.publish("t", "x", 0)
	now.want(wire.Publish{Topic: 1, Data: []byte("x")})
	if s := h.door.Stats(); s.Clients != 1 {
		t.Errorf("afterwards: %+v", s)
	}
}

func TestAddressConnectsAsAnotherClient(t *testing.T) {
	h := start(t, mqttsn.Config{})
	n := h.connected("a")
	n.connect(wire.Connect{Clean: true, ClientID: "b"})
	h.until("a is gone", func() bool { return h.broker.Stats().Connected == 1 })
	n.ask(wire.Pingreq{}, wire.Pingresp{})
}

func TestConnectComesTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n := h.connected("n")
		connect := wire.Connect{Clean: true, Duration: 360, ClientID: "n"}
		time.Sleep(10 * time.Second)
		n.connect(connect) // its answer was lost
		id := n.register("t")
		n.connect(connect) // the network was slow with one of them
		n.ask(wire.Publish{QoS: 1, Topic: id, MsgID: 1}, wire.Puback{Topic: id, MsgID: 1})
		if over := h.broker.Stats().TakenOver; over != 0 {
			t.Errorf("the session was taken over by a repeated CONNECT")
		}
		time.Sleep(6 * time.Second)
		n.connect(connect) // a restart
		n.ask(wire.Publish{QoS: 1, Topic: id, MsgID: 2}, wire.Puback{Topic: id, MsgID: 2, Code: wire.InvalidTopicID})
	})
}

func TestSessionIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		all := h.listen("will/#")
		n := h.node()
		will(n, "n", false)
		id := n.register("t/1")
		n.subscribe("s", 1)
		n.ask(wire.Disconnect{}, wire.Disconnect{})
		h.publish("s", "meanwhile", 1)

		m := h.node()
		m.connect(wire.Connect{Duration: 60, ClientID: "n"})
		m.want(wire.Publish{QoS: 1, Topic: 2, MsgID: 1, Data: []byte("meanwhile")})
		m.say(wire.Puback{Topic: 2, MsgID: 1})
		m.ask(wire.Publish{QoS: 1, Topic: id, MsgID: 7}, wire.Puback{Topic: id, MsgID: 7})
		all.want("will/n", "gone", 1) // it falls silent, and its will was kept, too
		for m.hear() != wire.Message(wire.Disconnect{}) {
		}

		m.connect(wire.Connect{Clean: true, ClientID: "n"})
		m.ask(wire.Publish{QoS: 1, Topic: id, MsgID: 8}, wire.Puback{Topic: id, MsgID: 8, Code: wire.InvalidTopicID})
		h.publish("s", "not any more", 1)
		m.silent()
	})
}

func TestDoorThatStopsSaysGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n, sleeper := h.connected("n"), h.connected("s")
		sleeper.ask(wire.Disconnect{Sleep: true, Duration: 60}, wire.Disconnect{})
		h.stop()
		n.want(wire.Disconnect{})
		if len(sleeper.in) != 0 {
			t.Error("a sleeping client was disturbed")
		}
		if s := h.broker.Stats(); s.Connected != 0 {
			t.Errorf("%d clients are left in the broker", s.Connected)
		}
	})
}
