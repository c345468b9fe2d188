package sim

import (
	"context"
	"errors"
	"testing"
)

// busy is a thing that is in the midst of something when it is told to end; its fault is
// what it says then.
type busy struct {
	begun chan struct{}
	fault error
}

func (b *busy) live(ctx context.Context) error {
	close(b.begun)
	<-ctx.Done()
	return b.fault
}

// broken is a thing that cannot be played.
type broken struct{ fault error }

func (b broken) live(context.Context) error { return b.fault }

func TestFleetThatIsStoppedHasNoFault(t *testing.T) {
	b := &busy{make(chan struct{}), errors.New("broken off")}
	f := newFleet(Config{To: "nowhere", Count: 1}, "x", func(*Fleet, *device, int) node { return b })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	select {
	case <-b.begun:
	case err := <-ended:
		t.Fatalf("it did not begin: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("stopped, it says %v", err)
	}
}

func TestFleetTellsWhyItCannotBePlayed(t *testing.T) {
	fault := errors.New("no socket")
	f := newFleet(Config{To: "nowhere", Count: 2}, "x", func(_ *Fleet, _ *device, i int) node {
		if i == 0 {
			return &busy{begun: make(chan struct{})}
		}
		return broken{fault}
	})
	if err := f.Run(t.Context()); !errors.Is(err, fault) {
		t.Errorf("it says %v", err)
	}
}
