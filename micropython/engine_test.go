package micropython

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Who ends does not wait for machine code that nobody will run: a server that is told
// to stop while it compiles MicroPython stops.
func TestCompilationAheadEndsWithItsContext(t *testing.T) {
	need(t)
	e := &engine{binary: crossEngine.binary, tick: crossEngine.tick, host: crossEngine.host}
	ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if err := e.hold(Ahead(ctx)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("cut after a millisecond: %v", err)
	}
	if err := e.hold(ctx); err != nil { // or it would never be made where it takes longer than anybody waits
		t.Fatalf("for the next, after one that was cut: %v", err)
	}
	e.drop()
}
