package gateway

import (
	"context"
	"log/slog"
)

// Fault is the level of what went wrong inside while a call was served, whose context
// is ctx: an error, unless who called has hung up. That ends what the call waited for;
// the thing calls again.
func Fault(ctx context.Context) slog.Level {
	if ctx.Err() != nil {
		return slog.LevelDebug
	}
	return slog.LevelError
}
