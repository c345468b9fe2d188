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
func (b *Board) wait(ctx context.Context, args []any) (any, error) {
	return b.pause(ctx, args, b.sockets.wake)
}

func (b *Board) pause(ctx context.Context, args []any, wake chan struct{}) (any, error) {
	ms, _ := args[0].(float64)
	if now := time.Now(); now.Sub(b.collected) >= collectEvery {
		b.collected = now
		if wake != nil || b.vm.crowded(ctx) {
			b.vm.collect(ctx)
		}
	}
	if ms == 0 {
		return b.vm.interrupted(ctx), ctx.Err()
	}
	if b.config.Clock != nil && ms > 0 && b.sockets.idle() {
		b.config.Clock.Advance(time.Duration(ms * float64(time.Millisecond)))
		return b.vm.interrupted(ctx), ctx.Err()
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

// MicroPython collects garbage here only when no call of Go's is under way, for
// it cannot see what a call holds in WebAssembly's own variables. But programs
// of a board are one call from its start to the next reset. While they wait, all
// that Python itself holds is in its frames, which the collection does see; so
// the count of calls is hidden from it for as long as one takes. What would be
// lost is what C code alone holds, which called a function that waits: a list
// that is being made of a generator, say. So the scheduler of asyncio, which
// nobody calls from there, collects always; a plain sleep only in need.

// callDepth is where MicroPython 1.27.0's external_call_depth lies.
const callDepth = 186120

// collectEvery bounds how often MicroPython is asked whether it needs a collection.
const collectEvery = 20 * time.Millisecond

// collect collects garbage if MicroPython wants to. It happens at the end of
// any call.
func (v *VM) collect(ctx context.Context) {
	f, ok := v.bound["_nothing"]
	mem := v.module.Memory()
	depth, _ := mem.ReadUint32Le(callDepth)
	if !ok || depth != 1 {
		return
	}
	mem.WriteUint32Le(callDepth, 0)
	defer mem.WriteUint32Le(callDepth, depth)
	v.ask(ctx, f)
}

// ask calls a function that takes nothing and gives a number, or nothing.
func (v *VM) ask(ctx context.Context, f pyRef) int {
	out := v.malloc(ctx, valueSize)
	defer v.free(ctx, out)
	v.must(v.callFunc.CallWithStack(ctx, []uint64{uint64(f), 0, uint64(out), uint64(out)}))
	answer, _ := v.get(ctx, out)
	return number([]any{answer}, 0)
}

// crowded tells that a quarter of what Python may have is taken; its heap
// doubles when it grows.
func (v *VM) crowded(ctx context.Context) bool {
	f, ok := v.bound["_taken"]
	return ok && v.ask(ctx, f) > v.config.Memory/4
}

// errWatchdog is a reset by machine.WDT.
var errWatchdog = errors.New("the watchdog resets the board")

// watchdog resets a board that does not feed it. It counts real time.
type watchdog struct {
	period time.Duration // 0: off
	due    time.Time
}

// feed is wdt_feed(milliseconds); the first one starts it.
func (w *watchdog) feed(_ context.Context, args []any) (any, error) {
	w.period = time.Duration(number(args, 0)) * time.Millisecond
	w.due = time.Now().Add(w.period)
	return nil, nil
}

func (w *watchdog) check() {
	if w.period > 0 && time.Now().After(w.due) {
		panic(errWatchdog)
	}
}

// bites is when a wait has lasted too long.
func (w *watchdog) bites() <-chan time.Time {
	if w.period == 0 {
		return nil
	}
	return time.After(time.Until(w.due))
}
