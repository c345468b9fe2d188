package mqtt

import (
	"bytes"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// set takes a program's wish to have a resource of a thing set. Nobody else gets it.
func (b *burst) set(p *broker.Publication, at place) {
	p.Taken = true
	if b.visitor == nil || b.d.cfg.Submit == nil || b.d.cfg.Fleet == nil {
		p.Reason = mqtt.NotAuthorized
		return
	}
	if p.Props.ResponseTopic != "" && !mayAnswer(p.Props.ResponseTopic) {
		p.Reason = mqtt.TopicNameInvalid
		return
	}
	b.flush()
	ref := roost.Ref{Project: b.d.cfg.Project, Thing: roost.ThingID(at.own)}
	t, rs, ok := b.d.cfg.Fleet.Get(ref)
	if !ok || t.Enrolment != roost.Enrolled {
		p.Reason = mqtt.TopicNameInvalid
		return
	}
	q := command.Request{Ref: ref, Kind: roost.Set, Resource: at.resource, Value: inItsForm(p.Payload, at.resource, rs), By: b.visitor.by()}
	if p.Props.HasExpiry {
		q.Expiry = max(time.Duration(p.Props.Expiry)*time.Second, time.Second)
	}
	if !goodResource(at.resource) {
		p.Reason = mqtt.TopicNameInvalid
		return
	}
	err := b.d.submit(b, q, p)
	if err == nil {
		return
	}
	p.Reason = reasonOf(err)
	if topic := resultTopic(at.own); b.d.inside.wanted(topic) { // older versions see it here only
		c := roost.Command{Kind: roost.Set, Resource: at.resource, State: roost.Failed, Error: roost.Message(err), By: q.By}
		b.d.broker.Publish(resultMessage(topic, &c, bytes.Clone(p.Props.CorrelationData)))
	}
}

// inItsForm reads a value as JSON, or as text where that is how the thing says this
// resource itself: a program that publishes 1 need not know that the LED says "1".
func inItsForm(payload []byte, resource string, rs []roost.Resource) roost.Value {
	v := parseAny(payload)
	for _, r := range rs {
		if r.Name == resource && r.Value.IsText() && !v.IsText() {
			return roost.Text(string(payload))
		}
	}
	return v
}

// submit hands a set to the command room, and its end to the response topic if there is one.
func (d *Door) submit(b *burst, q command.Request, p *broker.Publication) error {
	if p.Props.ResponseTopic == "" || d.cfg.Feed == nil {
		_, err := d.cfg.Submit(b.ctx, q)
		return err
	}
	d.watch.submitting()
	c, err := d.cfg.Submit(b.ctx, q)
	d.watch.submitted(c, err, question{topic: p.Props.ResponseTopic, correlation: bytes.Clone(p.Props.CorrelationData)})
	return err
}

// mayAnswer tells that a program may have its answer there: not where it would be
// taken for what a thing or Roost said.
func mayAnswer(topic string) bool {
	return mqtt.ValidTopic(topic) == nil && placeOf(topic).kind == plain && !strings.HasPrefix(topic, "$")
}
