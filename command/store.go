package command

import (
	"context"

	"github.com/roost-iot/roost"
)

// Store keeps commands. store/sqlite has it.
type Store interface {
	// SaveCommand inserts or replaces by id. Durable when it returns.
	SaveCommand(ctx context.Context, c roost.Command) error
	// OpenCommands gives all that are queued or sent, oldest first.
	OpenCommands(ctx context.Context) ([]roost.Command, error)
	// Commands gives the newest commands of one thing, newest first.
	Commands(ctx context.Context, ref roost.Ref, limit int) ([]roost.Command, error)
	// Command gives one; a roost.NotFound error if there is none of that id in the project.
	Command(ctx context.Context, project roost.ProjectID, id string) (roost.Command, error)
	// CountFetched counts the messages and shell lines to things of a project.
	CountFetched(ctx context.Context, project roost.ProjectID) (int64, error)
	// DeleteCommands removes those of one thing.
	DeleteCommands(ctx context.Context, ref roost.Ref) error
}
