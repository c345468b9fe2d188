package relay

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
)

// handed is a command of the hub at the far end. One that has ended is remembered for
// a while, so that it is never handed over twice.
type handed struct {
	order
	at       time.Time // when it came
	expires  time.Time
	abort    context.CancelFunc // nil: it is not being handed over
	ended    bool
	outcome  Entry // once it has ended
	heard    bool  // its thing has confirmed it while it was being handed over
	said     roost.Value
	answered bool // the thing's word is in the spool
}

const (
	// maxOrders bounds the commands that are remembered.
	maxOrders = 16_384
	// remember is how long one that has ended is remembered at least.
	remember = 10 * time.Minute
)

// recall learns, as the spool is opened, which commands were begun or have ended.
func (c *Client) recall(r record) {
	e, err := ParseEntry(r.body)
	if err != nil || e.Kind != Begun && e.Kind != Ended || len(c.orders) >= maxOrders {
		return
	}
	h := &handed{order: order{ID: e.Command, Key: e.Key}, at: r.at, expires: time.Now().Add(remember), ended: true, answered: true}
	h.outcome = e
	if e.Kind == Begun {
		h.outcome = Entry{
			Kind: Ended, Key: e.Key, Command: e.Command, Outcome: Failed, Fault: roost.Unavailable,
			Error: "The gateway was restarted while it handed the command over; whether the thing has it is not known.",
		}
	} else if !final(e.Outcome) {
		delete(c.orders, e.Command)
		return
	}
	c.orders[e.Command] = h
}

// final tells outcomes after which a command is never handed over again.
func final(o Outcome) bool { return o == Taken || o == Failed || o == Late }

// take begins a command that came from the hub, or answers one that came before.
func (c *Client) take(ctx context.Context, o order) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.orders[o.ID]; h != nil {
		if h.ended {
			c.end(h, h.outcome)
		}
		return
	}
	now := time.Now()
	h := &handed{order: o, at: now, expires: now.Add(o.Left)}
	t := c.things[o.Key]
	switch {
	case t == nil || t.link == nil || !t.here:
		c.end(h, Entry{Outcome: Gone})
		return
	case len(c.orders) >= maxOrders:
		c.end(h, Entry{Outcome: Failed, Fault: roost.Unavailable, Error: "Too many commands at once at this gateway."})
		return
	}
	c.orders[o.ID] = h
	_, b, err := c.append(&Entry{Kind: Begun, Key: o.Key, At: now, Command: o.ID})
	if err != nil {
		delete(c.orders, o.ID)
		c.end(h, Entry{Outcome: Failed, Fault: roost.Unavailable, Error: roost.Message(err)})
		return
	}
	t.orders = append(t.orders, h)
	ctx, h.abort = context.WithDeadline(ctx, h.expires)
	link := t.link
	cmd := roost.Command{
		ID: o.ID, Ref: t.ref, Kind: o.Kind, Resource: o.Resource, Value: o.Value, State: roost.Queued, By: o.By,
		Created: now, Expires: h.expires,
	}
	c.work.Go(func() { c.deliver(ctx, h, b, link, cmd) })
}

// deliver hands a command to its door once the spool knows of it.
func (c *Client) deliver(ctx context.Context, h *handed, begun *batch, link gateway.Link, cmd roost.Command) {
	defer h.abort()
	err := begun.settle(ctx)
	if err == nil {
		err = link.Send(ctx, cmd)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h.abort = func() {}
	e := outcomeOf(err)
	if t := c.things[h.Key]; t != nil && e.Outcome == Asleep {
		t.sleepy = true
	}
	if !final(e.Outcome) {
		delete(c.orders, h.ID)
	}
	h.ended = true
	c.end(h, e)
	if h.heard && e.Outcome != Failed {
		c.say(h)
	}
}

func outcomeOf(err error) Entry {
	switch {
	case err == nil:
		return Entry{Outcome: Taken}
	case errors.Is(err, command.ErrAsleep):
		return Entry{Outcome: Asleep}
	case errors.Is(err, command.ErrGone):
		return Entry{Outcome: Gone}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Entry{Outcome: Late}
	}
	return Entry{Outcome: Failed, Fault: roost.KindOf(err), Error: cut(roost.Message(err), maxWord)}
}

// end puts in the spool what became of a command; the caller holds c.mu.
func (c *Client) end(h *handed, e Entry) {
	e.Kind, e.Key, e.At, e.Command = Ended, h.Key, time.Now(), h.ID
	h.outcome = e
	if _, _, err := c.append(&e); err != nil {
		c.log.Warn("outcome of a command not kept", "thing", h.Key.Own, "err", err)
	}
}

// confirm takes values of a thing as its word on commands that it was handed: told
// here, where both times are of one clock. The caller holds c.mu.
func (c *Client) confirm(t *thing, values []roost.Resource, now time.Time) {
	t.orders = slices.DeleteFunc(t.orders, func(h *handed) bool {
		return h.answered || h.ended && h.outcome.Outcome != Taken || now.After(h.expires)
	})
	for _, h := range t.orders {
		value, ok := h.confirmedBy(values)
		if !ok {
			continue
		}
		h.heard, h.said = true, value
		if h.ended {
			c.say(h)
		}
	}
}

// confirmedBy tells whether values are what h asked for, and said since.
func (h *handed) confirmedBy(values []roost.Resource) (roost.Value, bool) {
	for _, v := range values {
		if v.At.Before(h.at) {
			continue
		}
		if h.Kind == roost.Set && v.Name == h.Resource && roost.Same(v.Value, h.Value) {
			return v.Value, true
		}
		if h.Kind == roost.Refresh && v.Name != "ip" && v.Name != "id" && v.Name != "protocol" {
			return "", true
		}
	}
	return "", false
}

// say puts the thing's word on a command in the spool; the caller holds c.mu.
func (c *Client) say(h *handed) {
	t := c.things[h.Key]
	if t == nil || h.answered {
		return
	}
	if _, err := c.answered(t, gateway.Answer{Ref: t.ref, ID: h.ID, State: roost.Done, Value: h.said}); err != nil {
		c.log.Warn("answer to a command not kept", "thing", h.Key.Own, "err", err)
	}
}

// drop ends a command that is over at the hub.
func (c *Client) drop(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.orders[id]; h != nil && h.abort != nil {
		h.abort()
	}
}

// forgetOrders forgets commands that ended long ago; the caller holds c.mu.
func (c *Client) forgetOrders(now time.Time) {
	for id, h := range c.orders {
		if h.ended && now.Sub(h.expires) > 0 && now.Sub(h.at) > remember {
			delete(c.orders, id)
		}
	}
}

// remove cuts a thing off that was deleted at the hub.
func (c *Client) remove(f farewell) {
	c.mu.Lock()
	t := c.things[f.Key]
	var link gateway.Link
	if t != nil {
		link = t.link
		c.forget(t)
	}
	c.mu.Unlock()
	if link != nil {
		link.Close(f.Reason)
	}
}
