package registry

import (
	"context"

	"github.com/roost-iot/roost"
)

// Store keeps things and their last values. store/sqlite has it.
type Store interface {
	// Things gives all things of all projects.
	Things(ctx context.Context) ([]roost.Thing, error)
	// Resources gives the last values of all things, in the order in which each was first heard.
	Resources(ctx context.Context) (map[roost.Ref][]roost.Resource, error)
	// SaveThing inserts or replaces one thing. Durable when it returns.
	SaveThing(ctx context.Context, t roost.Thing) error
	// SaveThings and SaveResources write many, in few transactions; batches come about once a second.
	// After an error a part may stand: the batch is written again, whole.
	SaveThings(ctx context.Context, ts []roost.Thing) error
	// SaveResources inserts or replaces last values.
	SaveResources(ctx context.Context, batch []ResourceOf) error
	// DeleteThing removes a thing and its last values (not its readings and commands).
	DeleteThing(ctx context.Context, ref roost.Ref) error
	// DeleteResources removes the last values of a thing.
	DeleteResources(ctx context.Context, ref roost.Ref) error
}

// ResourceOf is one last value and whose it is.
type ResourceOf = roost.ResourceOf
