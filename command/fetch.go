package command

import (
	"context"
	"encoding/json"
	"time"

	"github.com/roost-iot/roost"
)

// checkFetched holds a message or a shell line against what things can take.
func checkFetched(q *Request) error {
	q.Resource = ""
	switch {
	case q.Kind == roost.Restart, q.Kind == roost.Identify, q.Kind == roost.FactoryReset:
		q.Value = ""
	case q.Kind == roost.Tell && Empty(q.Value):
		return roost.Errorf(roost.Invalid, "Say what the message is; PythingsOS takes no empty one.")
	case q.Kind == roost.Tell && !json.Valid([]byte(q.Value)):
		return roost.Errorf(roost.Invalid, "A message is JSON; text stands in quotes.")
	case q.Kind == roost.Shell && (!q.Value.IsText() || q.Value.AsText() == ""):
		return roost.Errorf(roost.Invalid, "A shell line is text that is not empty.")
	}
	return nil
}

// Empty tells values that are false to Python, which a device takes for no message:
// "", 0.0, [ ].
func Empty(v roost.Value) bool {
	if v == "" {
		return true
	}
	var x any
	if json.Unmarshal([]byte(v), &x) != nil {
		return false // no JSON, or a number beyond float64: surely not 0
	}
	switch x := x.(type) {
	case bool:
		return !x
	case float64:
		return x == 0
	case string:
		return x == ""
	case []any:
		return len(x) == 0
	case map[string]any:
		return len(x) == 0
	}
	return true // null
}

// Fetch gives the thing the oldest message or shell line that waits for it and marks
// it sent, in the store too before Fetch returns. false: nothing waits, the thing has not
// answered the one before (see Fetched), or the store cannot take it: given out, it would
// be given once more after a restart.
func (c *Commands) Fetch(ctx context.Context, ref roost.Ref) (roost.Command, bool) {
	if c.count.Load() == 0 {
		return roost.Command{}, false
	}
	c.mu.Lock()
	l := c.lines[ref][fetchedLine]
	if c.closed || len(l) == 0 || l[0].State != roost.Queued {
		c.mu.Unlock()
		return roost.Command{}, false
	}
	o := l[0]
	saved := c.markSent(o)
	cmd := o.Command
	c.mu.Unlock()
	select {
	case <-saved:
	case <-ctx.Done(): // nobody gets it
		return cmd, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !o.out {
		c.putBack(o)
	}
	return cmd, o.out
}

// Fetched gives the message or shell line that the thing was given and has not answered.
func (c *Commands) Fetched(ref roost.Ref) (roost.Command, bool) {
	if c.count.Load() == 0 {
		return roost.Command{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lines[ref][fetchedLine]
	if len(l) == 0 || l[0].State != roost.Sent {
		return roost.Command{}, false
	}
	return l[0].Command, true
}

// PutBack makes a fetched command queued again: it surely never reached its thing.
func (c *Commands) PutBack(ref roost.Ref, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.byID[id]
	if o == nil || o.Ref != ref || !o.Kind.Fetched() {
		return
	}
	c.putBack(o)
}

// putBack makes a command queued again that is sent; the caller holds c.mu.
func (c *Commands) putBack(o *open) {
	if o.State != roost.Sent {
		return
	}
	o.out = false
	o.State, o.Sent = roost.Queued, time.Time{}
	c.tell(o, time.Now())
	c.save(o)
}
