package command_test

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/live"
)

// tell submits a message or a shell line.
func (r *room) tell(t *testing.T, kind roost.CommandKind, value string) roost.Command {
	t.Helper()
	c, err := r.Submit(t.Context(), command.Request{Ref: n1, Kind: kind, Value: roost.Value(value), By: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fetch wants n1 to be given a command.
func (r *room) fetch(t *testing.T, want roost.Command) {
	t.Helper()
	got, ok := r.Fetch(t.Context(), n1)
	if !ok || got.ID != want.ID || got.State != roost.Sent || got.Sent.IsZero() || got.Value != want.Value || got.Kind != want.Kind {
		t.Fatalf("fetched %+v, %v, want %+v", got, ok, want)
	}
}

// stored wants the store to know a command in a state.
func (r *room) stored(t *testing.T, id string, want roost.CommandState) roost.Command {
	t.Helper()
	c, err := r.store.Command(t.Context(), roost.Home, id)
	if err != nil || c.State != want {
		t.Errorf("the store has it as %s (%v), want %s", c.State, err, want)
	}
	return c
}

func (r *room) nothing(t *testing.T, what string) {
	t.Helper()
	if got, ok := r.Fetch(t.Context(), n1); ok {
		t.Errorf("%s: fetched %+v", what, got)
	}
}

func TestThingsFetchOneByOneOldestFirst(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	r.nothing(t, "nothing waits")
	a, b, c := r.tell(t, roost.Tell, `"meminfo"`), r.tell(t, roost.Shell, `"print(1)"`), r.tell(t, roost.Tell, `{"x":[1]}`)
	if len(a.ID) != 36 {
		t.Errorf("id %q, want a UUID", a.ID)
	}
	if other, ok := r.Fetch(t.Context(), roost.Ref{Project: roost.Home, Thing: "n2"}); ok {
		t.Errorf("another thing got %+v", other)
	}
	if other, ok := r.Fetch(t.Context(), roost.Ref{Project: "other", Thing: "n1"}); ok {
		t.Errorf("the thing of another project got %+v", other)
	}
	if out, ok := r.Fetched(n1); ok {
		t.Errorf("%+v is out before anybody came", out)
	}
	r.fetch(t, a)
	r.stored(t, a.ID, roost.Sent)
	r.nothing(t, "the first is not answered")
	if out, ok := r.Fetched(n1); !ok || out.ID != a.ID {
		t.Errorf("out is %+v, %v", out, ok)
	}
	r.answered(t, a.ID, roost.Done, `"Got meminfo"`, "")
	if done := r.state(t, a.ID, roost.Done); done.Result != `"Got meminfo"` {
		t.Errorf("done as %+v", done)
	}
	if out, ok := r.Fetched(n1); ok {
		t.Errorf("%+v is out though it is answered", out)
	}
	r.fetch(t, b)
	r.answered(t, b.ID, roost.Failed, "", "boom")
	r.fetch(t, c)
	r.answered(t, c.ID, roost.Done, "", "")
	r.nothing(t, "all are answered")
	select {
	case got := <-r.courier.calls:
		t.Errorf("%+v was delivered", got)
	default:
	}
}

func TestSetsAreNotHeldUpByMessages(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	waiting := r.tell(t, roost.Tell, `"a"`)
	set := r.submit(t, "led", "1")
	if got := <-r.courier.calls; got.ID != set.ID {
		t.Fatalf("delivered %+v", got)
	}
	r.courier.say <- nil
	r.state(t, set.ID, roost.Sent)
	r.fetch(t, waiting)
	r.Confirm(n1, report("led", "1"))
	r.state(t, set.ID, roost.Done)
	if out, ok := r.Fetched(n1); !ok || out.ID != waiting.ID {
		t.Errorf("a report ended the message: %+v", out)
	}
	r.Awake(n1) // sets only
	_, err := r.Submit(t.Context(), command.Request{Ref: n1, Resource: "\x00", Value: `"1"`})
	if roost.KindOf(err) != roost.Invalid {
		t.Errorf("a set in the line of messages: %v", err)
	}
}

func TestPutBackIsGivenAgain(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	a, b := r.tell(t, roost.Tell, `"a"`), r.tell(t, roost.Tell, `"b"`)
	r.PutBack(n1, a.ID) // not out: nothing happens
	r.fetch(t, a)
	r.PutBack(roost.Ref{Project: "other", Thing: "n1"}, a.ID)
	r.PutBack(n1, b.ID)
	r.nothing(t, "the first is still out")
	r.PutBack(n1, a.ID)
	if c, err := r.Find(t.Context(), roost.Home, a.ID); err != nil || c.State != roost.Queued || !c.Sent.IsZero() {
		t.Errorf("put back it is %+v, %v", c, err)
	}
	r.fetch(t, a)
	r.answered(t, a.ID, roost.Done, `1`, "")
	r.PutBack(n1, a.ID) // it has ended
	r.fetch(t, b)
	r.PutBack(n1, b.ID)
	if c, err := r.Cancel(t.Context(), roost.Home, b.ID); err != nil || c.State != roost.Cancelled {
		t.Errorf("cancel of one that was put back: %+v, %v", c, err)
	}
	r.stored(t, b.ID, roost.Cancelled)
	r.nothing(t, "the second is cancelled")
}

func TestAnsweredThoughPutBack(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	a := r.tell(t, roost.Tell, `"a"`)
	r.fetch(t, a)
	r.PutBack(n1, a.ID)
	r.answered(t, a.ID, roost.Done, `"late"`, "") // it had arrived all the same
	if c := r.state(t, a.ID, roost.Done); c.Result != `"late"` || c.Sent.IsZero() {
		t.Errorf("%+v", c)
	}
	r.nothing(t, "it is answered")
}

func TestMessageIsCancelledUntilItIsFetched(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	a, b := r.tell(t, roost.Tell, `"a"`), r.tell(t, roost.Tell, `"b"`)
	r.fetch(t, a)
	if _, err := r.Cancel(t.Context(), roost.Home, a.ID); roost.KindOf(err) != roost.Conflict {
		t.Errorf("cancel of one that was fetched: %v", err)
	}
	if c, err := r.Cancel(t.Context(), roost.Home, b.ID); err != nil || c.State != roost.Cancelled {
		t.Errorf("cancel of a waiting one: %+v, %v", c, err)
	}
	r.answered(t, a.ID, roost.Done, "", "")
	r.nothing(t, "the other is cancelled")
}

func TestMessagesOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir, command.Config{})
	a, b := r.tell(t, roost.Tell, `"a"`), r.tell(t, roost.Shell, `"b"`)
	r.fetch(t, a)
	r.stop()

	r = open(t, dir, command.Config{})
	r.nothing(t, "one is still out")
	if out, ok := r.Fetched(n1); !ok || out.ID != a.ID || out.State != roost.Sent {
		t.Fatalf("out is %+v, %v", out, ok)
	}
	r.Awake(n1)
	r.answered(t, a.ID, roost.Failed, "", "The thing came back without answering.")
	r.fetch(t, b)
	r.stop()

	r = open(t, dir, command.Config{})
	history, err := r.Of(t.Context(), n1, 10)
	if err != nil || len(history) != 2 || history[1].State != roost.Failed || history[0].State != roost.Sent || history[0].Kind != roost.Shell {
		t.Errorf("history %+v, %v", history, err)
	}
}

func TestNothingIsGivenOutWhileStopping(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	a := r.tell(t, roost.Tell, `"a"`)
	r.Hold()
	r.nothing(t, "Roost is stopping")
	r.stored(t, a.ID, roost.Queued)
}

func TestDroppedThingLeavesNoMessages(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	a, b := r.tell(t, roost.Tell, `"a"`), r.tell(t, roost.Tell, `"b"`)
	r.fetch(t, a)
	if err := r.Drop(t.Context(), n1); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{a.ID, b.ID} {
		if _, err := r.Find(t.Context(), roost.Home, id); roost.KindOf(err) != roost.NotFound {
			t.Errorf("%s is still there: %v", id, err)
		}
	}
	r.nothing(t, "its thing is gone")
	if out, ok := r.Fetched(n1); ok {
		t.Errorf("out is %+v", out)
	}
}

func TestMessagesThatThingsCannotTakeAreRefused(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{MaxPerLine: 3})
	for _, v := range []string{"", "null", "false", "0", "0.0", "-0", `""`, "[]", "[ ]", "{}", "{\n}", "hello", "{"} {
		if _, err := r.Submit(t.Context(), command.Request{Ref: n1, Kind: roost.Tell, Value: roost.Value(v)}); roost.KindOf(err) != roost.Invalid {
			t.Errorf("message %q: %v", v, err)
		}
	}
	for _, v := range []string{"", `""`, "1", "print(1)"} {
		if _, err := r.Submit(t.Context(), command.Request{Ref: n1, Kind: roost.Shell, Value: roost.Value(v)}); roost.KindOf(err) != roost.Invalid {
			t.Errorf("shell line %q: %v", v, err)
		}
	}
	_, err := r.Submit(t.Context(), command.Request{Ref: n1, Kind: roost.Tell, Value: roost.Value(`"` + strings.Repeat("x", 64<<10) + `"`)})
	if roost.KindOf(err) != roost.TooLarge {
		t.Errorf("64 KiB and more: %v", err)
	}
	for _, v := range []string{"1e-9", "1e999", `[0]`} {
		r.tell(t, roost.Tell, v)
	}
	if _, err := r.Submit(t.Context(), command.Request{Ref: n1, Kind: roost.Shell, Value: `"x"`}); roost.KindOf(err) != roost.TooMany {
		t.Errorf("a fourth in a line of three: %v", err)
	}
	r.submit(t, "led", "1") // another line
}

func TestManyFetchersGetOneEach(t *testing.T) {
	r := open(t, t.TempDir(), command.Config{})
	for range 20 {
		r.tell(t, roost.Tell, `"a"`)
	}
	var mu sync.Mutex
	given := map[string]int{}
	var answered atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for end := time.Now().Add(time.Minute); answered.Load() < 20 && time.Now().Before(end); runtime.Gosched() {
				ctx, leave := context.WithCancel(context.Background())
				leave() // the peer is gone already: Fetch need not wait for the store
				c, ok := r.Fetch(ctx, n1)
				if !ok {
					continue
				}
				mu.Lock()
				given[c.ID]++
				again := given[c.ID] == 1
				mu.Unlock()
				if again {
					r.PutBack(n1, c.ID)
				} else {
					r.answered(t, c.ID, roost.Done, "", "")
					answered.Add(1)
				}
			}
		})
	}
	all.Wait()
	if len(given) != 20 {
		t.Errorf("%d of 20 were given", len(given))
	}
	for id, n := range given {
		if n != 2 {
			t.Errorf("%s was given %d times", id, n)
		}
	}
}

func TestMessagesExpireWaitingOrUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{last: map[string]roost.Command{}}
		c, err := command.New(t.Context(), store, live.NewFeed(time.Now()), command.Config{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { c.Run(ctx, &courier{}) })
		synctest.Wait()
		submit := func(expiry time.Duration) string {
			cmd, err := c.Submit(ctx, command.Request{Ref: n1, Kind: roost.Tell, Value: `"a"`, Expiry: expiry})
			if err != nil {
				t.Fatal(err)
			}
			return cmd.ID
		}
		ends := func(id string) roost.Command {
			store.mu.Lock()
			defer store.mu.Unlock()
			return store.last[id]
		}
		out, behind, last := submit(10*time.Second), submit(20*time.Second), submit(0)
		if got, ok := c.Fetch(ctx, n1); !ok || got.ID != out {
			t.Fatalf("fetched %+v", got)
		}
		time.Sleep(12 * time.Second)
		synctest.Wait()
		if e := ends(out); e.State != roost.Expired || e.Error != "The thing has it, but never confirmed it." {
			t.Errorf("the fetched one ended as %s: %s", e.State, e.Error)
		}
		if e := ends(behind); e.State != roost.Queued {
			t.Errorf("the next is %s", e.State)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if e := ends(behind); e.State != roost.Expired || !e.Sent.IsZero() {
			t.Errorf("the one nobody came for ended as %s", e.State)
		}
		time.Sleep(23 * time.Hour)
		if got, ok := c.Fetch(ctx, n1); !ok || got.ID != last {
			t.Errorf("fetched %+v, %v", got, ok)
		}
		if err := c.Answer(t.Context(), n1, out, roost.Done, `1`, ""); err != nil { // too late
			t.Error(err)
		}
		synctest.Wait()
		if e := ends(out); e.State != roost.Expired {
			t.Errorf("a late answer made it %s", e.State)
		}
		cancel()
		run.Wait()
	})
}
