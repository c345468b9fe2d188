package mqtt

import (
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// mostAliases is how many topic aliases are used towards one client: a client that
// takes them wants short packets, not thousands of topics kept for it.
const mostAliases = 64

// outbound are the topic aliases that a client of MQTT 5 was given (3.3.2.3.4). Only
// who writes uses them.
type outbound struct {
	most    uint16
	packet  int // bytes, the longest that the client takes; 0: any
	aliases map[string]uint16
}

func newOutbound(most uint16, packet uint32) *outbound {
	return &outbound{most: min(most, mostAliases), packet: int(packet)}
}

// append adds a PUBLISH, in which the topic stands only the first time.
func (o *outbound) append(dst []byte, d *broker.Delivery) []byte {
	m := d.Message
	alias, known := o.aliases[m.Topic]
	if !known {
		if len(o.aliases) >= int(o.most) {
			return d.Append(dst, mqtt.V5)
		}
		if o.aliases == nil {
			o.aliases = map[string]uint16{}
		}
		alias = uint16(len(o.aliases) + 1)
	}
	p := mqtt.Publish{Dup: d.Dup, QoS: d.QoS, Retain: d.Retain, ID: d.ID, Payload: m.Payload}
	if m.Props != nil {
		p.Props = *m.Props
	}
	if !known {
		p.Topic = m.Topic
	}
	if p.Props.HasExpiry {
		p.Props.Expiry = d.Expiry
	}
	p.Props.SubscriptionIDs, p.Props.TopicAlias = d.IDs, alias
	if o.packet > 0 && p.Size(mqtt.V5) > o.packet { // a short topic takes less room than its alias
		return d.Append(dst, mqtt.V5)
	}
	if !known {
		o.aliases[m.Topic] = alias
	}
	return p.Append(dst, mqtt.V5)
}
