package agent

import (
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
// as far apart as they were. Which entry moved where is on disk before any is kept, so that
// one that comes again is at its place; the first again of them may. The caller holds
// t.turn. Error: roost.Unavailable.
func (t *thing) timesOf(ctx context.Context, queue []wire.Entry, again int) ([]int64, error) {
	now := time.Now()
	moved := t.now().Moved
	times := make([]int64, len(queue))
	fresh := 0
	for i := range queue {
		at := queue[i].At
		times[i] = at
		if to, ok := movedTo(moved, at); ok && i < again {
			times[i] = to
		} else if at > now.Add(mostAhead).UnixMilli() {
			times[i] = 0
			fresh++
		}
	}
	if fresh == 0 {
		return times, nil
	}
	back := queue[len(queue)-1].At - now.UnixMilli()
	last := lastMoved(moved)
	for i := range queue {
		if times[i] == 0 {
			times[i] = max(queue[i].At-back, last+1, now.Add(-mostBack).UnixMilli())
		}
		if times[i] <= now.Add(mostAhead).UnixMilli() {
			last = max(last, times[i])
		}
	}
	t.tellAhead(time.Duration(back) * time.Millisecond)
	return times, t.change(ctx, func(a *roost.Agent) { a.Moved = remember(moved, queue, times) })
}

// movedTo gives where an entry of a time went.
func movedTo(moved [][2]int64, at int64) (int64, bool) {
	i, ok := slices.BinarySearchFunc(moved, at, func(m [2]int64, at int64) int { return compare(m[0], at) })
	if !ok {
		return 0, false
	}
	return moved[i][1], true
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// lastMoved is the latest time to which something moved.
func lastMoved(moved [][2]int64) (last int64) {
	for _, m := range moved {
		last = max(last, m[1])
	}
	return last
}

// remember adds what moves of a queue. What the thing has no more goes, but not the latest:
// nothing else may move to its place.
func remember(moved [][2]int64, queue []wire.Entry, times []int64) (all [][2]int64) {
	last := lastMoved(moved)
	for _, m := range moved {
		if m[0] >= queue[0].At || m[1] == last {
			all = append(all, m)
		}
	}
	for i := range queue {
		if times[i] == queue[i].At {
			continue
		}
		all = slices.DeleteFunc(all, func(m [2]int64) bool { return m[0] == queue[i].At })
		all = append(all, [2]int64{queue[i].At, times[i]})
	}
	slices.SortFunc(all, func(a, b [2]int64) int { return compare(a[0], b[0]) })
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
