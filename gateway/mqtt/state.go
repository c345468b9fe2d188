package mqtt

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// tell says what events tell.
func (w *watch) tell(ctx context.Context, events []*roost.Event) {
	defer w.flush(ctx)
	for _, e := range events {
		if e.Project != w.d.cfg.Project {
			continue
		}
		switch e.Kind {
		case roost.Read:
			w.state(string(e.Ref.Thing), roost.Resource{Name: e.Resource, Value: e.Value, At: e.At})
		case roost.ThingChanged:
			if e.Thing.Enrolment == roost.Enrolled {
				w.presence(e.Ref.Thing, e.Thing.Online)
			}
		case roost.ThingForgotten:
			w.presence(e.Ref.Thing, false)
			w.mu.Lock()
			delete(w.online, e.Ref.Thing)
			w.mu.Unlock()
		case roost.CommandChanged:
			w.ended(e.Command)
		}
	}
}

// state says a value, if somebody would hear it.
func (w *watch) state(thing string, r roost.Resource) {
	topic := stateTopic(thing, r.Name)
	if w.d.inside.wanted(topic) && mqtt.ValidTopic(topic) == nil {
		w.out = append(w.out, stateMessage(topic, r))
	}
}

func stateMessage(topic string, r roost.Resource) *broker.Message {
	return jsonMessage(topic, []byte(r.Value), mqtt.UserProperty{Name: "time", Value: strconv.FormatInt(r.At.UnixMilli(), 10)})
}

func jsonMessage(topic string, payload []byte, user ...mqtt.UserProperty) *broker.Message {
	return &broker.Message{Topic: topic, Payload: payload, QoS: 1, Props: &mqtt.PublishProps{
		PayloadFormat: 1, ContentType: "application/json", User: user,
	}}
}

// presence says whether a thing is here, when that has changed.
func (w *watch) presence(thing roost.ThingID, online bool) {
	w.mu.Lock()
	was, told := w.online[thing]
	w.online[thing] = online
	w.mu.Unlock()
	if told && was == online {
		return
	}
	if topic := onlineTopic(string(thing)); w.d.inside.wanted(topic) {
		w.out = append(w.out, onlineMessage(topic, online))
	}
}

func onlineMessage(topic string, online bool) *broker.Message {
	return jsonMessage(topic, strconv.AppendBool(nil, online))
}

// again says all that is known: some of the news was missed.
func (w *watch) again(ctx context.Context) {
	w.d.cfg.Fleet.Each(w.d.cfg.Project, func(t roost.Thing, rs []roost.Resource) bool {
		if t.Enrolment != roost.Enrolled {
			return true
		}
		for _, r := range rs {
			w.state(string(t.Ref.Thing), r)
		}
		w.presence(t.Ref.Thing, t.Online)
		w.flush(ctx)
		return ctx.Err() == nil
	})
}

// lastValues gives what a new subscription gets of what is known.
func (w *watch) lastValues(filter string, yield func(*broker.Message) bool) {
	if w.d.cfg.Fleet == nil || !selectsState(filter) {
		return
	}
	each := func(t roost.Thing, rs []roost.Resource) bool {
		if t.Enrolment != roost.Enrolled {
			return true
		}
		id := string(t.Ref.Thing)
		if topic := onlineTopic(id); mqtt.Match(filter, topic) && !yield(kept(onlineMessage(topic, t.Online))) {
			return false
		}
		for _, r := range rs {
			topic := stateTopic(id, r.Name)
			if mqtt.Match(filter, topic) && mqtt.ValidTopic(topic) == nil && !yield(kept(stateMessage(topic, r))) {
				return false
			}
		}
		return true
	}
	if levels := strings.SplitN(filter, "/", 3); len(levels) == 3 && levels[1] != "+" {
		if t, rs, ok := w.d.cfg.Fleet.Get(roost.Ref{Project: w.d.cfg.Project, Thing: roost.ThingID(levels[1])}); ok {
			each(t, rs)
		}
		return
	}
	w.d.cfg.Fleet.Each(w.d.cfg.Project, each)
}

// kept makes a message one that is retained.
func kept(m *broker.Message) *broker.Message {
	m.Retain = true
	return m
}

// ended says how a command ended: to all who watch, and to who asked for an answer.
func (w *watch) ended(c *roost.Command) {
	if c == nil || !c.State.Final() {
		return
	}
	w.mu.Lock()
	q, asked := w.asked[c.ID]
	delete(w.asked, c.ID)
	if !asked && w.busy > 0 {
		for id := range w.early { // most are of others, which nobody asks about
			if len(w.early) < maxAsked {
				break
			}
			delete(w.early, id)
		}
		w.early[c.ID] = c
	}
	w.mu.Unlock()
	if topic := resultTopic(string(c.Ref.Thing)); w.d.inside.wanted(topic) {
		w.out = append(w.out, resultMessage(topic, c, nil))
	}
	if asked {
		w.out = append(w.out, resultMessage(q.topic, c, q.correlation))
	}
}

// flush says what there is to say, and waits a little for those who read too slowly.
func (w *watch) flush(ctx context.Context) {
	w.d.broker.PublishAll(ctx, w.out)
	clear(w.out)
	w.out = w.out[:0]
}

// resultMessage is how a command went:
// {"id", "resource", "state", "value" or "error" if there is one, "by"}.
func resultMessage(topic string, c *roost.Command, correlation []byte) *broker.Message {
	b := append([]byte(`{"id":`), roost.Text(c.ID)...)
	if c.Kind == roost.Set {
		b = append(append(b, `,"resource":`...), roost.Text(c.Resource)...)
	} else {
		b = append(b, `,"refresh":true`...)
	}
	b = append(append(append(b, `,"state":"`...), c.State...), '"')
	if c.Result != "" {
		b = append(append(b, `,"value":`...), c.Result...)
	}
	if c.Error != "" {
		b = append(append(b, `,"error":`...), roost.Text(c.Error)...)
	}
	b = append(append(append(b, `,"by":`...), roost.Text(c.By)...), '}')
	m := jsonMessage(topic, b, mqtt.UserProperty{Name: "state", Value: string(c.State)})
	m.Props.CorrelationData = correlation
	return m
}

// submitting counts a submission in, whose command may end before its id is known.
func (w *watch) submitting() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy++
	w.listen()
}

// submitted counts it out and gives the command's end to who waits for it.
func (w *watch) submitted(c roost.Command, err error, q question) {
	w.mu.Lock()
	w.busy--
	end := w.early[c.ID]
	delete(w.early, c.ID)
	if w.busy == 0 {
		clear(w.early)
	}
	if err == nil && end == nil && len(w.asked) < maxAsked {
		q.until = c.Expires.Add(time.Minute)
		w.asked[c.ID] = q
	}
	w.mu.Unlock()
	if err == nil && end != nil {
		w.d.broker.Publish(resultMessage(q.topic, end, q.correlation))
	}
}
