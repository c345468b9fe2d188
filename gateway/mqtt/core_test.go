package mqtt

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
)

// countingCore lets everybody in and notes when they made themselves heard.
type countingCore struct {
	mu    sync.Mutex
	heard []time.Time
}

func (c *countingCore) note() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = append(c.heard, time.Now())
}

// gaps is the longest time between two signs of life.
func (c *countingCore) gaps() (longest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := 1; i < len(c.heard); i++ {
		longest = max(longest, c.heard[i].Sub(c.heard[i-1]))
	}
	return longest
}

func (c *countingCore) Arrive(_ context.Context, a gateway.Arrival) (gateway.Standing, error) {
	c.note()
	return gateway.Standing{Ref: home(a.Identity.Own), Enrolment: roost.Enrolled}, nil
}

func (c *countingCore) Report(context.Context, roost.Ref, []roost.Resource) error { return nil }

func (c *countingCore) Answer(context.Context, gateway.Answer) error { return nil }

func (c *countingCore) Leave(context.Context, roost.Ref, gateway.Link) error { return nil }

// furnishCore puts a door before a Core that is none of rooms.
func furnishCore(t *testing.T, core gateway.Core, change ...func(*Config)) *house {
	c := Config{Core: core, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	h := &house{t: t, door: New(c)}
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { h.door.Run(ctx) })
	h.stop = sync.OnceFunc(func() {
		cancel()
		work.Wait()
	})
	return h
}
