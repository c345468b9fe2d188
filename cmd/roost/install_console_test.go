package main

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// chatter is a board that never pauses, until it is unplugged.
type chatter struct{ unplugged time.Time }

func (c chatter) Read(p []byte) (int, error) {
	time.Sleep(20 * time.Millisecond)
	if time.Now().After(c.unplugged) {
		return 0, io.EOF
	}
	return copy(p, "tick\r\n"), nil
}

func TestHangingUpEndsABoardThatTalksWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, hangUp := context.WithCancelCause(t.Context())
		hangUp(errHungUp)
		if err := listen(ctx, io.Discard, chatter{unplugged: time.Now().Add(time.Hour)}); err != nil {
			t.Errorf("the console ended with %v", err)
		}
	})
}
