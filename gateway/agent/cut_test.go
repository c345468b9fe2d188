package agent_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
)

// cutter ends connections instead of answering: before a call is served, or after.
type cutter struct {
	next   http.Handler
	calls  atomic.Int64
	before func(n int64) bool
	after  func(n int64) bool
}

// swallowed takes an answer that nobody gets.
type swallowed struct{}

func (swallowed) Header() http.Header         { return http.Header{} }
func (swallowed) Write(b []byte) (int, error) { return len(b), nil }
func (swallowed) WriteHeader(int)             {}

func (c *cutter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := c.calls.Add(1)
	if c.before(n) {
		panic(http.ErrAbortHandler)
	}
	if c.after(n) {
		c.next.ServeHTTP(swallowed{}, r)
		panic(http.ErrAbortHandler)
	}
	c.next.ServeHTTP(w, r)
}

// insist repeats a call as a thing does: hello again when its session is over.
func insist(t *testing.T, c *desk.Client, call func() error) {
	t.Helper()
	var err error
	for range 20 {
		if err = call(); err == nil {
			return
		}
		if code, _ := status(err); code == http.StatusUnauthorized {
			_ = c.Hello(t.Context()) // it may be cut, too
		}
	}
	t.Fatalf("it never came through: %v", err)
}

func TestConnectionsCutAnywhereLoseAndDoubleNothing(t *testing.T) {
	for gap := int64(2); gap < 6; gap++ {
		t.Run(fmt.Sprintf("each %dth", gap), func(t *testing.T) { cutEach(t, gap) })
	}
}

func cutEach(t *testing.T, gap int64) {
	h := build(t, plan{wrap: func(next http.Handler) http.Handler {
		return &cutter{
			next: next, before: func(n int64) bool { return n%gap == 0 && n/gap%2 == 0 },
			after: func(n int64) bool { return n%gap == 0 && n/gap%2 == 1 },
		}
	}})
	c := h.board("")
	cmd := h.submit(c, roost.Tell, "", `"hello"`)
	insist(t, c, func() error { _, err := c.Register(t.Context(), said(boot1)); return err })
	var queue []wire.Entry
	var want []string
	answered, sent, tag := false, 0, ""
	var have []string
	var acks []wire.Ack
	say := func(wait int) {
		insist(t, c, func() error {
			again := min(sent, len(queue))
			sent = len(queue)
			a, err := c.Sync(t.Context(), wire.Sync{Boot: boot1, Queue: queue, Again: again, Have: have, Acks: acks, Wait: wait, Set: tag})
			if err != nil {
				return err
			}
			queue = slices.DeleteFunc(queue, func(e wire.Entry) bool { return e.At <= a.Upto })
			sent, acks = 0, nil
			if a.Settings != nil {
				tag = a.Settings.Tag
			}
			for _, x := range a.Commands {
				if !slices.Contains(have, x.ID) { // at most once
					have = append(have, x.ID)
					acks = append(acks, wire.Ack{ID: x.ID, OK: true, Body: `"done"`})
					answered = true
				}
			}
			return nil
		})
	}
	now := time.Now().UnixMilli()
	for i := range int64(8) {
		body := fmt.Sprintf(`{"n":%d}`, i)
		want = append(want, body)
		queue = append(queue, wire.Entry{At: now + i, Kind: wire.EntryMessage, Body: roost.Value(body)})
		say(0)
	}
	for end := time.Now().Add(roomtest.Patience); (!answered || len(acks) > 0) && time.Now().Before(end); {
		say(1)
	}
	if got := h.messages(c); !slices.Equal(got, want) {
		t.Errorf("kept %v", got)
	}
	if !answered {
		t.Fatal("the command never came")
	}
	h.state(cmd.ID, roost.Done)
}

func TestExpiredCommandIsNotGiven(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	var cmd roost.Command
	tag := ""
	for expiry, given := time.Second, false; !given; expiry *= 2 { // a slow machine may not come to give it in a second
		var err error
		cmd, err = h.rooms.Commands.Submit(t.Context(), command.Request{Ref: ref(c), Kind: roost.Shell, Value: `"1"`, Expiry: expiry})
		if err != nil || expiry > roomtest.Patience {
			t.Fatalf("the line is never given: %v", err)
		}
		for end := time.Now().Add(expiry); !given && time.Now().Before(end); {
			a := h.sync(c, wire.Sync{Wait: 1, Set: tag})
			if a.Settings != nil {
				tag = a.Settings.Tag
			}
			given = len(a.Commands) == 1
		}
		h.state(cmd.ID, roost.Expired)
	}
	if a := h.sync(c, wire.Sync{}); len(a.Commands) != 0 {
		t.Errorf("given after its end: %+v", a.Commands)
	}
	h.sync(c, wire.Sync{Acks: []wire.Ack{{ID: cmd.ID, OK: true}}}) // too late, and no harm
	h.state(cmd.ID, roost.Expired)
}

func TestCrashIsCountedOnce(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	r := said(boot1)
	r.Crash = &wire.Crash{Part: "app", Ver: "1", Text: "Traceback\n  line\nValueError: x"}
	h.register(c, r)
	h.register(c, r) // its answer was lost
	r.Boot = boot2
	h.register(c, r)
	groups, err := h.door.Crashes(t.Context(), roost.Home, "", roost.ThingID(c.ID), false, 0)
	if err != nil || len(groups) != 1 || groups[0].Count != 2 || groups[0].Error != "ValueError: x" {
		t.Fatalf("%+v %v", groups, err)
	}
	if log := strings.Join(h.logged(c), "\n"); !strings.Contains(log, "app crashed: ValueError: x") {
		t.Errorf("log:\n%s", log)
	}
}

// An app that breaks as it is imported is told of when the thing registers its resources, in
// the next line of the log, and may be told of once more after the boot that follows.
func TestCrashThatIsToldInTwoWaysIsCountedOnce(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	const text = "Traceback\n  line\nValueError: x"
	r := said(boot1)
	now := time.Now().Add(time.Second).UnixMilli()
	r.Crash = &wire.Crash{Part: "app", Ver: r.App, Text: text, At: now}
	h.register(c, r)
	h.register(c, r) // its answer was lost
	line := func(at int64) wire.Sync {
		return wire.Sync{Boot: boot1, App: r.App, Queue: []wire.Entry{{At: at, Kind: wire.EntryLog, Body: `["error","app failed",` + roost.Text(text) + `]`}}}
	}
	count := func(want int64) {
		t.Helper()
		groups, err := h.door.Crashes(t.Context(), roost.Home, "", roost.ThingID(c.ID), false, 0)
		if err != nil || len(groups) != 1 || groups[0].Count != want {
			t.Fatalf("not %d times: %+v %v", want, groups, err)
		}
	}
	h.sync(c, line(now+50))
	again := line(now + 50) // its answer was lost, too
	again.Again = 1
	h.sync(c, again)
	r.Boot = boot2
	h.register(c, r) // its flash was full: the crash stayed there
	count(1)
	h.sync(c, line(now+90)) // it broke again
	count(2)
}

func TestSyncThatWaitsIsAnsweredWhenRoostStops(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	set := h.sync(c, wire.Sync{}).Settings.Tag
	done := make(chan error, 1)
	go func() {
		_, err := c.Sync(t.Context(), wire.Sync{Boot: boot1, Set: set, Wait: 25})
		done <- err
	}()
	h.stop() // its own deadline is that of the test
	<-done
}

// fullDisk cannot store the first ends of commands.
type fullDisk struct {
	gateway.Core
	fails atomic.Int64
}

func (f *fullDisk) Answer(ctx context.Context, a gateway.Answer) error {
	if f.fails.Add(-1) >= 0 {
		return roost.Errorf(roost.Unavailable, "The disk is full.")
	}
	return f.Core.Answer(ctx, a)
}

// The answer of a thing to a command that Roost could not keep is not acknowledged.
func TestAnswerThatIsNotStoredIsAskedForAgain(t *testing.T) {
	disk := &fullDisk{}
	h := build(t, plan{change: func(c *agent.Config) {
		disk.Core = c.Core
		c.Core = disk
	}})
	c := h.board("")
	h.register(c, said(boot1))
	cmd := h.submit(c, roost.Tell, "", `"hello"`)
	h.until(c, wire.Sync{}, "the message is given", func(a wire.Answer) bool { return len(a.Commands) == 1 })
	disk.fails.Store(2)
	answer := wire.Sync{Boot: boot1, Acks: []wire.Ack{{ID: cmd.ID, OK: true, Body: `"hi"`}}}
	for range 2 {
		_, err := c.Sync(t.Context(), answer)
		if code, state := status(err); code != http.StatusServiceUnavailable || state != wire.StateLater {
			t.Fatalf("it was told %d %s, %v", code, state, err)
		}
	}
	h.sync(c, answer)
	if got := h.state(cmd.ID, roost.Done); got.Result != `"hi"` {
		t.Errorf("it is %+v", got)
	}
}
