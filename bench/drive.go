package bench

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	settleIn = 20 * time.Second // for everybody to be connected and known
	drainIn  = 10 * time.Second // for the last updates to arrive
	stillFor = time.Second      // without an arrival: what is under way is given up
)

// drive is a scenario under way: updates leave, receivers see them.
type drive struct {
	c         Config
	f         *flight
	receivers []*receiver
	stalls    int
}

func newDrive(c Config, readers int) *drive {
	d := &drive{c: c, f: newFlight(readers, c.InFlight), receivers: make([]*receiver, readers)}
	for i := range d.receivers {
		d.receivers[i] = &receiver{f: d.f}
	}
	return d
}

// hear gives what the i-th reader does with a message.
func (d *drive) hear(i int) func(message []byte) {
	r := d.receivers[i]
	return func(message []byte) { r.take(message, d.f.now()) }
}

// deaf reads and forgets; pings are answered all the same.
func deaf(int) func(message []byte) { return func([]byte) {} }

// settle sends an update from each of n senders until every reader has seen it:
// then everybody is connected and known.
func (d *drive) settle(ctx context.Context, n int, send func(i int, number uint64) error) error {
	ctx, cancel := context.WithTimeout(ctx, settleIn)
	defer cancel()
	open := make([]int, n)
	for i := range open {
		open[i] = i
	}
	for len(open) > 0 {
		numbers := make([]uint64, len(open))
		for k, i := range open {
			numbers[k] = d.f.depart(d.f.now())
			if err := send(i, numbers[k]); err != nil {
				return fmt.Errorf("first update: %w", err)
			}
		}
		missing := func() (left []int) {
			for k, i := range open {
				if !d.f.gone(numbers[k]) {
					left = append(left, i)
				}
			}
			return left
		}
		left := missing()
		for range 25 {
			if len(left) == 0 {
				return nil
			}
			if !pause(ctx, 10*time.Millisecond) {
				return fmt.Errorf("the first updates of %d of %d senders did not reach every reader: %w", len(left), n, ctx.Err())
			}
			left = missing()
		}
		open = left
	}
	return nil
}

// measure lets senders send: it warms up, counts, and waits for the rest. end
// closes the readers and waits for them.
func (d *drive) measure(ctx context.Context, name string, end func(), senders ...func(context.Context) error) (Result, error) {
	first, before := d.f.next.Load(), d.f.landed.Load()
	running, stop := context.WithCancel(ctx)
	defer stop()
	all, sending := errgroup.WithContext(running)
	for _, s := range senders {
		all.Go(func() error { return s(sending) })
	}
	all.Go(func() error { d.watch(sending); return nil })
	r := Result{Scenario: name, Load: map[string]int{}}
	pause(sending, d.c.Warmup)
	from, start := usageNow(d.c.PID), d.f.now()
	d.f.from.Store(start)
	pause(sending, d.c.Duration)
	finish := d.f.now()
	d.f.to.Store(finish)
	r.used(d.c.PID, from, usageNow(d.c.PID))
	stop()
	err := all.Wait()
	expected := (d.f.next.Load() - first) * uint64(d.f.readers)
	for late := time.Now().Add(drainIn); d.f.landed.Load()-before < expected && time.Now().Before(late); {
		pause(ctx, time.Millisecond)
		if ctx.Err() != nil {
			break
		}
	}
	end()
	if got := d.f.landed.Load() - before; got < expected {
		r.Lost = expected - got
	}
	var took histogram
	var count uint64
	for _, x := range d.receivers {
		count += x.count
		took.merge(&x.took)
	}
	r.Stalls = d.stalls
	r.timed("delivered", count, time.Duration(finish-start), &took)
	if err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	if err := ctx.Err(); err != nil {
		return r, err
	}
	return r, nil
}

// watch gives up what is under way when nothing arrives any more, so that a lost
// update does not hold the rest up for ever.
func (d *drive) watch(ctx context.Context) {
	for last := d.f.arrived.Load(); pause(ctx, stillFor); {
		now := d.f.arrived.Load()
		if now == last && len(d.f.tokens) == 0 && d.c.Rate == 0 {
			d.stalls++
			d.f.free(d.c.InFlight)
		}
		last = now
	}
}

// batch is how many updates leave in one write at most.
const batch = 64

// send lets updates leave: as the window allows, or at the rate of one of so many
// senders. write sends those of these numbers.
func (d *drive) send(ctx context.Context, senders int, write func(numbers []uint64) error) error {
	next := d.windowed
	if d.c.Rate > 0 {
		next = d.clocked(senders)
	}
	numbers := make([]uint64, 0, batch)
	for {
		if numbers = next(ctx, numbers[:0]); len(numbers) == 0 {
			return nil // ctx has ended
		}
		if err := write(numbers); err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the connection was closed because time is up
			}
			return err
		}
	}
}

func (d *drive) windowed(ctx context.Context, numbers []uint64) []uint64 {
	n := d.f.acquire(ctx, batch)
	now := d.f.now()
	for range n {
		numbers = append(numbers, d.f.depart(now))
	}
	return numbers
}

// clocked lets updates leave by the clock. The time of departure is the one that
// was due, so that a server that holds the sender up does not look quick.
func (d *drive) clocked(senders int) func(context.Context, []uint64) []uint64 {
	every := time.Second * time.Duration(senders) / time.Duration(d.c.Rate)
	due := time.Duration(d.f.now())
	return func(ctx context.Context, numbers []uint64) []uint64 {
		for time.Duration(d.f.now()) < due {
			if !pause(ctx, max(due-time.Duration(d.f.now()), 200*time.Microsecond)) {
				return numbers
			}
		}
		if ctx.Err() != nil {
			return numbers
		}
		for now := time.Duration(d.f.now()); due <= now && len(numbers) < batch; due += every {
			numbers = append(numbers, d.f.depart(int64(due)))
		}
		return numbers
	}
}

// pause waits; false: ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
