package micropython

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Who ends does not wait for machine code that nobody will run: a server that is told
// to stop while it compiles MicroPython stops.
func TestCompilationEndsWithItsContext(t *testing.T) {
	need(t)
	e := &engine{binary: crossEngine.binary, tick: crossEngine.tick, host: crossEngine.host}
	ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if err := e.hold(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("cut after a millisecond: %v", err)
	}
	if err := e.hold(t.Context()); err != nil {
		t.Fatalf("whole, after one that was cut: %v", err)
	}
	e.drop()
}
