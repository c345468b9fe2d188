package broker

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// awayList has the sessions without a connection, the longest away first.
type awayList struct {
	mu          sync.Mutex
	first, last *session
}

func (l *awayList) add(st *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if st.prev != nil || l.first == st {
		return // it is there
	}
	st.prev, st.next = l.last, nil
	if l.last != nil {
		l.last.next = st
	} else {
		l.first = st
	}
	l.last = st
}

func (l *awayList) remove(st *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if st.prev == nil && l.first != st {
		return // it is not there
	}
	if st.prev != nil {
		st.prev.next = st.next
	} else {
		l.first = st.next
	}
	if st.next != nil {
		st.next.prev = st.prev
	} else {
		l.last = st.prev
	}
	st.prev, st.next = nil, nil
}

func (l *awayList) longest(n int) (all []*session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for st := l.first; st != nil && len(all) < n; st = st.next {
		all = append(all, st)
	}
	return all
}

// evict ends the session that is away longest, to make room for another, whose turn
// the caller has.
func (b *Broker) evict(own *sync.Mutex) bool {
	for _, st := range b.away.longest(8) {
		turn := b.turn(st.id)
		if turn != own && !turn.TryLock() { // it comes back
			continue
		}
		evicted := b.endAway(context.Background(), st)
		if turn != own {
			turn.Unlock()
		}
		if evicted {
			b.count.evicted.Add(1)
			return true
		}
	}
	return false
}

// endAway ends a session that has no connection, and publishes its will. The caller
// has the client's turn.
func (b *Broker) endAway(ctx context.Context, st *session) bool {
	st.mu.Lock()
	if st.conn != nil || st.ended {
		st.mu.Unlock()
		return false
	}
	will := st.will
	st.will = nil
	st.mu.Unlock()
	var fx effects
	b.finish(st, &fx)
	if will != nil {
		b.publishWill(ctx, will, &fx)
	}
	fx.wake()
	return true
}

// deadlines is a heap of the sessions with which something is to be done, the next first.
type deadlines struct {
	mu      sync.Mutex
	row     row
	changed chan struct{} // has one when the first is another
}

// due is a session's place among the deadlines, of which it holds the lock.
type due struct {
	at    int64  // Unix ns
	epoch uint32 // of the session: in another one it is void
	place int    // counted from 1; 0: none
}

type row []*session

func (r row) Len() int           { return len(r) }
func (r row) Less(i, k int) bool { return r[i].due.at < r[k].due.at }
func (r row) Swap(i, k int) {
	r[i], r[k] = r[k], r[i]
	r[i].due.place, r[k].due.place = i+1, k+1
}

func (r *row) Push(x any) {
	st := x.(*session)
	*r = append(*r, st)
	st.due.place = len(*r)
}

func (r *row) Pop() any {
	last := len(*r) - 1
	st := (*r)[last]
	(*r)[last] = nil
	*r = (*r)[:last]
	st.due.place = 0
	return st
}

func (d *deadlines) set(st *session, at int64, epoch uint32) {
	d.mu.Lock()
	st.due.at, st.due.epoch = at, epoch
	if st.due.place == 0 {
		heap.Push(&d.row, st)
	} else {
		heap.Fix(&d.row, st.due.place-1)
	}
	first := d.row[0] == st
	d.mu.Unlock()
	if first {
		select {
		case d.changed <- struct{}{}:
		default:
		}
	}
}

func (d *deadlines) remove(st *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if st.due.place > 0 {
		heap.Remove(&d.row, st.due.place-1)
	}
}

// next gives the session for which it is time, and else how long until there is one.
func (d *deadlines) next(now time.Time) (st *session, epoch uint32, wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.row) == 0 {
		return nil, 0, time.Hour
	}
	if rest := time.Duration(d.row[0].due.at - now.UnixNano()); rest > 0 {
		return nil, 0, rest
	}
	st = heap.Pop(&d.row).(*session)
	return st, st.due.epoch, 0
}

// sweepEvery is how often expired retained messages and routes that no longer hold
// are cleared away.
const sweepEvery = 30 * time.Second

func (b *Broker) runDeadlines(ctx context.Context) {
	timer, sweep := time.NewTimer(0), time.NewTicker(sweepEvery)
	defer timer.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			b.sweep(time.Now())
			continue
		case <-b.due.changed:
		case <-timer.C:
		}
		timer.Reset(b.doDue(ctx))
	}
}

// doDue does what is due and gives how long until something else is.
func (b *Broker) doDue(ctx context.Context) time.Duration {
	for ctx.Err() == nil {
		st, epoch, wait := b.due.next(time.Now())
		if st == nil {
			return wait
		}
		b.fall(ctx, st, epoch)
	}
	return time.Hour
}

// fall ends a session, or publishes its will.
func (b *Broker) fall(ctx context.Context, st *session, epoch uint32) {
	turn := b.turn(st.id)
	turn.Lock()
	defer turn.Unlock()
	st.mu.Lock()
	if st.epoch != epoch || st.ended {
		st.mu.Unlock()
		return
	}
	ends, will := st.ends(), st.will
	over := ends != 0 && time.Now().UnixNano() >= ends
	if !over {
		st.will = nil
	}
	st.mu.Unlock()
	if over {
		b.endAway(ctx, st)
		return
	}
	if will != nil {
		var fx effects
		b.publishWill(ctx, will, &fx)
		fx.wake()
	}
	if ends != 0 {
		b.due.set(st, ends, epoch)
	}
}

func (b *Broker) sweep(now time.Time) {
	b.tree.routes.purge()
	b.sweepRetained(now)
}
