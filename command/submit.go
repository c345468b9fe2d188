package command

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
)

// Request is what somebody asks of a thing.
type Request struct {
	Ref      roost.Ref
	Kind     roost.CommandKind // roost.Set if empty
	Resource string
	Value    roost.Value
	By       string        // who asks, for the history
	Expiry   time.Duration // 0: the default of its kind
}

// Submit queues a command and sets it going. The command is in the store when
// Submit returns, but for one that lapses within a minute anyway: its delivery does
// not wait for the store, so that a switch feels like one, and a store that fails
// costs no more than its history. Errors: roost.Invalid, roost.TooMany when its line
// or the room is full, roost.Unavailable when a longer one cannot be stored.
func (c *Commands) Submit(ctx context.Context, q Request) (roost.Command, error) {
	o, err := c.fresh(q)
	if err != nil {
		return roost.Command{}, err
	}
	if !o.brief() {
		if err := c.store.SaveCommand(ctx, o.Command); err != nil {
			return roost.Command{}, notStored(err)
		}
		close(o.saved)
	}
	first := o.Command
	if err := c.enter(o); err != nil {
		if !o.brief() {
			c.turnAway(ctx, first, err)
		}
		return roost.Command{}, err
	}
	if o.brief() {
		err := c.store.SaveCommand(context.WithoutCancel(ctx), first) // it is under way, whoever hangs up
		close(o.saved)
		if err != nil {
			c.log.Error("command not stored", "thing", o.Ref.Thing, "err", err)
		}
	}
	return first, nil
}

// turnAway ends in the store what found no place in its line, or the next start
// would send it.
func (c *Commands) turnAway(ctx context.Context, cmd roost.Command, why error) {
	cmd.State, cmd.Error, cmd.Ended = roost.Failed, roost.Message(why), time.Now()
	if err := c.store.SaveCommand(context.WithoutCancel(ctx), cmd); err != nil {
		c.log.Error("state of a command not stored", "thing", cmd.Ref.Thing, "err", err)
	}
}

func notStored(err error) error {
	return roost.Because(roost.Unavailable, err, "The command cannot be stored at present; it was not sent.")
}

// fresh checks a request and makes its command.
func (c *Commands) fresh(q Request) (*open, error) {
	if q.Kind == "" {
		q.Kind = roost.Set
	}
	if q.Kind == roost.Set && q.Resource == "" {
		return nil, roost.Errorf(roost.Invalid, "Say which resource is to be set.")
	}
	if q.Resource == fetchedLine {
		return nil, roost.Errorf(roost.Invalid, "There is no resource of this name.")
	}
	if q.Kind == roost.Set && q.Value == "" {
		return nil, roost.Errorf(roost.Invalid, "Say which value %q is to get.", q.Resource)
	}
	if q.Kind.Fetched() {
		if err := checkFetched(&q); err != nil {
			return nil, err
		}
	}
	if len(q.Value) > 64<<10 {
		return nil, roost.Errorf(roost.TooLarge, "A value has at most 64 KiB; this one has %d bytes.", len(q.Value))
	}
	if q.Expiry == 0 && q.Kind.Fetched() {
		q.Expiry = c.cfg.TellExpiry
	}
	if q.Expiry == 0 {
		q.Expiry = c.cfg.SetExpiry
	}
	if q.Expiry < time.Second || q.Expiry > c.cfg.MaxExpiry {
		return nil, roost.Errorf(roost.Invalid, "A command expires after 1 second to %d days.", c.cfg.MaxExpiry/(24*time.Hour))
	}
	now := time.Now()
	id := roost.NewID()
	if q.Kind.Fetched() {
		id = roost.NewUUID() // programs written for Pythings expect one
	}
	return &open{saved: make(chan struct{}), Command: roost.Command{
		ID: id, Ref: q.Ref, Kind: q.Kind, Resource: q.Resource, Value: q.Value,
		State: roost.Queued, By: q.By, Created: now, Expires: now.Add(q.Expiry),
	}}, nil
}

// enter puts o in its line and starts it if it is the first there.
func (c *Commands) enter(o *open) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return roost.Errorf(roost.Unavailable, "Roost is stopping; the command was not sent.")
	case len(c.lines[o.Ref][o.line()]) >= c.cfg.MaxPerLine && o.Kind.Fetched():
		return roost.Errorf(roost.TooMany, "%d messages wait for %q already; cancel some, or wait until it has come for them.", c.cfg.MaxPerLine, o.Ref.Thing)
	case len(c.lines[o.Ref][o.line()]) >= c.cfg.MaxPerLine:
		return roost.Errorf(roost.TooMany, "%d commands wait for %q of %q already.", c.cfg.MaxPerLine, o.Resource, o.Ref.Thing)
	case len(c.byID) >= c.cfg.MaxOpen:
		return roost.Errorf(roost.TooMany, "%d commands are open already.", len(c.byID))
	}
	c.admit(o)
	c.tell(o, o.Created)
	if len(c.lines[o.Ref][o.line()]) == 1 {
		c.start(o)
	}
	return nil
}

// Cancel takes a command back that the thing does not have yet. Errors:
// roost.NotFound, roost.Conflict when it was sent or has ended, roost.Unavailable when that
// cannot be stored: it is tried again.
func (c *Commands) Cancel(ctx context.Context, project roost.ProjectID, id string) (roost.Command, error) {
	c.mu.Lock()
	o := c.byID[id]
	if o == nil || o.Ref.Project != project {
		c.mu.Unlock()
		cmd, err := c.Find(ctx, project, id)
		if err == nil {
			err = roost.Errorf(roost.Conflict, "The command has ended: it is %s.", cmd.State)
		}
		return cmd, err
	}
	if o.State != roost.Queued || o.sending {
		cmd := o.Command
		c.mu.Unlock()
		return cmd, roost.Errorf(roost.Conflict, "The command is on its way to the thing and cannot be taken back.")
	}
	c.end(o, roost.Cancelled, "", "")
	cmd, over := o.Command, o.over
	c.mu.Unlock()
	select {
	case <-over: // or it would be sent after a crash
	case <-ctx.Done():
		return cmd, ctx.Err()
	}
	if c.stored(o) != nil {
		return cmd, roost.Errorf(roost.Unavailable, "The command is taken back, but that cannot be stored at present: after a restart of Roost it might be sent.")
	}
	return cmd, nil
}

// Of gives the newest commands of a thing, newest first.
func (c *Commands) Of(ctx context.Context, ref roost.Ref, limit int) ([]roost.Command, error) {
	c.mu.Lock()
	newer := map[string]roost.Command{} // than the store: it gets each state a moment later
	for _, o := range c.ending {
		if o.Ref == ref {
			newer[o.ID] = o.Command
		}
	}
	for _, o := range c.of(ref) {
		newer[o.ID] = o.Command
	}
	c.mu.Unlock()
	all, err := c.store.Commands(ctx, ref, limit)
	for i := range all {
		if cmd, ok := newer[all[i].ID]; ok && !all[i].State.Final() {
			all[i] = cmd
		}
	}
	return all, err
}

// Find gives one command.
func (c *Commands) Find(ctx context.Context, project roost.ProjectID, id string) (roost.Command, error) {
	c.mu.Lock()
	for _, known := range []map[string]*open{c.byID, c.ending} {
		if o := known[id]; o != nil && o.Ref.Project == project {
			defer c.mu.Unlock()
			return o.Command, nil
		}
	}
	c.mu.Unlock()
	return c.store.Command(ctx, project, id)
}

// Drop ends and deletes all commands of a thing.
func (c *Commands) Drop(ctx context.Context, ref roost.Ref) error {
	c.mu.Lock()
	for _, o := range c.of(ref) {
		c.end(o, roost.Cancelled, "The thing was deleted.", "")
	}
	var all []*open
	for _, o := range c.ending {
		if o.Ref == ref {
			all = append(all, o)
			delete(c.ending, o.ID) // it is not tried again
		}
	}
	c.mu.Unlock()
	for _, o := range all {
		o.saves.Wait() // or a late state would bring a row back
	}
	return c.store.DeleteCommands(ctx, ref)
}

// of gives the open commands of a thing; the caller holds c.mu.
func (c *Commands) of(ref roost.Ref) (all []*open) {
	for _, l := range c.lines[ref] {
		all = append(all, l...)
	}
	return all
}
