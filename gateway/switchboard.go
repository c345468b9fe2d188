package gateway

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/telemetry"
)

// Switchboard is the Core over the local rooms, and the Courier of the command room.
type Switchboard struct {
	registry  *registry.Registry
	telemetry *telemetry.Telemetry
	commands  *command.Commands
	log       *slog.Logger

	mu      sync.RWMutex
	links   map[roost.Ref]Link
	changed chan struct{} // closed when links has changed; nil: nobody waits for that
}

// New joins the rooms.
func New(r *registry.Registry, t *telemetry.Telemetry, c *command.Commands, log *slog.Logger) *Switchboard {
	return &Switchboard{registry: r, telemetry: t, commands: c, log: log, links: map[roost.Ref]Link{}}
}

// Arrive implements Core.
func (s *Switchboard) Arrive(ctx context.Context, a Arrival) (Standing, error) {
	t, fresh, err := s.registry.Arrive(ctx, registry.Arrival{
		Project: a.Project, Identity: a.Identity, ID: a.ID, Protocol: a.Protocol, Address: a.Address,
		Gateway: a.Gateway, Trusted: a.Trusted, Restarted: a.Restarted, Bound: a.Bound, Silence: a.Silence,
	})
	if err != nil {
		return Standing{Ref: t.Ref, Enrolment: t.Enrolment}, err
	}
	moved := s.attach(t.Ref, a.Link)
	if moved { // the link before may have left since the registry took the thing in
		if err := s.registry.Hear(t.Ref); err != nil {
			return Standing{Ref: t.Ref, Enrolment: t.Enrolment}, err
		}
	}
	s.commands.Awake(t.Ref)
	return Standing{Ref: t.Ref, Enrolment: t.Enrolment, Fresh: fresh || moved}, nil
}

// attach makes link the way to a thing and tells whether that is news.
func (s *Switchboard) attach(ref roost.Ref, link Link) bool {
	if link == nil {
		return false
	}
	s.mu.RLock()
	old := s.links[ref]
	s.mu.RUnlock()
	if old == link {
		return false
	}
	s.mu.Lock()
	old = s.links[ref]
	s.links[ref] = link
	s.announce()
	s.mu.Unlock()
	if old != nil && old != link {
		old.Close("another connection of the same thing took its place")
	}
	return old != link
}

// Report implements Core.
func (s *Switchboard) Report(ctx context.Context, ref roost.Ref, values []roost.Resource) error {
	values, refused := s.registry.Admit(ref, values)
	if refused != nil && len(values) == 0 {
		return refused
	}
	for i := range values {
		values[i].Writable = values[i].Writable || roost.Settable(values[i].Name)
	}
	if err := s.telemetry.Record(ctx, ref, values); err != nil {
		return err
	}
	if err := s.registry.Report(ref, values); err != nil {
		return err
	}
	s.commands.Confirm(ref, values)
	return refused
}

// Answer implements Core.
func (s *Switchboard) Answer(ctx context.Context, a Answer) error {
	return s.commands.Answer(ctx, a.Ref, a.ID, a.State, a.Value, a.Error)
}

// Leave implements Core.
func (s *Switchboard) Leave(_ context.Context, ref roost.Ref, link Link) error {
	s.mu.Lock()
	mine := s.links[ref] == link
	if mine {
		delete(s.links, ref)
	}
	s.mu.Unlock()
	if !mine {
		return nil
	}
	if err := s.registry.Lose(ref); err != nil {
		return err
	}
	s.mu.Lock()
	s.announce()
	_, back := s.links[ref]
	s.mu.Unlock()
	if back { // by another link, between the two
		return s.registry.Hear(ref)
	}
	return nil
}

// Deliver implements command.Courier.
func (s *Switchboard) Deliver(ctx context.Context, c roost.Command) error {
	link := s.link(ctx, c.Ref)
	if link == nil {
		return command.ErrGone
	}
	return link.Send(ctx, c)
}

// linkPatience is how long a command waits for the link of a thing that is here.
const linkPatience = time.Second

// link gives the way to a thing, nil if there is none. The word that a thing is here
// goes out before its link stands: who answers to it at once must not be told that
// nobody is there.
func (s *Switchboard) link(ctx context.Context, ref roost.Ref) Link {
	s.mu.RLock()
	link := s.links[ref]
	s.mu.RUnlock()
	if link != nil {
		return link
	}
	ctx, stop := context.WithTimeout(ctx, linkPatience)
	defer stop()
	for {
		s.mu.Lock()
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		link, changed := s.links[ref], s.changed
		s.mu.Unlock()
		if link != nil {
			return link
		}
		if t, _, ok := s.registry.Get(ref); !ok || !t.Online {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// announce tells those who wait in link; the caller holds s.mu.
func (s *Switchboard) announce() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Approve lets a thing in and, if it is there, asks for its resources.
func (s *Switchboard) Approve(ctx context.Context, ref roost.Ref, by string) (roost.Thing, error) {
	t, err := s.registry.Enrol(ctx, ref)
	if err != nil {
		return t, err
	}
	s.mu.RLock()
	link := s.links[ref]
	s.mu.RUnlock()
	if link == nil {
		return t, nil
	}
	if _, err := s.commands.Submit(ctx, command.Request{Ref: ref, Kind: roost.Refresh, By: by}); err != nil {
		s.log.Warn("thing approved, but not asked for its resources", "thing", ref.Thing, "err", err)
	}
	return t, nil
}

// Forget deletes a thing with its values, readings and commands, and cuts it off.
// If it is alive it arrives again, as unknown. What it said and was asked goes first:
// when that fails the thing is still there, and can be deleted again.
func (s *Switchboard) Forget(ctx context.Context, ref roost.Ref) error {
	if _, _, ok := s.registry.Get(ref); !ok {
		return roost.Errorf(roost.NotFound, "There is no thing %q here.", ref.Thing)
	}
	if err := s.forgetHistory(ctx, ref); err != nil {
		return err
	}
	if err := s.registry.Forget(ctx, ref); err != nil {
		return err
	}
	s.mu.Lock()
	link := s.links[ref]
	delete(s.links, ref)
	s.mu.Unlock()
	if link != nil {
		link.Close("the thing was deleted")
	}
	return s.forgetHistory(ctx, ref) // of what came meanwhile
}

func (s *Switchboard) forgetHistory(ctx context.Context, ref roost.Ref) error {
	if err := s.commands.Drop(ctx, ref); err != nil {
		return roost.Because(roost.Unavailable, err, "The commands of the thing could not be deleted.")
	}
	if err := s.telemetry.Drop(ctx, ref); err != nil {
		return roost.Because(roost.Unavailable, err, "The readings of the thing could not be deleted.")
	}
	return nil
}
