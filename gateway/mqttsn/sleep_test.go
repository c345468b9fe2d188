package mqttsn_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/gateway/mqttsn"
	wire "github.com/roost-iot/roost/wire/mqttsn"
)

func (n *node) fallAsleep(seconds uint16) {
	n.h.t.Helper()
	n.ask(wire.Disconnect{Sleep: true, Duration: seconds}, wire.Disconnect{})
}

func TestSleepingClientGetsAllWhenItWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n := h.connected("n")
		n.subscribe("t/+", 1)
		id := n.register("t/a")
		n.fallAsleep(60)
		for i := range 100 {
			h.publish("t/a", fmt.Sprint(i), byte(i%2))
		}
		h.publish("t/b", "named first", 1)
		h.calm()
		if len(n.in) != 0 {
			t.Fatal("something was sent to a sleeping client")
		}
		if s := h.door.Stats(); s.Asleep != 1 {
			t.Errorf("%d asleep", s.Asleep)
		}
		if _, asleep := h.broker.Reach("t/a"); asleep != 1 {
			t.Errorf("the broker knows of %d that sleep", asleep)
		}
		time.Sleep(50 * time.Second)
		n.say(wire.Pingreq{ClientID: "n"})
		next := [2]int{0, 1} // of each QoS: between them there is no order
		for range 100 {
			m, ok := n.hear().(wire.Publish)
			if !ok || m.QoS < 0 || m.QoS > 1 || string(m.Data) != fmt.Sprint(next[m.QoS]) || m.Topic != id {
				t.Fatalf("got %+v, want %v", m, next)
			}
			next[m.QoS] += 2
			if m.QoS == 1 {
				n.say(wire.Puback{Topic: id, MsgID: m.MsgID})
			}
		}
		n.published(n.registered("t/b"), "named first")
		n.want(wire.Pingresp{})
		h.publish("t/a", "next time", 0)
		h.calm()
		if len(n.in) != 0 {
			t.Fatal("something was sent after PINGRESP")
		}
		for range 20 { // and so on for many hours
			time.Sleep(80 * time.Second)
			h.publish("t/a", "x", 0)
			n.say(wire.Pingreq{ClientID: "n"})
			for n.hear() != wire.Message(wire.Pingresp{}) {
			}
		}
		if s := h.door.Stats(); s.Clients != 1 || s.Asleep != 1 || s.Lost != 0 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestSleeperThatDoesNotComeBackIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		all := h.listen("will/#")
		n := h.node()
		will(n, "n", true)
		n.fallAsleep(1000)
		began := time.Now()
		n.want(wire.Disconnect{})
		if lost := time.Since(began); lost != 1500*time.Second {
			t.Errorf("lost after %v, it said 1000 s", lost)
		}
		all.want("will/n", "gone", 1)
		n.ask(wire.Pingreq{ClientID: "n"}, wire.Disconnect{})
		if s := h.door.Stats(); s.Asleep != 0 || s.Clients != 0 || s.Lost != 1 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestSleeperWakesForGoodByConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		all := h.listen("will/#")
		n := h.node()
		will(n, "n", true)
		id := n.subscribe("t", 1)
		n.fallAsleep(60)
		h.publish("t", "1", 1)
		time.Sleep(30 * time.Second)
		n.connect(wire.Connect{Duration: 60, ClientID: "n"})
		n.published(id, "1")
		h.publish("t", "2", 1)
		n.published(id, "2")
		all.none()
		if s := h.door.Stats(); s.Asleep != 0 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

// It tells another will, from another address; the clean flag ends all.
func TestSleeperWakesForGoodWithAWill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		all := h.listen("will/#")
		n := h.connected("n")
		id := n.subscribe("t", 1)
		n.fallAsleep(60)
		h.publish("t", "1", 1)
		m := h.node()
		m.ask(wire.Connect{Will: true, Duration: 60, ClientID: "n"}, wire.WillTopicReq{})
		m.ask(wire.WillTopic{Topic: "will/n"}, wire.WillMsgReq{})
		m.ask(wire.WillMsg{Message: []byte("gone")}, wire.Connack{})
		m.published(id, "1")
		m.fallAsleep(60)
		m.connect(wire.Connect{Clean: true, Duration: 60, ClientID: "n"})
		all.none()
		h.publish("t", "2", 1)
		m.silent()
		if s := h.door.Stats(); s.Clients != 1 || s.Asleep != 0 || s.Topics != 0 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestSleeperHasAnotherAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n, m := h.connected("n"), h.connected("m")
		id := n.subscribe("t", 1)
		n.fallAsleep(60)
		h.publish("t", "x", 1)
		m.say(wire.Pingreq{ClientID: "n"}) // at the address of another one
		m.published(id, "x")
		m.want(wire.Pingresp{})
		n.ask(wire.Pingreq{}, wire.Disconnect{})
		h.calm()
		if s := h.door.Stats(); s.Clients != 1 || s.Asleep != 1 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestSleeperChangesItsSleepAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n := h.connected("n")
		id := n.register("t")
		n.fallAsleep(60)
		n.fallAsleep(600)
		time.Sleep(800 * time.Second)
		n.ask(wire.Publish{QoS: 1, Topic: id, MsgID: 1}, wire.Puback{Topic: id, MsgID: 1}) // as some do
		n.ask(wire.Disconnect{Sleep: true}, wire.Disconnect{})                             // no time at all
		h.calm()
		if s := h.door.Stats(); s.Clients != 0 || s.Asleep != 0 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

// The client falls silent in the middle of a waking: what is left waits for the next.
func TestWakingThatBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n := h.connected("n")
		id := n.subscribe("t", 1)
		n.fallAsleep(600)
		h.publish("t", "1", 1)
		h.publish("t", "2", 1)
		n.say(wire.Pingreq{ClientID: "n"})
		for i := range 4 {
			n.want(wire.Publish{Dup: i > 0, QoS: 1, Topic: id, MsgID: 1, Data: []byte("1")})
		}
		time.Sleep(500 * time.Second)
		if len(n.in) != 0 {
			t.Fatal("it was still sent something")
		}
		n.say(wire.Pingreq{ClientID: "n"})
		n.want(wire.Publish{Dup: true, QoS: 1, Topic: id, MsgID: 1, Data: []byte("1")})
		n.say(wire.Pingreq{ClientID: "n"}) // it asks again
		n.say(wire.Puback{Topic: id, MsgID: 1})
		n.published(id, "2")
		n.want(wire.Pingresp{})
	})
}

func TestWakingHasAnEnd(t *testing.T) {
	h := start(t, mqttsn.Config{MaxAwake: 10})
	n := h.connected("n")
	id := n.subscribe("t", 0)
	n.fallAsleep(60)
	for i := range 25 {
		h.publish("t", fmt.Sprint(i), 0)
	}
	next := 0
	for _, count := range []int{10, 10, 5, 0} {
		n.say(wire.Pingreq{ClientID: "n"})
		for range count {
			n.want(wire.Publish{Topic: id, Data: fmt.Append(nil, next)})
			next++
		}
		n.want(wire.Pingresp{})
	}
}

func TestQoS2GoesOnAfterSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n := h.connected("n")
		id := n.subscribe("t", 2)
		h.publish("t", "x", 2)
		n.want(wire.Publish{QoS: 2, Topic: id, MsgID: 1, Data: []byte("x")})
		n.ask(wire.Pubrec{MsgID: 1}, wire.Pubrel{MsgID: 1})
		n.fallAsleep(60)
		time.Sleep(60 * time.Second)
		n.ask(wire.Pingreq{ClientID: "n"}, wire.Pubrel{MsgID: 1})
		n.ask(wire.Pubcomp{MsgID: 1}, wire.Pingresp{})
	})
}
