package command

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/roost-iot/roost"
)

// start delivers o in a goroutine of its own; the caller holds c.mu, and o heads its line.
func (c *Commands) start(o *open) {
	if c.courier == nil || c.closed || o.sending || o.asleep || o.State != roost.Queued || o.Kind.Fetched() {
		return
	}
	o.sending, o.woken = true, false
	ctx, abort := context.WithDeadline(c.ctx, o.Expires)
	o.abort = abort
	cmd := o.Command
	c.work.Go(func() {
		defer abort()
		c.delivered(o, c.courier.Deliver(ctx, cmd))
	})
}

// delivered takes what the courier said.
func (c *Commands) delivered(o *open, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o.sending = false
	if o.State.Final() {
		return // confirmed or cancelled meanwhile
	}
	switch {
	case err == nil && o.heard, o.heard && unanswered(err):
		c.end(o, roost.Done, "", o.said)
	case err == nil:
		if o.State == roost.Queued {
			c.markSent(o)
		}
	case errors.Is(err, ErrAsleep), errors.Is(err, ErrGone) && !o.brief():
		if o.asleep = !o.woken; o.woken {
			c.start(o)
		}
	case c.closed || c.ctx.Err() != nil:
		// Stopping: it stays as it is in the store and is taken up at the next start.
	case errors.Is(err, context.DeadlineExceeded) && !time.Now().Before(o.Expires):
		c.end(o, roost.Expired, "The thing did not answer in time.", "")
	case errors.Is(err, ErrGone):
		c.end(o, roost.Failed, "The thing is not connected.", "")
	default:
		c.end(o, roost.Failed, roost.Message(err), "")
	}
}

// unanswered tells a delivery that nothing came back from. It may have arrived
// all the same.
func unanswered(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || roost.KindOf(err) == roost.Unavailable
}

// markSent makes o sent; the caller holds c.mu. What it gives is closed once the store
// knows.
func (c *Commands) markSent(o *open) (saved <-chan struct{}) {
	now := time.Now()
	o.State, o.Sent = roost.Sent, now
	c.tell(o, now)
	return c.save(o)
}

// end gives o its final state and lets the next of its line go; the caller holds c.mu.
func (c *Commands) end(o *open, state roost.CommandState, why string, result roost.Value) {
	if o.State.Final() {
		return
	}
	now := time.Now()
	if o.State == roost.Queued && state == roost.Done {
		o.Sent = now
	}
	o.State, o.Error, o.Result, o.Ended = state, why, result, now
	if o.abort != nil {
		o.abort()
	}
	c.ending[o.ID] = o
	c.tell(o, now)
	o.over = c.save(o)
	if next := c.leaveLine(o); next != nil {
		c.start(next)
	}
}

// leaveLine takes o out of its line and gives the one that then heads it, nil if none.
func (c *Commands) leaveLine(o *open) *open {
	delete(c.byID, o.ID)
	c.count.Store(int64(len(c.byID)))
	lines := c.lines[o.Ref]
	l := slices.DeleteFunc(lines[o.line()], func(x *open) bool { return x == o })
	if len(l) > 0 {
		lines[o.line()] = l
		return l[0]
	}
	delete(lines, o.line())
	if len(lines) == 0 {
		delete(c.lines, o.Ref)
	}
	return nil
}

// save writes the state of o behind, after its first state; the caller holds c.mu. What
// it gives is closed when that is over.
func (c *Commands) save(o *open) <-chan struct{} {
	over := make(chan struct{})
	o.saves.Add(1)
	c.work.Go(func() {
		defer o.saves.Done()
		defer close(over)
		<-o.saved
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		o.saveMu.Lock()
		defer o.saveMu.Unlock()
		c.mu.Lock()
		cmd := o.Command // the newest state by now
		c.mu.Unlock()
		err := c.store.SaveCommand(ctx, cmd)
		if err != nil {
			c.log.Error("state of a command not stored", "thing", cmd.Ref.Thing, "err", err)
		}
		if cmd.State == roost.Sent && err == nil {
			c.mu.Lock()
			o.out = true
			c.mu.Unlock()
		}
		if cmd.State.Final() {
			c.mu.Lock()
			o.kept = o.kept || err == nil
			if o.unkept = !o.kept && len(c.ending) <= c.cfg.MaxOpen; !o.unkept {
				delete(c.ending, cmd.ID)
			}
			c.mu.Unlock()
		}
	})
	return over
}

// Answer ends a command by the thing's own word and returns when that is in the store:
// the thing may forget it then. An unknown id is no error: it may have expired meanwhile.
// Errors: roost.Unavailable when it cannot be stored, and the thing shall say it again;
// that of ctx.
func (c *Commands) Answer(ctx context.Context, ref roost.Ref, id string, state roost.CommandState, result roost.Value, why string) error {
	c.mu.Lock()
	o := c.byID[id]
	if o != nil && o.Ref == ref && state.Final() {
		c.end(o, state, why, result)
	}
	ended := c.ending[id]
	if ended == nil || ended.Ref != ref {
		c.mu.Unlock()
		return nil
	}
	c.retry(ended)
	over := ended.over
	c.mu.Unlock()
	select {
	case <-over:
	case <-ctx.Done():
		return ctx.Err()
	}
	return c.stored(ended)
}

// retry stores an end that could not be; the caller holds c.mu.
func (c *Commands) retry(o *open) {
	if o.unkept {
		o.unkept = false
		o.over = c.save(o)
	}
}

// stored tells whether an end has reached the store; one that is tried again has not.
// Error: roost.Unavailable.
func (c *Commands) stored(o *open) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !o.kept {
		return roost.Errorf(roost.Unavailable, "The answer to a command cannot be stored at present.")
	}
	return nil
}

// Confirm takes values that a thing reported: a set of such a value that was
// sent is done, and so is a refresh by any value. What is still being handed over
// is left to end by itself: the thing may have said so without having it yet. It
// costs one load when nothing is open.
func (c *Commands) Confirm(ref roost.Ref, values []roost.Resource) {
	if c.count.Load() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := c.lines[ref]
	for _, v := range values {
		l := lines[v.Name]
		if len(l) == 0 {
			continue
		}
		o := l[0]
		if !v.At.IsZero() && v.At.Before(o.Created) {
			continue // on its way here since before: it says nothing of this set
		}
		if o.Kind == roost.Set && roost.Same(v.Value, o.Value) {
			c.confirmed(o, v.Value)
		}
	}
	if l := lines[""]; len(l) > 0 && l[0].Kind == roost.Refresh {
		c.refreshed(l[0], values)
	}
}

// confirmed takes a value as the thing's word on o; the caller holds c.mu.
func (c *Commands) confirmed(o *open, said roost.Value) {
	if o.State == roost.Sent {
		c.end(o, roost.Done, "", said)
	} else if o.sending {
		o.heard, o.said = true, said
	}
}

// refreshed takes values as the answer to a request for them; the caller holds c.mu.
func (c *Commands) refreshed(o *open, values []roost.Resource) {
	for _, v := range values {
		if aboutTheLink(v.Name) || (!v.At.IsZero() && v.At.Before(o.Created)) {
			continue
		}
		c.confirmed(o, "")
		return
	}
}

// aboutTheLink tells values that a door makes up itself from the thing's own word.
func aboutTheLink(name string) bool { return name == "ip" || name == "id" || name == "protocol" }

// Awake sets going what waits for a thing: it arrived, or woke.
// It costs one load when nothing is open.
func (c *Commands) Awake(ref roost.Ref) {
	if c.count.Load() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.lines[ref] {
		l[0].asleep, l[0].woken = false, true
		c.start(l[0])
	}
}

// lapse ends what has expired, and stores ends that could not be stored.
func (c *Commands) lapse(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.ending {
		c.retry(o)
	}
	var late []*open
	for _, o := range c.byID {
		if !now.Before(o.Expires) {
			late = append(late, o)
		}
	}
	for _, o := range late {
		if o.heard {
			c.end(o, roost.Done, "", o.said)
			continue
		}
		why := "The thing did not come in time."
		if o.State == roost.Sent {
			why = "The thing has it, but never confirmed it."
		}
		c.end(o, roost.Expired, why, "")
	}
}
