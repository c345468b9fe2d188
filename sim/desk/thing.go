package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/wire/agent"
)

// Most of what a Server keeps of a thing; the oldest goes first.
const (
	mostEntries  = 4096
	mostSaid     = 256  // of progress, crashes and answers to commands, each
	mostValues   = 1024 // names; values of others are left out
	mostSessions = 8
)

// View is what a Server knows of a thing at one moment.
type View struct {
	Hellos   int
	Boots    int            // registrations, those of one boot once
	Register agent.Register // the last one
	Syncs    int
	Sync     agent.Sync // the last one
	Slots    agent.Slots
	Values   map[string]roost.Value // the last ones that it told
	Entries  []agent.Entry          // all that came up, in order, each once
	Doubled  int                    // that came again, although it had been told that they are here
	Progress []agent.Progress       // of updates, each change once
	Crashes  []agent.Crash
	Acks     []agent.Ack
	Parts    map[string]bool // parts of which it said how they do, "worker" and such: the last word
	Files    int             // requests for files
	Refused  int             // requests with a wrong tag, an old counter or no session
}

// App is the version of the app that runs, as the thing said last; "0" or "": none.
func (v View) App() string { return v.running(v.Sync.App, v.Register.App) }

// OS is the version of the runtime that runs.
func (v View) OS() string { return v.running(v.Sync.OS, v.Register.OS) }

func (v View) running(sync, register string) string {
	if v.Sync.Boot == v.Register.Boot && sync != "" {
		return sync
	}
	return register
}

// Messages gives the messages in the order in which they came.
func (v View) Messages() (all []roost.Value) {
	for _, e := range v.Entries {
		if e.Kind == agent.EntryMessage {
			all = append(all, e.Body)
		}
	}
	return all
}

// Logs gives the log, a line each: "level text detail".
func (v View) Logs() (all []string) {
	for _, e := range v.Entries {
		if e.Kind == agent.EntryLog {
			level, text, detail, _ := e.Line()
			line := level + " " + text
			if detail != "" {
				line += " " + detail
			}
			all = append(all, line)
		}
	}
	return all
}

// Reported tells whether an update came to a state.
func (v View) Reported(kind, version, state string) bool {
	return slices.ContainsFunc(v.Progress, func(p agent.Progress) bool {
		return p.Kind == kind && p.Ver == version && p.State == state
	})
}

// Thing is what a Server knows of a board, and what it has for it.
type Thing struct {
	ID     string
	server *Server

	mu       sync.Mutex
	changed  chan struct{} // closed at the next change
	secret   agent.Key
	let      bool // approved
	view     View
	times    map[int64]bool // of entries that are here
	upto     int64
	settings *agent.Settings
	commands []*command
	offers   []*offer
	number   int64 // of the last envelope
	lastID   int
	forge    func(*agent.Update)
	tell     func(Told)
	gone     bool // it was dropped: nobody answers any more

	sessions []agent.SessionID // the oldest first; guarded by server.mu
}

// Told is one thing that a board said: what is set.
type Told struct {
	Register *agent.Register
	Sync     *agent.Sync
	Entry    *agent.Entry // each once
	Progress *agent.Progress
	Crash    *agent.Crash
}

func newThing(s *Server, id string, key agent.Key, approved bool) *Thing {
	return &Thing{
		ID: id, server: s, secret: key, let: approved, changed: make(chan struct{}), times: map[int64]bool{},
		view: View{Values: map[string]roost.Value{}, Parts: map[string]bool{}},
	}
}

// change does something under the lock and wakes all who wait.
func (t *Thing) change(do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	do()
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *Thing) key() agent.Key {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.secret
}

// Key gives its key.
func (t *Thing) Key() agent.Key { return t.key() }

func (t *Thing) approved() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.let
}

// Approve lets it in.
func (t *Thing) Approve() { t.change(func() { t.let = true }) }

// Tell has every thing that the board says told to f, in order and as it comes. f must
// neither wait nor call the Thing.
func (t *Thing) Tell(f func(Told)) { t.change(func() { t.tell = f }) }

// told is called with mu held.
func (t *Thing) told(x Told) {
	if t.tell != nil {
		t.tell(x)
	}
}

// View gives what is known now.
func (t *Thing) View() View {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.copied()
}

func (t *Thing) copied() View {
	v := t.view
	v.Values = maps.Clone(v.Values)
	v.Entries, v.Progress = slices.Clone(v.Entries), slices.Clone(v.Progress)
	v.Parts = maps.Clone(v.Parts)
	v.Crashes, v.Acks = slices.Clone(v.Crashes), slices.Clone(v.Acks)
	return v
}

// Wait waits until what is known is as asked for, and gives it. The error, when ctx ends
// before, says what was awaited and what is known.
func (t *Thing) Wait(ctx context.Context, what string, is func(View) bool) (View, error) {
	for {
		t.mu.Lock()
		v, changed := t.copied(), t.changed
		t.mu.Unlock()
		if is(v) {
			return v, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return v, fmt.Errorf("%s: not seen of %s: %w; %s", what, t.ID, ctx.Err(), v.summary())
		}
	}
}

func (v View) summary() string {
	b, _ := json.Marshal(map[string]any{
		"hellos": v.Hellos, "boots": v.Boots, "syncs": v.Syncs, "app": v.App(), "os": v.OS(), "values": v.Values,
		"progress": v.Progress, "crashes": v.Crashes, "logs": v.Logs(), "slots": v.Slots, "status": v.Sync.Status,
	})
	return string(b)
}

// unanswered is what is said of a command whose board is off for good.
func unanswered(c *command) agent.Ack {
	return agent.Ack{ID: c.ID, Body: `"The board was switched off before it answered."`}
}

// keepLast appends x and drops what is too old.
func keepLast[T any](all []T, x T, most int) []T {
	all = append(all, x)
	return all[max(0, len(all)-most):]
}

// Set gives the thing settings, with a tag of their own. A nil map: none.
func (t *Thing) Set(values map[string]any) {
	t.change(func() {
		t.lastID++
		t.settings = &agent.Settings{Tag: "t" + strconv.Itoa(t.lastID), Values: values}
	})
}

// command is one under way.
type command struct {
	agent.Command
	boot string // in which it was given; "": not yet
	done chan struct{}
	ack  agent.Ack
}

// Send gives the thing a command and waits for what it answers. body is any JSON value.
func (t *Thing) Send(ctx context.Context, kind string, body any) (agent.Ack, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return agent.Ack{}, fmt.Errorf("write the body of a command: %w", err)
	}
	c := agent.Command{Kind: kind, Body: roost.Value(b)}
	t.change(func() {
		t.lastID++
		c.ID = "c" + strconv.Itoa(t.lastID)
	})
	return t.Give(ctx, c)
}

// Give gives the thing a command and waits for what it answers. One that was answered
// before comes from a Roost that has lost the answer.
func (t *Thing) Give(ctx context.Context, x agent.Command) (agent.Ack, error) {
	c := &command{Command: x, done: make(chan struct{})}
	t.change(func() {
		t.commands = append(t.commands, c)
		if t.gone {
			t.end(c, unanswered(c))
		}
	})
	select {
	case <-c.done:
		return c.ack, nil
	case <-ctx.Done():
		t.change(func() { t.commands = slices.DeleteFunc(t.commands, func(x *command) bool { return x == c }) })
		return agent.Ack{}, fmt.Errorf("command %s to %s: %w", x.Kind, t.ID, ctx.Err())
	}
}
