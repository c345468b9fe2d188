package mqtt

import (
	"testing"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// TestAliasMakesNoPacketTooLong: a topic of one letter takes less room than its alias.
func TestAliasMakesNoPacketTooLong(t *testing.T) {
	d := broker.Delivery{Type: mqtt.TypePublish, Message: &broker.Message{Topic: "t", Payload: []byte("first")}}
	plain := d.Append(nil, mqtt.V5)
	o := newOutbound(1, uint32(len(plain)+4))
	if first := o.append(nil, &d); len(first) != len(plain)+3 {
		t.Fatalf("no alias was given: % x", first)
	}
	d.Message = &broker.Message{Topic: "t", Payload: []byte("a bit long")}
	o.packet = len(d.Append(nil, mqtt.V5))
	if b := o.append(nil, &d); len(b) > o.packet {
		t.Errorf("%d bytes for a client that takes %d", len(b), o.packet)
	}
}
