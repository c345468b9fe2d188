package mqtt

import (
	"context"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// check takes a node's sign of life. What names no node is nobody's.
func (b *burst) check(p *broker.Publication) {
	own, ok := parseCheck(p.Payload)
	if !ok {
		return
	}
	if b.visitor != nil && !b.d.speaksFor(b.visitor, own) {
		p.Reason = mqtt.NotAuthorized
		return
	}
	b.flush()
	if n, known := b.d.nodes.from(own, b.source); known {
		n.speaks(pyaiotTopics)
		b.judge(p, n.arrive(b.ctx))
		return
	}
	_, err := b.d.present(b.ctx, own, b.source, pyaiotTopics)
	b.judge(p, err)
}

// resources takes a node's list: it is asked for its values.
func (b *burst) resources(p *broker.Publication, own string) {
	if _, ok := parseResources(p.Payload); !ok {
		return
	}
	n, err := b.attend(own, pyaiotTopics)
	if err != nil {
		b.judge(p, err)
		return
	}
	n.speaks(pyaiotTopics)
	if _, err := n.introduce(b.ctx, n.protocol()); err != nil {
		b.judge(p, err)
		return
	}
	n.mu.Lock()
	n.listed = true
	n.mu.Unlock()
	_ = b.carrier.say(message{topic: discoverTopic(own), payload: []byte("values")}) // it has been logged; the node lists them again
}

// present makes a node hang on where it was heard, and tells the rooms.
func (d *Door) present(ctx context.Context, own string, from source, s scheme) (*node, error) {
	if !goodOwn(own) {
		return nil, roost.Errorf(roost.Invalid, "A thing cannot have this id.")
	}
	n, shared, err := d.nodes.hold(d, own, from)
	if err != nil {
		return nil, err
	}
	n.speaks(s)
	if shared != nil {
		_ = shared.arrive(ctx) // it is not alone on its connection any more
	}
	return n, n.arrive(ctx)
}

func (b *burst) readings(p *broker.Publication, own string) {
	when, err := parseTime(userTime(&p.Props))
	var rs []roost.Resource
	if err == nil {
		rs, err = parseReadings(p.Payload, when, b.d.cfg.MaxValue)
	}
	if err != nil {
		b.judge(p, err)
		return
	}
	for len(rs) > most {
		b.add(p, own, roostTopics, rs[:most]...)
		rs = rs[most:]
	}
	b.add(p, own, roostTopics, rs...)
}

// userTime is the MQTT 5 user property that says when a reading was taken.
func userTime(props *mqtt.PublishProps) roost.Value {
	for _, u := range props.User {
		if u.Name == "time" {
			return roost.Text(u.Value)
		}
	}
	return ""
}

// status takes a thing's word, or its last will's, on whether it is here.
func (b *burst) status(p *broker.Publication, own string) {
	online, ok := parseStatus(p.Payload)
	if !ok {
		p.Reason = mqtt.PayloadFormatInvalid
		return
	}
	b.flush()
	if online {
		_, err := b.d.present(b.ctx, own, b.source, roostTopics)
		b.judge(p, err)
		return
	}
	if n, known := b.d.nodes.from(own, b.source); known && b.d.nodes.drop(n) {
		b.d.signOffLogged(n)
	}
}

func (b *burst) reply(p *broker.Publication, own string) {
	a, ok := parseReply(p.Payload, p.Props.CorrelationData)
	if !ok {
		p.Reason = mqtt.PayloadFormatInvalid
		return
	}
	n, err := b.attend(own, roostTopics)
	if err != nil {
		b.judge(p, err)
		return
	}
	n.speaks(roostTopics)
	n.touch()
	b.judge(p, b.d.answered(b.ctx, n, a))
}
