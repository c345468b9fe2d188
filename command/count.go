package command

import (
	"context"

	"github.com/roost-iot/roost"
)

// CountFetched counts the messages and shell lines to things of a project that are kept.
func (c *Commands) CountFetched(ctx context.Context, project roost.ProjectID) (int64, error) {
	return c.store.CountFetched(ctx, project)
}
