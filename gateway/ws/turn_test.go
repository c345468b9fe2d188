package ws

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/registry"
)

// slowFirst holds up the first arrival until the second begins, or does not for a while.
type slowFirst struct {
	gateway.Core
	begun  chan struct{} // the first arrival has begun
	second chan struct{} // so has the second
	count  atomic.Int32
}

func (s *slowFirst) Arrive(ctx context.Context, a gateway.Arrival) (gateway.Standing, error) {
	switch s.count.Add(1) {
	case 1:
		close(s.begun)
		select {
		case <-s.second:
		case <-time.After(100 * time.Millisecond): // it waits for its turn
		}
	case 2:
		standing, err := s.Core.Arrive(ctx, a)
		close(s.second)
		return standing, err
	}
	return s.Core.Arrive(ctx, a)
}

func TestOfTwoConnectionsTheNewerWins(t *testing.T) {
	core := &slowFirst{begun: make(chan struct{}), second: make(chan struct{})}
	h := build(t, registry.EnrolOpen, func(c *Config) {
		core.Core = c.Core
		c.Core = core
	})
	old := h.dial("/node?id=n1", nil)
	<-core.begun
	fresh := h.dial("/node?id=n1", nil)
	if closed := old.WantClose(); closed.Code != websocket.StatusPolicyViolation {
		t.Errorf("the old connection ends with %v", closed)
	}
	fresh.Want(discover)
	h.door.mu.Lock()
	defer h.door.mu.Unlock()
	if len(h.door.turns) != 0 {
		t.Errorf("%d turns are left", len(h.door.turns))
	}
}
