package command_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/store/sqlite"
)

// courier is the edge of the world: it hands commands to the test.
type courier struct {
	calls chan roost.Command
	say   chan error // what it answers; closed: nil at once
}

func (c *courier) Deliver(ctx context.Context, cmd roost.Command) error {
	c.calls <- cmd
	select {
	case err := <-c.say:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

type room struct {
	*command.Commands
	courier *courier
	feed    *live.Reader[*roost.Event]
	store   *sqlite.Store
	stop    func()
}

func open(t *testing.T, dir string, cfg command.Config) *room {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	store, err := sqlite.Open(t.Context(), dir, sqlite.Config{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := seed(t, store); !ok {
		t.Fatal("no thing to command")
	}
	feed := live.NewFeed(time.Now())
	c, err := command.New(t.Context(), store, feed, cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	r := &room{Commands: c, courier: &courier{calls: make(chan roost.Command, 16), say: make(chan error, 16)}, feed: feed.Tail(), store: store}
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { c.Run(ctx, r.courier) })
	r.stop = sync.OnceFunc(func() {
		cancel()
		run.Wait()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

var n1 = roost.Ref{Project: roost.Home, Thing: "n1"}

func seed(t *testing.T, s *sqlite.Store) (roost.Thing, bool) {
	t.Helper()
	thing := roost.Thing{Ref: n1, Identity: roost.Identity{Door: "coap", Own: "n1"}, Enrolment: roost.Enrolled, FirstHeard: time.Now(), LastHeard: time.Now()}
	return thing, s.SaveThing(t.Context(), thing) == nil
}

func (r *room) submit(t *testing.T, resource, text string) roost.Command {
	t.Helper()
	c, err := r.Submit(t.Context(), command.Request{Ref: n1, Resource: resource, Value: roost.Text(text), By: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answered ends a command as its thing says.
func (r *room) answered(t *testing.T, id string, state roost.CommandState, result roost.Value, why string) {
	t.Helper()
	if err := r.Answer(t.Context(), n1, id, state, result, why); err != nil {
		t.Error(err)
	}
}

// state waits until the feed tells of the command in that state.
func (r *room) state(t *testing.T, id string, want roost.CommandState) roost.Command {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var e [1]*roost.Event
	for {
		if _, err := r.feed.Next(ctx, e[:]); err != nil {
			t.Fatalf("waiting for %s: %v", want, err)
		}
		if c := e[0].Command; c != nil && c.ID == id && c.State == want {
			return *c
		}
	}
}

func report(name, text string) []roost.Resource {
	return []roost.Resource{{Name: name, Value: roost.Text(text), At: time.Now()}}
}

func TestDoneOnlyByTheThingsOwnWord(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	early := report("led", "1") // said before the set, and still under way
	c := r.submit(t, "led", "1")
	<-r.courier.calls
	r.courier.say <- nil
	r.state(t, c.ID, roost.Sent)
	r.Confirm(n1, early)
	r.Confirm(n1, report("led", "0"))
	r.Confirm(n1, report("lamp", "1"))
	if got, _ := r.Find(t.Context(), roost.Home, c.ID); got.State != roost.Sent {
		t.Fatalf("another value made it %s", got.State)
	}
	r.Confirm(n1, report("led", "1"))
	got := r.state(t, c.ID, roost.Done)
	if got.Result != `"1"` || got.Sent.IsZero() || got.Ended.IsZero() {
		t.Errorf("done as %+v", got)
	}
}

func TestFailureCarriesTheThingsReason(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	for _, c := range []struct {
		err  error
		want string
	}{
		{command.ErrGone, "The thing is not connected."},
		{roost.Errorf(roost.Invalid, "The thing answered 4.04 Not Found."), "The thing answered 4.04 Not Found."},
		{errors.New("wires crossed"), "Something inside Roost failed; its log says what."},
	} {
		cmd := r.submit(t, "led", "1")
		<-r.courier.calls
		r.courier.say <- c.err
		if got := r.state(t, cmd.ID, roost.Failed); got.Error != c.want {
			t.Errorf("%v became %q", c.err, got.Error)
		}
	}
}

func TestOneInFlightPerResource(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	first, second := r.submit(t, "led", "1"), r.submit(t, "led", "0")
	other := r.submit(t, "lamp", "1")
	got := map[string]bool{(<-r.courier.calls).ID: true, (<-r.courier.calls).ID: true}
	if !got[first.ID] || !got[other.ID] {
		t.Fatalf("delivered %v; the second of a resource has to wait", got)
	}
	r.answered(t, first.ID, roost.Done, "", "")
	if next := <-r.courier.calls; next.ID != second.ID {
		t.Errorf("then came %s", next.ID)
	}
}

func TestAsleepWaitsUntilTheThingWakes(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	c := r.submit(t, "led", "1")
	<-r.courier.calls
	r.courier.say <- command.ErrAsleep
	for { // delivered, and told that it sleeps
		got, err := r.Find(t.Context(), roost.Home, c.ID)
		if err != nil || got.State != roost.Queued {
			t.Fatalf("it is %s, %v", got.State, err)
		}
		r.Awake(n1)
		select {
		case again := <-r.courier.calls:
			if again.ID != c.ID {
				t.Fatalf("delivered %s", again.ID)
			}
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestCancelOnlyWhatIsNotOnItsWay(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	first, second := r.submit(t, "led", "1"), r.submit(t, "led", "0")
	<-r.courier.calls
	if _, err := r.Cancel(t.Context(), roost.Home, first.ID); roost.KindOf(err) != roost.Conflict {
		t.Errorf("cancel of one on its way: %v", err)
	}
	if c, err := r.Cancel(t.Context(), roost.Home, second.ID); err != nil || c.State != roost.Cancelled {
		t.Errorf("cancel of a waiting one: %+v, %v", c, err)
	}
	if _, err := r.Cancel(t.Context(), "other", first.ID); roost.KindOf(err) != roost.NotFound {
		t.Errorf("cancel from another project: %v", err)
	}
}

func TestBadRequestsSayWhy(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{MaxPerLine: 2})
	for _, q := range []command.Request{
		{Ref: n1, Value: `"1"`},
		{Ref: n1, Resource: "led"},
		{Ref: n1, Resource: "led", Value: "1", Expiry: time.Millisecond},
		{Ref: n1, Resource: "led", Value: "1", Expiry: 1e6 * time.Hour},
	} {
		if _, err := r.Submit(t.Context(), q); roost.KindOf(err) != roost.Invalid {
			t.Errorf("%+v: %v", q, err)
		}
	}
	r.submit(t, "led", "1")
	r.submit(t, "led", "0")
	if _, err := r.Submit(t.Context(), command.Request{Ref: n1, Resource: "led", Value: "1"}); roost.KindOf(err) != roost.TooMany {
		t.Errorf("a third in a line of two: %v", err)
	}
}

func TestRestartKeepsWhatIsOpenAndHistory(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, command.Config{})
	done := r.submit(t, "lamp", "1")
	r.answered(t, (<-r.courier.calls).ID, roost.Done, `"1"`, "")
	r.state(t, done.ID, roost.Done)
	long, err := r.Submit(t.Context(), command.Request{Ref: n1, Resource: "led", Value: `"1"`, Expiry: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	<-r.courier.calls
	r.stop() // in the middle of the delivery

	r = open(t, dir, command.Config{})
	if got, err := r.Find(t.Context(), roost.Home, long.ID); err != nil || got.State != roost.Queued {
		t.Fatalf("after the restart it is %s, %v", got.State, err)
	}
	r.Awake(n1) // the thing arrives
	if c := <-r.courier.calls; c.ID != long.ID {
		t.Errorf("delivered %s", c.ID)
	}
	history, err := r.Of(t.Context(), n1, 10)
	if err != nil || len(history) != 2 || history[0].ID != long.ID || history[1].State != roost.Done || history[1].By != "anna" {
		t.Errorf("history %+v, %v", history, err)
	}
}

func TestTurnedAwayCommandIsNotSentAfterARestart(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, command.Config{MaxPerLine: 1})
	r.submit(t, "led", "0")
	q := command.Request{Ref: n1, Resource: "led", Value: `"1"`, Expiry: time.Hour}
	if _, err := r.Submit(t.Context(), q); roost.KindOf(err) != roost.TooMany {
		t.Fatalf("a second in a line of one: %v", err)
	}
	left, err := r.store.OpenCommands(t.Context())
	if err != nil || len(left) != 1 || left[0].Value != `"0"` {
		t.Errorf("the next start would take up %+v, %v", left, err)
	}
}

func TestThingThatWakesDuringADeliveryIsTriedAgain(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	c := r.submit(t, "led", "1")
	<-r.courier.calls
	r.Awake(n1)
	r.courier.say <- command.ErrAsleep
	select {
	case again := <-r.courier.calls:
		if again.ID != c.ID {
			t.Errorf("delivered %s", again.ID)
		}
	case <-time.After(time.Minute):
		t.Error("it sleeps on")
	}
}

func TestClosingDoorsFailNoCommand(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	first, second := r.submit(t, "led", "1"), r.submit(t, "led", "0")
	<-r.courier.calls
	r.Hold()
	r.courier.say <- command.ErrGone // its door has closed
	r.stop()
	select {
	case c := <-r.courier.calls:
		t.Errorf("delivered %s all the same", c.ID)
	default:
	}
	for _, id := range []string{first.ID, second.ID} {
		if c, err := r.Find(t.Context(), roost.Home, id); err != nil || c.State != roost.Queued {
			t.Errorf("it is %s (%s), %v", c.State, c.Error, err)
		}
	}
}

func TestDroppedThingLeavesNoCommands(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	c := r.submit(t, "led", "1")
	<-r.courier.calls
	if err := r.Drop(t.Context(), n1); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Find(t.Context(), roost.Home, c.ID); roost.KindOf(err) != roost.NotFound {
		t.Errorf("it is still there: %v", err)
	}
}

// memory is a Store for tests about time alone: SQLite's own goroutines do not
// stand still with synctest's clock.
type memory struct {
	command.Store
	mu   sync.Mutex
	last map[string]roost.Command
}

func (m *memory) SaveCommand(_ context.Context, c roost.Command) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last[c.ID] = c
	return nil
}

func (m *memory) OpenCommands(context.Context) ([]roost.Command, error) { return nil, nil }

func TestExpiryTellsWhetherTheThingHadIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := live.NewFeed(time.Now())
		store := &memory{last: map[string]roost.Command{}}
		c, err := command.New(t.Context(), store, feed, command.Config{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		boy := &courier{calls: make(chan roost.Command, 4), say: make(chan error, 4)}
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { c.Run(ctx, boy) })
		synctest.Wait()
		submit := func(resource string) string {
			cmd, err := c.Submit(ctx, command.Request{Ref: n1, Resource: resource, Value: `"1"`})
			if err != nil {
				t.Fatal(err)
			}
			return cmd.ID
		}
		boy.say <- nil
		sent := submit("led")
		synctest.Wait()
		never := submit("lamp")
		time.Sleep(32 * time.Second)
		synctest.Wait()
		store.mu.Lock()
		a, b := store.last[sent], store.last[never]
		store.mu.Unlock()
		if a.State != roost.Expired || a.Error != "The thing has it, but never confirmed it." {
			t.Errorf("the sent one ended as %s: %s", a.State, a.Error)
		}
		if b.State != roost.Expired || !b.Sent.IsZero() {
			t.Errorf("the one never taken ended as %s, sent %v", b.State, b.Sent)
		}
		cancel()
		run.Wait()
	})
}

func TestRefreshIsDoneByAnyValueOfTheThing(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	for _, early := range []bool{false, true} { // the thing answers after, or while, it is asked
		c, err := r.Submit(t.Context(), command.Request{Ref: n1, Kind: roost.Refresh})
		if err != nil {
			t.Fatal(err)
		}
		<-r.courier.calls
		r.Confirm(n1, report("protocol", "CoAP")) // the door's own word
		if early {
			r.Confirm(n1, report("led", "0"))
			r.courier.say <- nil
		} else {
			r.courier.say <- nil
			r.state(t, c.ID, roost.Sent)
			r.Confirm(n1, report("ip", "::1"))
			if got, _ := r.Find(t.Context(), roost.Home, c.ID); got.State != roost.Sent {
				t.Fatalf("the door's own word made it %s", got.State)
			}
			r.Confirm(n1, report("led", "0"))
		}
		r.state(t, c.ID, roost.Done)
	}
}

func TestReportDuringDeliveryDoesNotCutItShort(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	for _, end := range []struct {
		err  error
		want roost.CommandState
	}{
		{nil, roost.Done},
		{roost.Errorf(roost.Unavailable, "The thing did not answer."), roost.Done}, // but it has said so
		{roost.Errorf(roost.Invalid, "The thing answered 4.00 Bad Request."), roost.Failed},
	} {
		c := r.submit(t, "led", "1")
		<-r.courier.calls
		r.Confirm(n1, report("led", "1"))
		if got, _ := r.Find(t.Context(), roost.Home, c.ID); got.State != roost.Queued {
			t.Fatalf("it is %s while it is being delivered", got.State)
		}
		r.courier.say <- end.err
		r.state(t, c.ID, end.want)
	}
}

func TestCommandThatMayWaitWaitsForAnAbsentThing(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	c, err := r.Submit(t.Context(), command.Request{Ref: n1, Resource: "led", Value: `"1"`, Expiry: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	<-r.courier.calls
	r.Awake(n1) // it arrives while nobody was found yet
	r.courier.say <- command.ErrGone
	if again := <-r.courier.calls; again.ID != c.ID {
		t.Errorf("delivered %s", again.ID)
	}
}
