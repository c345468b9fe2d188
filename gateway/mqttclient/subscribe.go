package mqttclient

import (
	"context"
	"slices"

	"github.com/roost-iot/roost/wire/mqtt"
)

// ask is a SUBSCRIBE or UNSUBSCRIBE until it is answered.
type ask struct {
	id   uint16 // 0: not sent on this connection
	subs []mqtt.Subscription
	drop []string // or filters to take back
	done func(codes []mqtt.ReasonCode, err error)
}

func (a *ask) finish(codes []mqtt.ReasonCode, err error) {
	if a.done != nil {
		a.done(codes, err)
	}
}

// manySubs is how many filters go into one packet when they are made anew.
const manySubs = 64

// Subscribe asks for messages and waits for the broker's answer, a code for each; when
// one means a failure, that is the error, too. The subscriptions are made anew with
// every connection.
func (c *Client) Subscribe(ctx context.Context, subs ...mqtt.Subscription) ([]mqtt.ReasonCode, error) {
	for _, s := range subs {
		if err := mqtt.ValidFilter(s.Filter); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	for _, s := range subs {
		c.forget(s.Filter)
		c.subs = append(c.subs, s)
	}
	c.mu.Unlock()
	codes, err := c.ask(ctx, &ask{subs: slices.Clone(subs)})
	for i, code := range codes {
		if err == nil && code.Failed() {
			err = &mqtt.Error{Code: code, Packet: mqtt.TypeSuback, What: "the broker refuses " + subs[min(i, len(subs)-1)].Filter}
		}
	}
	return codes, err
}

// Unsubscribe takes subscriptions back and waits for the broker's answer.
func (c *Client) Unsubscribe(ctx context.Context, filters ...string) error {
	c.mu.Lock()
	for _, f := range filters {
		c.forget(f)
	}
	c.mu.Unlock()
	_, err := c.ask(ctx, &ask{drop: slices.Clone(filters)})
	return err
}

func (c *Client) forget(filter string) {
	c.subs = slices.DeleteFunc(c.subs, func(s mqtt.Subscription) bool { return s.Filter == filter })
}

func (c *Client) ask(ctx context.Context, a *ask) ([]mqtt.ReasonCode, error) {
	if len(a.subs)+len(a.drop) == 0 {
		return nil, nil
	}
	type answer struct {
		codes []mqtt.ReasonCode
		err   error
	}
	answers := make(chan answer, 1)
	a.done = func(codes []mqtt.ReasonCode, err error) { answers <- answer{codes, err} }
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	c.asks = append(c.asks, a)
	if l := c.link; l != nil {
		c.send(l, a)
		c.flushLocked(l)
	}
	c.mu.Unlock()
	select {
	case got := <-answers:
		return got.codes, got.err
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asks = slices.DeleteFunc(c.asks, func(b *ask) bool { return a == b })
		return nil, ctx.Err()
	}
}

// send writes an ask. The caller holds c.mu.
func (c *Client) send(l *link, a *ask) {
	a.id = c.id()
	if a.subs != nil {
		l.append(&mqtt.Subscribe{ID: a.id, Subscriptions: a.subs})
	} else {
		l.append(&mqtt.Unsubscribe{ID: a.id, Filters: a.drop})
	}
}

// resubscribe makes all subscriptions anew. The caller holds c.mu.
func (c *Client) resubscribe(l *link) {
	c.asks = slices.DeleteFunc(c.asks, func(a *ask) bool { return a.done == nil }) // from the connection before
	for some := range slices.Chunk(c.subs, manySubs) {
		a := &ask{subs: slices.Clone(some)}
		c.asks = append(c.asks, a)
	}
	c.made = true
}

// answered takes SUBACK and UNSUBACK.
func (c *Client) answered(id uint16, codes []mqtt.ReasonCode, reason string) {
	c.mu.Lock()
	i := slices.IndexFunc(c.asks, func(a *ask) bool { return a.id == id && id != 0 })
	if i < 0 {
		c.mu.Unlock()
		return
	}
	a := c.asks[i]
	c.asks = slices.Delete(c.asks, i, i+1)
	c.mu.Unlock()
	if a.done == nil {
		for i, code := range codes[:min(len(codes), len(a.subs))] {
			if code.Failed() {
				c.o.Log.Warn("MQTT broker refuses a subscription", "remote", c.target.host,
					"err", &mqtt.Error{Code: code, Packet: mqtt.TypeSuback, What: a.subs[i].Filter + because(reason)})
			}
		}
	}
	a.finish(codes, nil)
}
