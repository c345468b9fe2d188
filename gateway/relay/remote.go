package relay

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	wire "github.com/roost-iot/roost/wire/pyaiot"
	"github.com/roost-iot/roost/wire/websocket"
)

// remote is one far Roost as the hub knows it, whether its line stands or not.
type remote struct {
	s       *Server
	key     wire.NamedKey
	project roost.ProjectID
	turn    sync.Mutex // held by the session whose entries are taken

	mu      sync.Mutex
	name    string
	line    *websocket.Conn // nil: it is away
	comers  int             // connections so far; the newest has the right to turn
	holder  func()          // ends the connection that has the turn; nil: none has
	lost    int             // how often the line has gone
	revoked bool
	status  Status
	things  map[Key]*distant
	waiting map[string]*errand // commands under way, by id
}

// distant is a thing behind a far gateway, and the gateway.Link to it. All but ref and
// link belong to the session that has the turn.
type distant struct {
	g        *remote
	key      Key
	ref      atomic.Pointer[roost.Ref]
	protocol roost.Protocol
	address  string
	here     bool // as the far gateway said last
	known    bool // it has arrived at Core since this server started
	rolled   bool // it was in the roll of the session at hand
	late     bool // it is here for Core only because of old readings
}

// errand is a command that waits for its outcome.
type errand struct {
	order
	expires time.Time
	outcome chan Entry
}

func newRemote(s *Server, key wire.NamedKey, h hello) *remote {
	g := &remote{s: s, key: key, project: key.Project, things: map[Key]*distant{}, waiting: map[string]*errand{}}
	if g.project == "" {
		g.project = s.cfg.Project
	}
	g.status = Status{Key: key.ID, Project: g.project}
	g.rename(h)
	return g
}

// rename takes the name of a gateway: its key's, if a person gave it one, else its own.
func (g *remote) rename(h hello) {
	g.name = g.key.Name
	if g.name == "" {
		g.name = string(roost.CleanThingID(h.Name))
	}
	if g.name == "" {
		g.name = "gateway"
	}
	g.status.Name = g.name
}

func (g *remote) away() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.line == nil
}

func (g *remote) lastSeen() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.status.LastSeen
}

// Status tells how the line stands; of a gateway that is away, how it stood last.
func (g *remote) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.status
}

func (g *remote) note(f func(*Status)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(&g.status)
}

// expel ends the line for good.
func (g *remote) expel() {
	g.mu.Lock()
	g.revoked = true
	line := g.line
	g.mu.Unlock()
	if line != nil {
		line.Interrupt(websocket.Policy, "The key of this gateway was revoked.", farewellPatience)
	}
}

// Send implements gateway.Link: it waits for what the far door says. When the line is
// lost meanwhile it waits for its return: whether the thing has the command is known
// at the far end only.
func (t *distant) Send(ctx context.Context, c roost.Command) error {
	g := t.g
	e := &errand{outcome: make(chan Entry, 1), order: order{
		ID: c.ID, Key: t.key, Kind: c.Kind, Resource: c.Resource, Value: c.Value, By: cut(c.By, maxWord),
	}, expires: c.Expires}
	if len(c.Resource) > maxWord || len(c.Value) > maxValue || len(c.ID) > maxWord {
		return roost.Errorf(roost.TooLarge, "The command is too long for a far gateway.")
	}
	g.mu.Lock()
	line := g.line
	if line == nil {
		gone := time.Since(g.status.Since) > g.s.cfg.Grace
		g.mu.Unlock()
		if gone {
			return command.ErrGone
		}
		return command.ErrAsleep // it has its grace to come back
	}
	g.waiting[c.ID] = e
	g.mu.Unlock()
	defer g.forget(e)
	e.send(line)
	select {
	case o := <-e.outcome:
		return o.verdict(ctx)
	case <-ctx.Done():
		g.mu.Lock()
		line := g.line
		g.mu.Unlock()
		if line != nil {
			_ = line.Write(websocket.AppendBinary(nil, appendCancel(nil, c.ID))) // a lost line asks again, and finds nothing
		}
		return ctx.Err()
	}
}

// send writes a command. A line that does not take it is lost, and it goes with the next.
func (e *errand) send(line *websocket.Conn) {
	o := e.order
	if o.Left = time.Until(e.expires); e.expires.IsZero() {
		o.Left = maxLeft
	}
	if err := line.Write(websocket.AppendBinary(nil, o.append(nil))); err != nil {
		_ = line.Abort()
	}
}

func (g *remote) forget(e *errand) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting[e.ID] == e {
		delete(g.waiting, e.ID)
	}
}

// verdict is an outcome as a Link's Send tells it.
func (e *Entry) verdict(ctx context.Context) error {
	switch e.Outcome {
	case Taken:
		return nil
	case Asleep:
		return command.ErrAsleep
	case Gone:
		return command.ErrGone
	case Late:
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return roost.Errorf(roost.Unavailable, "The thing did not answer in time.")
	}
	return roost.Errorf(e.Fault, "%s", e.Error)
}

// Close implements gateway.Link: the thing was deleted, or another took its place.
func (t *distant) Close(reason string) {
	t.g.mu.Lock()
	line := t.g.line
	t.g.mu.Unlock()
	if line != nil {
		_ = line.Write(websocket.AppendBinary(nil, farewell{Key: t.key, Reason: cut(reason, maxWord)}.append(nil)))
	}
}

var _ gateway.Link = (*distant)(nil)
