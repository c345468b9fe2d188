package gateway_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/roost-iot/roost/gateway"
)

func TestWhoHungUpIsNoFault(t *testing.T) {
	ctx, hangUp := context.WithCancel(t.Context())
	if got := gateway.Fault(ctx); got != slog.LevelError {
		t.Errorf("somebody waits: %v", got)
	}
	hangUp()
	if got := gateway.Fault(ctx); got != slog.LevelDebug {
		t.Errorf("nobody waits: %v", got)
	}
}
