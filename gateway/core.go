// Package gateway is the switchboard between doors and rooms: which thing hangs
// on which link. A door speaks one protocol and decides nothing; it tells Core
// what things said, and Core's side asks of a thing through its Link.
package gateway

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
)

// Core is what a door needs of the rest of Roost. The Switchboard is one, over
// the local rooms.
type Core interface {
	// Arrive tells that a thing made itself heard, for the first time or again
	// (a sign of life). It remembers the Link as the way to the thing, replacing an
	// older one. Errors: roost.Denied when the thing is not let in (enrolment is
	// closed, or it is ignored), roost.Invalid for an id of no use.
	Arrive(ctx context.Context, a Arrival) (Standing, error)
	// Report records values that the thing sent; each is a sign of life. Times that
	// are zero become now. Errors: roost.Denied while the thing waits for
	// approval, roost.NotFound when it never arrived, roost.Unavailable when
	// nothing can be kept at present.
	Report(ctx context.Context, ref roost.Ref, values []roost.Resource) error
	// Answer tells how a command ended that a Link took, and returns when that is in the
	// store. Errors: roost.Unavailable when it cannot be stored: what can say it again shall.
	Answer(ctx context.Context, a Answer) error
	// Leave tells that the thing is gone for certain (its connection ended). It does
	// nothing when another link has taken the place of link since.
	Leave(ctx context.Context, ref roost.Ref, link Link) error
}

// Arrival is what a door knows of a thing.
type Arrival struct {
	Project   roost.ProjectID // "" is roost.Home
	Identity  roost.Identity
	ID        roost.ThingID // wanted for a thing that is new; "": made of Identity.Own
	Protocol  roost.Protocol
	Address   string        // as people read it: "192.0.2.7:5683"
	Gateway   string        // name of the far gateway that vouches for the thing: it needs no approval
	Trusted   bool          // the thing showed a credential that a person made for it: it needs no approval
	Restarted bool          // the thing says that it has just booted: what is known of its values is forgotten
	Bound     bool          // the thing is here as long as its connection: silence does not make it lost
	Silence   time.Duration // how long it may be silent before it counts as offline; 0: as long as any
	Link      Link
}

// Standing is how a thing stands after it arrived.
type Standing struct {
	Ref       roost.Ref
	Enrolment roost.Enrolment
	// Fresh: it was not online before, or has restarted, or is here by a new link: time to discover it.
	Fresh bool
}

// Answer is the thing's own word on a command.
type Answer struct {
	Ref   roost.Ref
	ID    string             // of the command
	State roost.CommandState // Done or Failed
	Value roost.Value        // what the thing answered, if anything
	Error string             // why it failed, for people: "4.04 Not Found"
}

// Link is the way to one attached thing, given by its door. Methods may be
// called from many goroutines. Links are compared by ==: use pointers.
type Link interface {
	// Send hands c to the thing. nil: the thing has it, or its protocol's
	// transport has acknowledged it, and Answer or a report of the value follows.
	// Errors: command.ErrAsleep, command.ErrGone, or what the thing answered as a
	// roost.Error. It may take as long as the protocol's retransmissions do.
	Send(ctx context.Context, c roost.Command) error
	// Close cuts the thing off: it was deleted, or another took its place.
	Close(reason string)
}
