package mqttsn_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/gateway/mqttsn"
	wire "github.com/roost-iot/roost/wire/mqttsn"
)

// The RIOT weather node, byte by byte and second by second: REGISTER before every
// PUBLISH, message ids from 0x1234 on over both.
func TestEmcuteTimeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		all := h.listen("node/#")
		n := h.node()
		time.Sleep(3 * time.Second)
		n.raw("0C04040101686D7174742D32", "030500")
		id := 0x1234
		publish := func(topic, payload string, topicID int) {
			t.Helper()
			n.raw(fmt.Sprintf("%02X0A0000%04X%X", 6+len(topic), id, topic), fmt.Sprintf("070B%04X%04X00", topicID, id))
			id++
			n.raw(fmt.Sprintf("%02X0C20%04X%04X%X", 7+len(payload), topicID, id, payload), fmt.Sprintf("070D%04X%04X00", topicID, id))
			id++
			all.want(topic, payload, 1)
		}
		publish("node/check", `{"id": "mqtt-2"}`, 1)
		time.Sleep(time.Second)
		publish("node/mqtt-2/resources", `["board","mcu","os","name","temperature","pressure","humidity"]`, 2)
		time.Sleep(time.Second)
		topics := map[string]int{}
		for i, r := range []string{"board", "humidity", "mcu", "os", "name", "pressure", "temperature"} {
			topics[r] = 3 + i
			publish("node/mqtt-2/"+r, `{"value":"x"}`, 3+i)
		}
		checked, pinged := time.Now(), time.Now()
		for range 200 { // some twenty minutes
			for _, r := range []string{"temperature", "pressure", "humidity"} {
				publish("node/mqtt-2/"+r, `{"value":"23.4°C"}`, topics[r])
				time.Sleep(time.Second)
			}
			time.Sleep(4 * time.Second)
			if time.Since(checked) >= 30*time.Second {
				publish("node/check", `{"id":"mqtt-2"}`, 1)
				checked = time.Now()
			}
			if time.Since(pinged) >= 360*time.Second {
				n.raw("0216", "0217")
				pinged = time.Now()
			}
		}
		n.raw("0218", "0218")
		h.calm()
		if s := h.door.Stats(); s.Clients != 0 || s.Topics != 0 || s.Lost+s.Malformed+s.Misplaced+s.Repeated+s.Duplicates != 0 {
			t.Errorf("afterwards: %+v", s)
		}
		all.none()
	})
}

// The answer to every request is lost once or thrice: emcute sends the same bytes
// again after 10 s, without the DUP flag, and the message is there once.
func TestEmcuteRepeatsWhatWasNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		all := h.listen("node/#")
		n := h.node()
		for _, step := range []struct{ request, answer string }{
			{"0C04040101686D7174742D32", "030500"},
			{"100A000012346E6F64652F636865636B", "070B0001123400"},
			{"0B0C20000112357B7D7B7D", "070D0001123500"},
			{"100A000012366E6F64652F636865636B", "070B0001123600"},
			{"0B0C20000112377B7D7B7D", "070D0001123700"},
			{"0D1220123867617465776179" + "2F", "0813200002123800"},
			{"0D1400123967617465776179" + "2F", "04151239"},
		} {
			for range 4 {
				n.raw(step.request, step.answer)
				time.Sleep(10 * time.Second)
			}
		}
		all.want("node/check", "{}{}", 1)
		all.want("node/check", "{}{}", 1)
		all.none()
		if s := h.door.Stats(); s.Clients != 1 || s.Published != 2 || s.Lost != 0 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

// emcute subscribes with names, knows a topic id only a moment after the SUBACK,
// refuses the DUP flag, and does not know REGISTER.
func TestEmcuteSubscribes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n := h.node()
		n.raw("0C04040101686D7174742D32", "030500")
		n.raw("0812201234612F62", "0813200001123400")
		h.publish("a/b", "hi", 1)
		first := wire.Publish{QoS: 1, Topic: 1, MsgID: 1, Data: []byte("hi")}
		n.want(first)
		n.say(wire.Puback{Topic: 1, MsgID: 1, Code: wire.InvalidTopicID}) // too early for it
		time.Sleep(1100 * time.Millisecond)
		again := first
		again.Dup = true
		n.want(again)
		n.say(wire.Puback{Topic: 1, MsgID: 1, Code: wire.NotSupported}) // the flag
		n.want(first)
		n.say(wire.Puback{Topic: 1, MsgID: 1})

		h.publish("a/b", "ho", 1)
		second := wire.Publish{QoS: 1, Topic: 1, MsgID: 2, Data: []byte("ho")}
		n.want(second)
		time.Sleep(10 * time.Second)
		n.want(second) // without the flag from now on
		n.say(wire.Puback{Topic: 1, MsgID: 2})
		h.calm()
		if s := h.door.Stats(); s.Delivered != 2 || s.Unnameable != 0 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestClientThatDoesNotKnowRegisterDoesWithoutTheMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n := h.connected("n")
		known := n.subscribe("known", 1)
		if id := n.subscribe("wild/#", 1); id != 0 {
			t.Errorf("a filter with wildcards got topic id %d", id)
		}
		h.publish("wild/x", "1", 1)
		h.publish("known", "2", 1)
		began := time.Now()
		for { // it answers PINGREQ, nothing else
			switch m := n.hear().(type) {
			case wire.Register:
				continue
			case wire.Pingreq:
				n.say(wire.Pingresp{})
				continue
			case wire.Publish:
				if m.Topic != known || string(m.Data) != "2" {
					t.Fatalf("got %+v", m)
				}
				n.say(wire.Puback{Topic: known, MsgID: m.MsgID})
			default:
				t.Fatalf("got %+v", m)
			}
			break
		}
		if waited := time.Since(began); waited != 40*time.Second {
			t.Errorf("the second message waited %v", waited)
		}
		h.publish("wild/y", "3", 1)
		h.publish("known", "4", 1) // no wait any more
		n.want(wire.Publish{QoS: 1, Topic: known, MsgID: 4, Data: []byte("4")})
		n.say(wire.Puback{Topic: known, MsgID: 4})
		h.calm()
		if s := h.door.Stats(); s.Unnameable != 2 || s.Clients != 1 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

// A node that does not notice that the gateway was restarted sends REGISTER on and on.
func TestNodeThatDoesNotKnowOfARestartIsTakenIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		all := h.listen("node/#")
		n := h.node()
		n.raw("100A000020006E6F64652F636865636B", "0218")
		time.Sleep(10 * time.Second)
		n.raw("100A000020006E6F64652F636865636B", "070B0001200000")
		n.raw("090C2000012001"+"7B7D", "070D0001200100")
		all.want("node/check", "{}", 1)
		n.raw("0216", "0217")
		if s := h.door.Stats(); s.Adopted != 1 || s.Clients != 1 {
			t.Errorf("afterwards: %+v", s)
		}
		n.raw("0C04040101686D7174742D32", "030500") // it was restarted, too
		h.calm()
		if s := h.door.Stats(); s.Clients != 1 {
			t.Errorf("after its CONNECT: %+v", s)
		}
	})
}

func TestStrictDoorTakesNobodyInWithoutConnect(t *testing.T) {
	h := start(t, mqttsn.Config{Strict: true})
	n := h.node()
	for range 3 {
		n.raw("100A000020006E6F64652F636865636B", "0218")
	}
	if s := h.door.Stats(); s.Clients != 0 {
		t.Errorf("afterwards: %+v", s)
	}
}
