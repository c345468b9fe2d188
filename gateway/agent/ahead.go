package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

const (
	// mostAhead is how far the clock of a thing may be ahead of ours.
	mostAhead = 5 * time.Minute
	// mostBack bounds how old what a clock that is ahead tells may be.
	mostBack = 24 * time.Hour
	// mostMoved bounds what is remembered of one thing: two queues of the longest kind.
	mostMoved = 512
)

// timesOf gives the times at which the entries of a queue are kept, in ms: their own, but
// for those of a clock that is ahead. These move back, the newest to now, in their order and
// as far apart as they were, and behind all that is kept: as the times of a thing rise, no
// entry comes to that of another, moved or not. Which entry moved where is on disk before any
// is kept, so that one that comes again is at its place; the first again of them may. The
// caller holds t.turn. Error: roost.Unavailable.
func (t *thing) timesOf(ctx context.Context, queue []wire.Entry, again int) ([]int64, error) {
	now := time.Now()
	limit := now.Add(mostAhead).UnixMilli()
	moved := t.now().Moved
	times := make([]int64, len(queue))
	var fresh []int // that move now
	for i := range queue {
		at := queue[i].At
		to, known := movedTo(moved, at)
		switch {
		case known && i < again:
			times[i] = to
		case at > limit || taken(moved, at):
			fresh = append(fresh, i)
		default:
			times[i] = at
		}
	}
	if len(fresh) == 0 {
		t.keptTo(slices.Max(times))
		return times, nil
	}
	last, err := t.latest(ctx, moved)
	if err != nil {
		return nil, err
	}
	last = max(last, slices.Max(times))
	back := max(queue[len(queue)-1].At-now.UnixMilli(), 0)
	for _, i := range fresh {
		last = max(queue[i].At-back, last+1, now.Add(-mostBack).UnixMilli())
		times[i] = last
	}
	if by := time.Duration(back) * time.Millisecond; by > mostAhead {
		t.tellAhead(by)
	}
	if err := t.change(ctx, func(a *roost.Agent) { a.Moved = remember(moved, queue, times, fresh) }); err != nil {
		return nil, err
	}
	t.keptTo(last)
	return times, nil
}

// keptTo notes up to which time something is kept.
func (t *thing) keptTo(at int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = max(t.kept, at)
}

// latest gives the latest time, in ms, at which something of the thing is kept. What was
// there before this program started is looked up once. Error: roost.Unavailable.
func (t *thing) latest(ctx context.Context, moved [][2]int64) (int64, error) {
	t.mu.Lock()
	at, looked := t.kept, t.looked
	t.mu.Unlock()
	if looked {
		return at, nil
	}
	at = max(at, lastMoved(moved))
	_, values, _ := t.d.cfg.Registry.Get(t.ref)
	for i := range values {
		at = max(at, values[i].At.UnixMilli())
	}
	messages, err := t.d.cfg.Telemetry.Messages(ctx, t.ref, roost.MessageQuery{Limit: 1}) // the newest
	if err != nil {
		return 0, err
	}
	for i := range messages {
		at = max(at, messages[i].At.UnixMilli())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept, t.looked = max(t.kept, at), true
	return t.kept, nil
}

// movedTo gives where an entry of a time went.
func movedTo(moved [][2]int64, at int64) (int64, bool) {
	i, ok := slices.BinarySearchFunc(moved, at, func(m [2]int64, at int64) int { return cmp.Compare(m[0], at) })
	if !ok {
		return 0, false
	}
	return moved[i][1], true
}

// taken tells that another entry moved to a time.
func taken(moved [][2]int64, at int64) bool {
	return slices.ContainsFunc(moved, func(m [2]int64) bool { return m[1] == at && m[0] != at })
}

// lastMoved is the latest time to which something moved.
func lastMoved(moved [][2]int64) (last int64) {
	for _, m := range moved {
		last = max(last, m[1])
	}
	return last
}

// remember adds what moves of a queue, though it be to its own time. What the thing has no
// more goes, but not the latest: nothing else may move to its place.
func remember(moved [][2]int64, queue []wire.Entry, times []int64, fresh []int) (all [][2]int64) {
	last := lastMoved(moved)
	for _, m := range moved {
		if m[0] >= queue[0].At || m[1] == last {
			all = append(all, m)
		}
	}
	for _, i := range fresh {
		all = slices.DeleteFunc(all, func(m [2]int64) bool { return m[0] == queue[i].At })
		all = append(all, [2]int64{queue[i].At, times[i]})
	}
	slices.SortFunc(all, func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	return all[max(len(all)-mostMoved, 0):]
}

// tellAhead says in the thing's log, once in a boot, that its clock is ahead.
func (t *thing) tellAhead(by time.Duration) {
	t.mu.Lock()
	told := t.aheadIn == t.facts.Boot
	t.aheadIn = t.facts.Boot
	t.mu.Unlock()
	if !told {
		t.d.write(t.ref, "warn", fmt.Sprintf("its clock is %s ahead of this server's: what it sends is kept at the time at which it comes", by.Round(time.Second)), "")
	}
}
