package micropython

import (
	"context"
	"errors"
	"math"
	"time"
)

// sleep waits milliseconds: true when a Ctrl-C ended it.
func (b *Board) sleep(ctx context.Context, args []any) (any, error) {
	return b.pause(ctx, args, nil)
}

// wait is sleep that a change of any socket ends, too; below zero: nothing else does.
// "full" says that the program holds more than the board has.
func (b *Board) wait(ctx context.Context, args []any) (any, error) {
	result, err := b.pause(ctx, args, b.sockets.wake)
	if b.full && result != true && err == nil {
		b.full, result = false, "full"
	}
	return result, err
}

// pauseOnce is a pause in which no timer is due.
func (b *Board) pauseOnce(ctx context.Context, ms float64, wake chan struct{}) (any, error) {
	if now := time.Now(); now.After(b.collectAt) { // in real time
		b.collect(ctx)
		b.collectAt = b.collectNext(now)
	}
	if ms == 0 {
		return b.vm.interrupted(ctx), ctx.Err()
	}
	if b.config.Clock != nil && ms > 0 {
		return b.skip(ctx, time.Duration(ms*float64(time.Millisecond)), wake)
	}
	var over <-chan time.Time
	if ms >= 0 {
		timer := time.NewTimer(time.Duration(min(ms, math.MaxInt32) * float64(time.Millisecond)))
		defer timer.Stop()
		over = timer.C
	}
	var came chan struct{}
	if b.serial != nil {
		came = b.serial.came
	}
	bites := b.watchdog.bites()
	for {
		if b.vm.interrupted(ctx) {
			return true, nil
		}
		select {
		case <-over:
			return nil, nil
		case <-wake:
			return nil, nil
		case <-came:
		case <-bites:
			return nil, errWatchdog
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// glance is how often a board with a Clock looks whether it may go on.
const glance = time.Millisecond

// skip is pause with a Clock.
func (b *Board) skip(ctx context.Context, d time.Duration, wake chan struct{}) (any, error) {
	clock := b.config.Clock
	for end := clock.Now().Add(d); end.After(clock.Now()); {
		if b.vm.interrupted(ctx) {
			return true, nil
		}
		settled, known := b.sockets.settled() // before wake: what comes says so
		select {
		case <-wake:
			return nil, nil
		case <-b.watchdog.bites():
			return nil, errWatchdog
		case <-ctx.Done():
			return nil, ctx.Err()
		default:
		}
		if settled {
			clock.step(end.Sub(clock.Now()))
			continue
		}
		began := time.Now()
		timer := time.NewTimer(glance)
		select {
		case <-wake:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
		if !known {
			clock.Advance(time.Since(began))
		}
	}
	return b.vm.interrupted(ctx), ctx.Err()
}

// errWatchdog is a reset by machine.WDT.
var errWatchdog = errors.New("the watchdog resets the board")

// watchdog resets a board that does not feed it. It counts real time.
type watchdog struct {
	period  time.Duration // 0: off
	due     time.Time
	patient time.Time // until when a program that computes is let be, for timers would feed it
}

// feed is wdt_feed(milliseconds); the first one starts it.
func (w *watchdog) feed(_ context.Context, args []any) (any, error) {
	w.period = time.Duration(number(args, 0)) * time.Millisecond
	w.due = time.Now().Add(w.period)
	return nil, nil
}

func (w *watchdog) check() {
	if now := time.Now(); w.period > 0 && now.After(w.due) && now.After(w.patient) {
		panic(errWatchdog)
	}
}

// forgive gives a program that has computed, and now waits, the time to feed it.
func (w *watchdog) forgive(now time.Time) {
	if due := now.Add(w.period); due.After(w.due) {
		w.due = due
	}
}

// bites is when a wait has lasted too long.
func (w *watchdog) bites() <-chan time.Time {
	if w.period == 0 {
		return nil
	}
	return time.After(time.Until(w.due))
}
