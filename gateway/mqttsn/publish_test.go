package mqttsn_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/gateway/mqttsn"
	wire "github.com/roost-iot/roost/wire/mqttsn"
)

var predefined = map[uint16]string{1: "pre/one", 7: "pre/seven"}

func TestClientPublishes(t *testing.T) {
	h := start(t, mqttsn.Config{Predefined: predefined})
	all := h.listen("#")
	n := h.connected("n")
	id := n.register("t/1")
	if id == 1 || id == 7 {
		t.Errorf("a topic got id %d, which is predefined", id)
	}
	kinds := []struct {
		kind  wire.TopicKind
		id    uint16
		topic string
	}{{wire.Normal, id, "t/1"}, {wire.Predefined, 7, "pre/seven"}, {wire.Short, 0x6162, "ab"}}
	for i, k := range kinds {
		msg := uint16(10 * (i + 1))
		n.say(wire.Publish{QoS: -1, Kind: k.kind, Topic: k.id, Data: []byte("-1")})
		all.want(k.topic, "-1", 0)
		n.say(wire.Publish{Kind: k.kind, Topic: k.id, Data: []byte("0")})
		all.want(k.topic, "0", 0)
		n.ask(wire.Publish{QoS: 1, Kind: k.kind, Topic: k.id, MsgID: msg, Data: []byte("1")}, wire.Puback{Topic: k.id, MsgID: msg})
		all.want(k.topic, "1", 1)
		n.ask(wire.Publish{QoS: 2, Kind: k.kind, Topic: k.id, MsgID: msg + 1, Data: []byte("2")}, wire.Pubrec{MsgID: msg + 1})
		n.ask(wire.Pubrel{MsgID: msg + 1}, wire.Pubcomp{MsgID: msg + 1})
		all.want(k.topic, "2", 2)
	}
	if s := h.door.Stats(); s.Published != 12 {
		t.Errorf("%d messages counted", s.Published)
	}
}

func TestClientGetsMessages(t *testing.T) {
	h := start(t, mqttsn.Config{Predefined: predefined})
	n := h.connected("n")
	byName := n.subscribe("t/1", 2)
	n.ask(wire.Subscribe{QoS: 1, MsgID: 2, Topic: wire.Topic{Kind: wire.Predefined, ID: 7}}, wire.Suback{QoS: 1, TopicID: 7, MsgID: 2})
	n.ask(wire.Subscribe{QoS: 2, MsgID: 3, Topic: wire.Topic{Kind: wire.Short, ID: 0x6162}}, wire.Suback{QoS: 2, TopicID: 0x6162, MsgID: 3})

	h.publish("t/1", "0", 0)
	n.want(wire.Publish{Topic: byName, Data: []byte("0")})
	h.publish("pre/seven", "1", 2)
	n.want(wire.Publish{QoS: 1, Kind: wire.Predefined, Topic: 7, MsgID: 1, Data: []byte("1")})
	n.say(wire.Puback{Topic: 7, MsgID: 1})
	h.publish("ab", "2", 2)
	n.want(wire.Publish{QoS: 2, Kind: wire.Short, Topic: 0x6162, MsgID: 2, Data: []byte("2")})
	n.ask(wire.Pubrec{MsgID: 2}, wire.Pubrel{MsgID: 2})
	n.say(wire.Pubcomp{MsgID: 2})

	n.ask(wire.Unsubscribe{MsgID: 4, Topic: wire.Topic{Name: "t/1"}}, wire.Unsuback{MsgID: 4})
	n.ask(wire.Unsubscribe{MsgID: 5, Topic: wire.Topic{Kind: wire.Predefined, ID: 7}}, wire.Unsuback{MsgID: 5})
	n.ask(wire.Unsubscribe{MsgID: 6, Topic: wire.Topic{Kind: wire.Short, ID: 0x6162}}, wire.Unsuback{MsgID: 6})
	n.ask(wire.Unsubscribe{MsgID: 7, Topic: wire.Topic{Name: "never/there"}}, wire.Unsuback{MsgID: 7})
	for _, topic := range []string{"t/1", "pre/seven", "ab"} {
		h.publish(topic, "no more", 1)
	}
	n.silent()
}

func TestTopicIsRegisteredBeforeItsFirstMessage(t *testing.T) {
	h := start(t, mqttsn.Config{})
	n := h.connected("n")
	if id := n.subscribe("w/+", 1); id != 0 {
		t.Errorf("a filter with wildcards got topic id %d", id)
	}
	own := n.register("w/mine")
	for i, topic := range []string{"w/a", "w/mine", "w/a", "w/b", "ws"} {
		h.publish(topic, fmt.Sprint(i), 1)
	}
	a := n.registered("w/a")
	if a == own {
		t.Fatalf("w/a got the id of w/mine")
	}
	n.published(a, "0")
	n.published(own, "1")
	n.published(a, "2")
	n.published(n.registered("w/b"), "3")
	n.silent()
	n.ask(wire.Publish{QoS: 1, Topic: a, MsgID: 9}, wire.Puback{Topic: a, MsgID: 9}) // ids are good both ways
	n.published(a, "")
}

// registered takes a REGISTER from the door.
func (n *node) registered(name string) uint16 {
	n.h.t.Helper()
	m, ok := n.hear().(wire.Register)
	if !ok || m.Name != name || m.TopicID == 0 {
		n.h.t.Fatalf("got %+v, want REGISTER of %s", m, name)
	}
	n.say(wire.Regack{TopicID: m.TopicID, MsgID: m.MsgID})
	return m.TopicID
}

// published takes a PUBLISH of QoS 1.
func (n *node) published(id uint16, payload string) {
	n.h.t.Helper()
	m, ok := n.hear().(wire.Publish)
	if !ok || m.Topic != id || string(m.Data) != payload || m.QoS != 1 {
		n.h.t.Fatalf("got %+v, want %q for topic %d", m, payload, id)
	}
	n.say(wire.Puback{Topic: id, MsgID: m.MsgID})
}

func TestClientRefusesATopic(t *testing.T) {
	h := start(t, mqttsn.Config{})
	n := h.connected("n")
	n.subscribe("w/#", 2)
	for _, qos := range []byte{0, 1, 2} {
		h.publish("w/a", "lost", qos)
		m := n.hear().(wire.Register)
		n.say(wire.Regack{TopicID: m.TopicID, MsgID: m.MsgID, Code: wire.NotSupported})
	}
	h.publish("w/b", "kept", 1)
	n.published(n.registered("w/b"), "kept")
	if s := h.door.Stats(); s.Unnameable != 3 {
		t.Errorf("%d messages counted as not nameable", s.Unnameable)
	}
}

func TestClientForgotATopicID(t *testing.T) {
	h := start(t, mqttsn.Config{})
	n := h.connected("n")
	n.subscribe("w/#", 0)
	h.publish("w/a", "1", 0)
	id := n.registered("w/a")
	n.want(wire.Publish{Topic: id, Data: []byte("1")})
	n.say(wire.Puback{Topic: id, Code: wire.InvalidTopicID})
	n.silent()
	h.publish("w/a", "2", 0)
	n.want(wire.Publish{Topic: n.registered("w/a"), Data: []byte("2")})
}

// The client names the same topic while the door is telling it, or another one.
func TestBothSidesRegisterAtOnce(t *testing.T) {
	h := start(t, mqttsn.Config{})
	n := h.connected("n")
	n.subscribe("w/#", 1)
	h.publish("w/a", "1", 1)
	m := n.hear().(wire.Register)
	if other := n.register("w/b"); other == m.TopicID {
		t.Errorf("w/a and w/b both got id %d", other)
	}
	if same := n.register("w/a"); same != m.TopicID {
		t.Errorf("w/a got ids %d and %d", m.TopicID, same)
	}
	n.say(wire.Regack{TopicID: m.TopicID, MsgID: m.MsgID})
	n.published(m.TopicID, "1")
	if s := h.door.Stats(); s.Topics != 2 {
		t.Errorf("%d topics counted", s.Topics)
	}
}

func TestRetainedMessageComesAfterTheSuback(t *testing.T) {
	h := start(t, mqttsn.Config{})
	n := h.connected("n")
	id := n.register("r")
	n.ask(wire.Publish{QoS: 1, Retain: true, Topic: id, MsgID: 1, Data: []byte("kept")}, wire.Puback{Topic: id, MsgID: 1})
	m := h.connected("m")
	own := m.subscribe("r", 0)
	m.want(wire.Publish{Retain: true, Topic: own, Data: []byte("kept")})
}

func TestRequestThatComesAgainIsDoneOnce(t *testing.T) {
	h := start(t, mqttsn.Config{})
	all := h.listen("#")
	n := h.connected("n")
	id := n.register("t")
	for _, dup := range []bool{false, true, false} {
		n.ask(wire.Publish{Dup: dup, QoS: 1, Topic: id, MsgID: 5, Data: []byte("x")}, wire.Puback{Topic: id, MsgID: 5})
	}
	all.want("t", "x", 1)
	n.ask(wire.Publish{QoS: 1, Topic: id, MsgID: 5, Data: []byte("y")}, wire.Puback{Topic: id, MsgID: 5})
	all.want("t", "y", 1) // the same id, but another message
	for range 3 {
		n.ask(wire.Publish{Dup: true, QoS: 2, Topic: id, MsgID: 6, Data: []byte("z")}, wire.Pubrec{MsgID: 6})
	}
	for range 3 {
		n.ask(wire.Pubrel{MsgID: 6}, wire.Pubcomp{MsgID: 6})
	}
	all.want("t", "z", 2)
	all.none()
	for range 2 { // a second SUBSCRIBE of the same bytes does not bring the retained message again
		n.ask(wire.Subscribe{MsgID: 7, Topic: wire.Topic{Name: "t"}}, wire.Suback{TopicID: id, MsgID: 7})
	}
	if s := h.door.Stats(); s.Duplicates != 5 {
		t.Errorf("%d duplicates counted", s.Duplicates)
	}
}

func TestBadPublicationsAreRefused(t *testing.T) {
	h := start(t, mqttsn.Config{})
	all := h.listen("#")
	n := h.connected("n")
	for qos := wire.QoS0; qos <= wire.QoS2; qos++ {
		n.ask(wire.Publish{QoS: qos, Topic: 99, MsgID: uint16(qos)}, wire.Puback{Topic: 99, MsgID: uint16(qos), Code: wire.InvalidTopicID})
	}
	n.ask(wire.Publish{QoS: 1, Kind: wire.Predefined, Topic: 3, MsgID: 4}, wire.Puback{Topic: 3, MsgID: 4, Code: wire.InvalidTopicID})
	n.ask(wire.Publish{QoS: 1, Kind: wire.Short, Topic: 0x2B61, MsgID: 5}, wire.Puback{Topic: 0x2B61, MsgID: 5, Code: wire.InvalidTopicID})
	n.say(wire.Publish{QoS: -1, Topic: 99})
	n.silent()
	id := n.register("$SYS/x")
	n.ask(wire.Publish{QoS: 1, Topic: id, MsgID: 6}, wire.Puback{Topic: id, MsgID: 6, Code: wire.NotSupported})
	n.ask(wire.Publish{QoS: 2, Topic: id, MsgID: 7}, wire.Puback{Topic: id, MsgID: 7, Code: wire.NotSupported})
	n.ask(wire.Publish{QoS: 1, Topic: id}, wire.Puback{Topic: id, Code: wire.NotSupported}) // message id 0
	for i, name := range []string{"a/#", "+", "a\x00b"} {
		n.ask(wire.Register{MsgID: uint16(i), Name: name}, wire.Regack{MsgID: uint16(i), Code: wire.NotSupported})
	}
	for i, filter := range []string{"a/#/b", "a+", "a\x00"} {
		n.ask(wire.Subscribe{MsgID: uint16(i), Topic: wire.Topic{Name: filter}}, wire.Suback{MsgID: uint16(i), Code: wire.NotSupported})
	}
	n.ask(wire.Subscribe{QoS: -1, MsgID: 9, Topic: wire.Topic{Name: "a"}}, wire.Suback{MsgID: 9, Code: wire.NotSupported})
	n.ask(wire.Subscribe{MsgID: 9, Topic: wire.Topic{Kind: wire.Predefined, ID: 3}}, wire.Suback{MsgID: 9, Code: wire.InvalidTopicID})
	all.none()
}

func TestWhoNeverConnectedPublishesWithQoSMinus1(t *testing.T) {
	h := start(t, mqttsn.Config{Predefined: predefined, MaxCasual: 1})
	all := h.listen("#")
	n := h.node()
	n.say(wire.Publish{QoS: -1, Kind: wire.Predefined, Topic: 1, Data: []byte("a")})
	all.want("pre/one", "a", 0)
	n.say(wire.Publish{QoS: -1, Kind: wire.Short, Topic: 0x6162, Data: []byte("b")})
	all.want("ab", "b", 0)
	n.say(wire.Publish{QoS: -1, Topic: 1, Data: []byte("normal")})
	n.say(wire.Publish{QoS: -1, Kind: wire.Predefined, Topic: 2, Data: []byte("unknown")})
	n.ask(wire.Publish{QoS: 1, Kind: wire.Predefined, Topic: 1, MsgID: 1}, wire.Disconnect{})
	other := h.node()
	other.say(wire.Publish{QoS: -1, Kind: wire.Predefined, Topic: 1, Data: []byte("one too many")})
	other.silent()
	all.none()
	n.connect(wire.Connect{Clean: true, ClientID: "n"})
	h.until("the connection takes the place", func() bool { return h.broker.Stats().Connected == 2 })
	other.say(wire.Publish{QoS: -1, Kind: wire.Predefined, Topic: 1, Data: []byte("c")})
	all.want("pre/one", "c", 0)
}

func TestMessageThatFitsNoDatagramIsDropped(t *testing.T) {
	h := start(t, mqttsn.Config{MaxDatagram: 300})
	n := h.connected("n")
	id := n.subscribe("t", 2)
	for qos := range byte(3) {
		h.publish("t", strings.Repeat("x", 290), qos)
	}
	h.publish("t", strings.Repeat("y", 280), 0)
	n.want(wire.Publish{Topic: id, Data: []byte(strings.Repeat("y", 280))})
	n.say(wire.Publish{Topic: id, Data: make([]byte, 300)})
	n.silent()
	if s := h.door.Stats(); s.TooLarge != 3 || s.Malformed != 1 {
		t.Errorf("afterwards: %+v", s)
	}
	if s := h.broker.Stats(); s.Queued != 0 {
		t.Errorf("%d messages wait", s.Queued)
	}
}

func TestManyMessagesKeepTheirOrder(t *testing.T) {
	h := start(t, mqttsn.Config{})
	n := h.connected("n")
	id := n.subscribe("t", 1)
	const many = 500
	for i := range many {
		h.broker.Publish(&broker.Message{Topic: "t", Payload: fmt.Append(nil, i), QoS: 1})
	}
	for i := range many {
		n.published(id, fmt.Sprint(i))
	}
	n.silent()
}
