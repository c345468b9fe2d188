package mqttsn_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/gateway/mqttsn"
	"github.com/roost-iot/roost/wire/mqtt"
	wire "github.com/roost-iot/roost/wire/mqttsn"
)

// A client that goes on to say that it does not know a topic id is told the name, and
// then does without the message.
func TestClientDoesNotKnowATopicID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n := h.connected("n")
		id := n.subscribe("t", 1)
		refuse := func() {
			t.Helper()
			m, ok := n.hear().(wire.Publish)
			if !ok || string(m.Data) != "x" {
				t.Fatalf("got %+v", m)
			}
			n.say(wire.Puback{Topic: m.Topic, MsgID: m.MsgID, Code: wire.InvalidTopicID})
		}
		h.publish("t", "x", 1)
		refuse()
		refuse() // a second later
		again := n.registered("t")
		refuse()
		h.publish("t", "y", 1)
		n.published(again, "y")
		if s := h.door.Stats(); s.Unnameable != 1 || s.Topics != 1 || again != id {
			t.Errorf("afterwards: %+v, ids %d and %d", s, id, again)
		}
	})
}

// A client that has no room for something now is asked again when its time has come.
func TestClientSaysCongestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n := h.connected("n")
		n.subscribe("w/#", 1)
		began := time.Now()
		h.publish("w/a", "x", 1)
		m := n.hear().(wire.Register)
		n.say(wire.Regack{TopicID: m.TopicID, MsgID: m.MsgID, Code: wire.Congestion})
		id := n.registered("w/a")
		p := n.hear().(wire.Publish)
		n.say(wire.Puback{Topic: id, MsgID: p.MsgID, Code: wire.Congestion})
		p.Dup = true
		n.want(p)
		n.say(wire.Puback{Topic: id, MsgID: p.MsgID})
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("it took %v", took)
		}
		h.calm()
		if s := h.broker.Stats(); s.Queued != 0 {
			t.Errorf("%d messages wait", s.Queued)
		}
	})
}

// A message that the client does not support is not sent again.
func TestClientRefusesAMessage(t *testing.T) {
	h := start(t, mqttsn.Config{})
	n := h.connected("n")
	id := n.subscribe("t", 2)
	h.publish("t", "x", 2)
	m := n.hear().(wire.Publish)
	n.say(wire.Puback{Topic: id, MsgID: m.MsgID, Code: wire.NotSupported})
	h.publish("t", "y", 1)
	n.published(id, "y")
}

func TestManyMessagesOfQoS0(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // sockets would lose some
		h, _ := bubble(t, mqttsn.Config{})
		n := h.connected("n")
		id := n.subscribe("t", 0)
		for i := range 300 {
			h.publish("t", fmt.Sprint(i), 0)
		}
		for i := range 300 {
			n.want(wire.Publish{Topic: id, Data: fmt.Append(nil, i)})
		}
	})
}

func TestBrokerCutsAClient(t *testing.T) {
	h := start(t, mqttsn.Config{})
	n := h.connected("n")
	h.broker.Cut("n", mqtt.AdministrativeAction)
	n.want(wire.Disconnect{})
	n.ask(wire.Pingreq{}, wire.Disconnect{})
	if s := h.broker.Stats(); s.Connected != 0 {
		t.Errorf("%d are connected", s.Connected)
	}
}

// An MQTT client of the same id takes the session over.
func TestClientOfAnotherDoorTakesOver(t *testing.T) {
	h := start(t, mqttsn.Config{})
	n := h.connected("same")
	l := &listener{h: h, wake: make(chan struct{}, 1)}
	s, _, err := h.broker.Connect(t.Context(), broker.Connect{
		Client: &broker.Client{ID: "same", Version: mqtt.V5}, Peer: l, CleanStart: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	n.want(wire.Disconnect{})
	s.End(t.Context(), broker.End{How: broker.Clean})
}

func TestWhoPublishesWithQoSMinus1IsForgottenInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := bubble(t, mqttsn.Config{})
		n := h.node()
		publish := wire.Publish{QoS: -1, Kind: wire.Short, Topic: 0x6162}
		n.say(publish)
		time.Sleep(time.Minute)
		n.say(publish)
		time.Sleep(119 * time.Second)
		if s := h.door.Stats(); s.Clients != 1 {
			t.Errorf("%d clients", s.Clients)
		}
		time.Sleep(2 * time.Second)
		if s := h.door.Stats(); s.Clients != 0 || s.Lost != 0 || len(n.in) != 0 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

func TestNobodyWithoutAdmission(t *testing.T) {
	h := start(t, mqttsn.Config{Admit: func(context.Context, string, string) (any, mqtt.ReasonCode) {
		return nil, mqtt.ServerBusy
	}})
	all := h.listen("ab")
	n := h.node()
	n.ask(wire.Connect{ClientID: "n"}, wire.Connack{Code: wire.Congestion})
	n.say(wire.Publish{QoS: -1, Kind: wire.Short, Topic: 0x6162})
	for range 3 {
		n.ask(wire.Register{MsgID: 1, Name: "t"}, wire.Disconnect{})
	}
	all.none()
	if s := h.door.Stats(); s.Clients != 0 || s.Adopted != 0 {
		t.Errorf("afterwards: %+v", s)
	}
}

// rules are hooks by which a message's payload says how it is refused.
type rules struct{ broker.Hooks }

func (rules) Take(_ context.Context, _ *broker.Client, pubs []*broker.Publication) {
	for _, p := range pubs {
		p.Reason = mqtt.ReasonCode(p.Payload[0])
	}
}

func (rules) MaySubscribe(_ *broker.Client, filter string) mqtt.ReasonCode {
	if filter == "no" {
		return mqtt.NotAuthorized
	}
	return mqtt.Success
}

func (rules) Retained(*broker.Client, string, func(*broker.Message) bool) {}
func (rules) Subscribed(*broker.Client, string)                           {}
func (rules) Connected(*broker.Client, bool)                              {}
func (rules) Gone(*broker.Client, broker.Gone, bool)                      {}

func TestRefusalsOfTheHouse(t *testing.T) {
	h := start(t, mqttsn.Config{Broker: broker.New(broker.Config{Hooks: rules{}})})
	n := h.connected("n")
	id := n.register("t")
	for msg, c := range map[uint16]struct {
		reason mqtt.ReasonCode
		code   wire.ReturnCode
	}{
		1: {mqtt.Success, wire.Accepted},
		2: {mqtt.NotAuthorized, wire.NotSupported},
		3: {mqtt.QuotaExceeded, wire.Congestion},
		4: {mqtt.TopicNameInvalid, wire.InvalidTopicID},
		5: {mqtt.PayloadFormatInvalid, wire.NotSupported},
	} {
		n.ask(wire.Publish{QoS: 1, Topic: id, MsgID: msg, Data: []byte{byte(c.reason)}}, wire.Puback{Topic: id, MsgID: msg, Code: c.code})
	}
	n.say(wire.Publish{Topic: id, Data: []byte{byte(mqtt.NotAuthorized)}})
	n.ask(wire.Subscribe{MsgID: 9, Topic: wire.Topic{Name: "no"}}, wire.Suback{MsgID: 9, Code: wire.NotSupported})
	for range 2 { // what was refused is not remembered as done
		n.ask(wire.Publish{QoS: 2, Topic: id, MsgID: 10, Data: []byte{byte(mqtt.NotAuthorized)}},
			wire.Puback{Topic: id, MsgID: 10, Code: wire.NotSupported})
	}
	n.ask(wire.Publish{QoS: 2, Topic: id, MsgID: 10, Data: []byte{0}}, wire.Pubrec{MsgID: 10})
}
