package mqtt

import (
	"context"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// inside is the broker in the house: it carries what we say, and its Hooks are where
// the topics get their meaning.
type inside struct{ d *Door }

func (i *inside) say(m message) error {
	i.d.broker.Publish(&broker.Message{Topic: m.topic, Payload: m.payload, QoS: 1, Props: m.props})
	return nil
}

// hears leaves those out that only look on: a program with # takes no commands. One
// with an owner's token may be a bridge, which does.
func (i *inside) hears(topic string) bool {
	return i.d.broker.Hears(topic, func(c *broker.Client) bool {
		role := visitorOf(c).role()
		return role == "" || role.AtLeast(roost.Owner)
	})
}

// wanted tells whether anybody at all would get it.
func (i *inside) wanted(topic string) bool {
	sessions, _ := i.d.broker.Reach(topic)
	return sessions > 0
}

func (i *inside) tells() bool     { return true }
func (i *inside) connected() bool { return true }

// Take implements broker.Hooks.
func (i *inside) Take(ctx context.Context, from *broker.Client, pubs []*broker.Publication) {
	b := burst{d: i.d, ctx: ctx, source: i.source(from)}
	b.take(pubs)
}

func (i *inside) source(c *broker.Client) source {
	s := source{visitor: visitorOf(c), carrier: i}
	if c != nil {
		s.session = c.ID
	}
	return s
}

// MaySubscribe implements broker.Hooks. Who may watch things is told of what happens
// from here on, so that nothing falls between the last values and what follows them.
func (i *inside) MaySubscribe(from *broker.Client, filter string) mqtt.ReasonCode {
	v := visitorOf(from)
	if !i.d.maySubscribe(v, filter) {
		return mqtt.NotAuthorized
	}
	if v.role() != "" && selectsState(filter) {
		i.d.watch.add(from.ID, filter)
	}
	return mqtt.Success
}

// Retained implements broker.Hooks.
func (i *inside) Retained(from *broker.Client, filter string, yield func(*broker.Message) bool) {
	if visitorOf(from).role() != "" {
		i.d.watch.lastValues(bare(filter), yield)
	}
}

// Subscribed implements broker.Hooks. A thing that asks for commands is here, and one
// that came before it was ready for questions is asked again.
func (i *inside) Subscribed(from *broker.Client, filter string) {
	v := visitorOf(from)
	v.subscribed.Store(true)
	own, isNative, ok := heardBy(bare(filter))
	if !ok || v.role() != "" && !v.all {
		return
	}
	ctx := i.d.life
	if isNative {
		_, _ = i.d.present(ctx, own, i.source(from), roostTopics) // what it publishes will tell it
		return
	}
	if n := i.d.nodes.find(own); n != nil {
		n.mu.Lock()
		ask := n.introduced && !n.listed
		n.mu.Unlock()
		if ask {
			_ = n.ask(i, "") // there, nothing stands in its way
		}
	}
}

// Unsubscribed implements broker.Hooks.
func (i *inside) Unsubscribed(from *broker.Client, filter string) { i.d.watch.drop(from.ID, filter) }

// Connected implements broker.Hooks. Things of a session that goes on are awake, and
// one that has shown its credential is here.
func (i *inside) Connected(from *broker.Client, present bool) {
	v := visitorOf(from)
	i.d.guests.come(v, from)
	ctx := i.d.life
	if present {
		v.subscribed.Store(true)
		if v.role() != "" {
			i.d.watch.add(from.ID, "") // it may have subscriptions to things from before
		}
		for _, n := range i.d.nodes.resume(v, from.ID) {
			if i.d.speaksFor(v, n.own) {
				_ = n.arrive(ctx) // what it publishes will tell it
			} else if i.d.nodes.drop(n) { // it has a password by now, or is another's
				i.d.signOffLogged(n)
			}
		}
	}
	if own := v.own(); own != "" {
		_, _ = i.d.present(ctx, own, i.source(from), unsaid)
	}
}

// Gone implements broker.Hooks.
func (i *inside) Gone(from *broker.Client, how broker.Gone, remains bool) {
	v := visitorOf(from)
	i.d.guests.leave(v)
	if !remains {
		i.d.watch.forget(from.ID)
	}
	left, stay := i.d.nodes.end(v, from.ID, how, remains)
	for _, n := range left {
		i.d.signOffLogged(n)
	}
	for _, n := range stay {
		_ = n.arrive(i.d.life) // no longer by its connection
	}
}

// bare is a filter without $share/group/.
func bare(filter string) string {
	if _, rest, shared := mqtt.Shared(filter); shared {
		return rest
	}
	return filter
}

// expel ends the connection of a guest who may not stay.
func (d *Door) expel(v *visitor) {
	d.guests.mu.Lock()
	c := v.client
	d.guests.mu.Unlock()
	if c != nil {
		d.broker.Cut(c.ID, mqtt.NotAuthorized)
	}
}
