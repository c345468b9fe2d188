package pythings

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
)

// identity is how a thing is known to the door.
type identity struct {
	project roost.ProjectID
	own     string // its TID
}

// thing is what the door remembers of a thing that has called since the start; nothing
// of it is missed when it is gone. It is the thing's Link.
type thing struct {
	d   *Door
	key identity
	ref roost.Ref // set before it is shared

	mu       sync.Mutex
	run      string    // that the rest is about
	sent     settings  // of the last answer to a management call; of no use without answered
	answered bool      // a management call of this run was answered
	reported bool      // a management report came since
	fine     bool      // the last one was OK
	given    string    // id of the message in that answer, "" if none
	givenAt  time.Time // when
	noted    string    // what was last written about settings that cannot be met
	messages bucket    // of the worker
}

// known gives what is remembered of a thing, nil if nothing.
func (d *Door) known(key identity) *thing {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.things[key]
}

// keep remembers an enrolled thing and gives what is remembered of it.
func (d *Door) keep(t *thing, ref roost.Ref) *thing {
	d.mu.Lock()
	defer d.mu.Unlock()
	if old := d.things[t.key]; old != nil && old.ref == ref {
		return old
	}
	if t.ref != (roost.Ref{}) && t.ref != ref { // it was deleted, and came again under another id
		t = &thing{d: d, key: t.key}
	}
	t.ref = ref
	d.things[t.key] = t
	return t
}

// begin forgets what a run before this one left; the caller holds t.mu.
func (t *thing) begin(run string) {
	if t.run == run {
		return
	}
	t.run = run
	t.sent, t.answered, t.reported, t.fine = settings{}, false, false, false
	t.given, t.givenAt, t.noted = "", time.Time{}, ""
}

// Send implements gateway.Link. A device comes for messages and shell lines by itself;
// its values come by themselves as well.
func (t *thing) Send(ctx context.Context, c roost.Command) error {
	if c.Kind == roost.Refresh {
		return t.d.cfg.Core.Answer(ctx, gateway.Answer{Ref: c.Ref, ID: c.ID, State: roost.Done})
	}
	return roost.Errorf(roost.Conflict, "A PythingsOS device takes messages and shell lines; send it a message.")
}

// Close implements gateway.Link: the thing was deleted.
func (t *thing) Close(string) {
	t.d.mu.Lock()
	defer t.d.mu.Unlock()
	if t.d.things[t.key] == t {
		delete(t.d.things, t.key)
	}
}

// Runs of older generations are told by their ids, which tokens keep.
const (
	prefix0 = "g0-"
	prefix1 = "g1-"
)

func isOld0(run string) bool { return strings.HasPrefix(run, prefix0) }
func isOld(run string) bool  { return isOld0(run) || strings.HasPrefix(run, prefix1) }
