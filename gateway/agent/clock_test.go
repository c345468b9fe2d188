package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/telemetry"
	wire "github.com/roost-iot/roost/wire/agent"
)

// readings counts those of a resource between two times.
func (h *house) readings(c *desk.Client, resource string, from, to time.Time) (n int) {
	h.t.Helper()
	if err := h.rooms.Telemetry.Settle(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	all, err := h.rooms.Telemetry.History(h.t.Context(), ref(c), resource, from, to, 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, b := range all.Numbers {
		n += b.Count
	}
	return n
}

// ever are times between which all lies.
func ever() (from, to time.Time) {
	return time.UnixMilli(1), time.Now().Add(100 * 365 * 24 * time.Hour)
}

// queue is what a thing whose clock shows a time has to send: of each kind n.
func queue(clock time.Time, from, n int) (q []wire.Entry) {
	at := clock.UnixMilli()
	for i := from; i < from+n; i++ {
		q = append(q,
			wire.Entry{At: at + int64(i)*30, Kind: wire.EntryValues, Body: roost.Value(fmt.Sprintf(`{"t":%d}`, i))},
			wire.Entry{At: at + int64(i)*30 + 10, Kind: wire.EntryMessage, Body: roost.Value(fmt.Sprintf(`{"m":%d}`, i))},
			wire.Entry{At: at + int64(i)*30 + 20, Kind: wire.EntryLog, Body: roost.Value(fmt.Sprintf(`["info","line %d"]`, i))},
			wire.Entry{At: at + int64(i)*30 + 25, Kind: "noise", Body: roost.Value(fmt.Sprint(i))})
	}
	return q
}

// wantOnce tells that each of n of each kind is there once, and that none is of another time than about now.
func (h *house) wantOnce(c *desk.Client, n int) {
	h.t.Helper()
	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf(`{"m":%d}`, i))
	}
	if got := h.messages(c); !slices.Equal(got, want) {
		h.t.Errorf("messages %v", got)
	}
	for _, resource := range []string{"t", "m"} {
		from, to := ever()
		if got := h.readings(c, resource, from, to); got != n {
			h.t.Errorf("%d readings of %s, not %d", got, resource, n)
		}
	}
	lines, noise := 0, 0
	for _, l := range h.logged(c) {
		if strings.HasPrefix(l, "line ") {
			lines++
		}
		if strings.HasPrefix(l, "sent something") {
			noise++
		}
	}
	if lines != n || noise != n {
		h.t.Errorf("%d lines and %d about noise, not %d", lines, noise, n)
	}
}

func TestEntriesAreKeptOnceByAnyClock(t *testing.T) {
	for name, off := range map[string]time.Duration{
		"right": 0, "a bit ahead": 4 * time.Minute, "ahead": time.Hour, "years ahead": 30 * 365 * 24 * time.Hour, "behind": -20 * 365 * 24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, plan{})
			c := h.board("")
			h.register(c, said(boot1))
			clock := time.Now().Add(off)
			first, both := queue(clock, 0, 3), queue(clock, 0, 5)
			h.sync(c, wire.Sync{Queue: first})
			if a := h.sync(c, wire.Sync{Queue: both, Again: len(first)}); a.Upto != both[len(both)-1].At { // the answer was lost
				t.Errorf("upto %d", a.Upto)
			}
			h.wantOnce(c, 5)
			h = h.again(plan{}) // that answer too, and Roost restarted
			c = &desk.Client{URL: h.server.URL, HTTP: h.http, ID: c.ID, Key: c.Key}
			h.sync(c, wire.Sync{Queue: both, Again: len(both)})
			h.sync(c, wire.Sync{Queue: queue(clock, 5, 2)})
			h.sync(c, wire.Sync{Queue: queue(clock, 5, 2), Again: 8})
			h.wantOnce(c, 7)
			from, to := clock, clock.Add(time.Second)
			if off > 5*time.Minute {
				from, to = time.Now().Add(-time.Hour), time.Now().Add(time.Minute)
			}
			if n := h.readings(c, "t", from, to); n != 7 {
				t.Errorf("%d readings from %s to %s", n, from, to)
			}
		})
	}
}

func TestEntriesAreKeptOnceByAClockThatJumps(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	now := time.Now().Add(-time.Minute)
	m := func(at time.Time, n int) wire.Entry {
		return wire.Entry{At: at.UnixMilli(), Kind: wire.EntryMessage, Body: roost.Value(fmt.Sprintf(`{"m":%d}`, n))}
	}
	q := []wire.Entry{m(now, 0), m(now.Add(time.Hour), 1), m(now.Add(time.Hour+time.Second), 2), m(now.Add(10*365*24*time.Hour), 3)}
	h.sync(c, wire.Sync{Queue: q[:3]})
	h.sync(c, wire.Sync{Queue: q, Again: 3})
	h.sync(c, wire.Sync{Queue: q[1:], Again: 3})
	h.register(c, said(boot2)) // its clock is right again, and at the time of another message
	h.sync(c, wire.Sync{Boot: boot2, Queue: []wire.Entry{m(now, 4), m(now.Add(time.Millisecond), 5)}})
	h.sync(c, wire.Sync{Boot: boot2, Queue: []wire.Entry{m(now, 4), m(now.Add(time.Millisecond), 5)}, Again: 2})
	got := h.messages(c)
	slices.Sort(got)
	if want := []string{`{"m":0}`, `{"m":1}`, `{"m":2}`, `{"m":3}`, `{"m":4}`, `{"m":5}`}; !slices.Equal(got, want) {
		t.Errorf("messages %v", got)
	}
	from, to := ever()
	if n := h.readings(c, "m", from, to); n != 5 { // two at one time of one resource are one reading
		t.Errorf("%d readings", n)
	}
}

func TestCallThatWasHeldUpDoublesNothing(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	q := queue(time.Now().Add(-time.Minute), 0, 4)
	h.sync(c, wire.Sync{Queue: q, Again: 8}) // overtook the one below, which the thing gave up
	h.sync(c, wire.Sync{Queue: q[:8]})
	h.wantOnce(c, 4)
}

func TestMoreMessagesThanAnAnswerHasAreKnown(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	at := time.Now().Add(-time.Hour).UnixMilli()
	var q []wire.Entry
	for i := range 1200 {
		q = append(q, wire.Entry{At: at + int64(i), Kind: wire.EntryMessage, Body: roost.Value(fmt.Sprint(i))})
	}
	for len(q) > 0 {
		n := min(len(q), 200)
		h.sync(c, wire.Sync{Queue: q[:n]})
		q = q[n:]
	}
	ends := []wire.Entry{{At: at, Kind: wire.EntryMessage, Body: "0"}, {At: at + 1199, Kind: wire.EntryMessage, Body: "1199"}}
	h.sync(c, wire.Sync{Queue: ends, Again: 2})
	if n, err := h.rooms.Telemetry.CountMessages(t.Context(), roost.Home); n != 1200 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
}

// fillLog lets nothing be written, and more lines of a thing wait than may.
func (h *house) fillLog(of roost.Ref) (release func()) {
	h.t.Helper()
	if err := h.rooms.Telemetry.Settle(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	tx, err := h.rooms.Store.Writer().BeginTx(context.Background(), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	release = sync.OnceFunc(func() { _ = tx.Rollback() })
	h.t.Cleanup(release)
	for h.rooms.Telemetry.Stats().Dropped < 3 {
		h.rooms.Telemetry.Write(roost.LogLine{Ref: of, Text: "noise"})
	}
	return release
}

func TestLinesThatHaveNoRoomAreNotAcknowledged(t *testing.T) {
	h := build(t, plan{telemetry: telemetry.Config{MaxLines: 100}})
	c := h.board("")
	h.register(c, said(boot1))
	release := h.fillLog(ref(c))
	q := []wire.Entry{{At: time.Now().UnixMilli() - 1, Kind: wire.EntryLog, Body: `["info","mine"]`}}
	if code, _ := status(second(c.Sync(t.Context(), wire.Sync{Boot: boot1, Queue: q}))); code != 503 {
		t.Errorf("no room, and it was answered with %d", code)
	}
	release()
	if a := h.sync(c, wire.Sync{Queue: q, Again: 1}); a.Upto != q[0].At || !slices.Contains(h.logged(c), "mine") {
		t.Errorf("upto %d of %d", a.Upto, q[0].At)
	}
	if !slices.Contains(h.logged(c), "mine") {
		t.Error("the line is not there")
	}
	roomtest.Eventually(t, "the log says what is left out", func() bool {
		return slices.ContainsFunc(h.logged(c), func(l string) bool {
			return strings.HasSuffix(l, "lines of this log were left out: too much was to be written at once")
		})
	})
}
