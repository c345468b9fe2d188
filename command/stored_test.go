package command

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/live"
)

// heldStore answers each write as the test says.
type heldStore struct {
	Store
	say chan error
}

func (s heldStore) OpenCommands(context.Context) ([]roost.Command, error) { return nil, nil }
func (s heldStore) SaveCommand(_ context.Context, _ roost.Command) error  { return <-s.say }

// An end that the store refused and that is tried again has not been stored: a thing that
// answered just then must not forget its answer.
func TestEndThatIsTriedAgainIsNotStored(t *testing.T) {
	store := heldStore{say: make(chan error)}
	c, err := New(t.Context(), store, live.NewFeed(time.Now()), Config{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	o := &open{Command: roost.Command{ID: "a", State: roost.Done}, saved: make(chan struct{})}
	close(o.saved)
	c.mu.Lock()
	c.ending[o.ID] = o
	o.over = c.save(o)
	c.mu.Unlock()
	store.say <- errors.New("disk full")
	<-o.over // here Answer goes on, to ask whether it is stored
	c.lapse(time.Now())
	if err := c.stored(o); roost.KindOf(err) != roost.Unavailable {
		t.Errorf("while it is tried again: %v", err)
	}
	store.say <- nil
	<-o.over
	if err := c.stored(o); err != nil || len(c.ending) != 0 {
		t.Errorf("stored: %v, %d are ending", err, len(c.ending))
	}
	c.work.Wait()
}
