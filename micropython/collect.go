package micropython

import (
	"context"
	"time"
)

// MicroPython collects garbage here only when no call of Go's is under way, for
// it cannot see what a call holds in WebAssembly's own variables. But programs
// of a board are one call from its start to the next reset. While they wait, all
// that Python itself holds is in its frames, which the collection does see; so
// the count of calls is hidden from it for as long as one takes.
//
// What it would lose is what C code alone holds that called a function which
// waits: the sum so far of sum(f()), where the generator f sleeps. So Python
// shows at the start, in _calls.py, in which ways its functions call each other
// without that: which function of MicroPython is called, how deep the stack then
// grows, and what is called next. Only where a waiting program got in these
// ways, garbage is collected.

// callDepth is where the external_call_depth of MicroPython 1.28.0-6 lies.
const callDepth = 188592

// collectEvery bounds how often MicroPython is asked whether it needs a collection.
const collectEvery = 20 * time.Millisecond

// failEvery is how long a task that finds no memory has to give some back before the next
// one finds none.
const failEvery = 250 * time.Millisecond

// callStep is a step from one call that can be jumped out of to the next; the
// first two, in which MicroPython starts a program, are like no others.
type callStep struct{ at, slot, grew, next uint32 }

// steps calls each with all that lead to here.
func (v *VM) steps(ctx context.Context, each func(callStep) bool) {
	var sp [1]uint64
	v.must(v.jumps.saveSP.CallWithStack(ctx, sp[:]))
	open := v.jumps.open
	for i, c := range open {
		step := callStep{at: uint32(min(i, 2)), slot: c.slot, grew: c.sp - uint32(sp[0])}
		if i+1 < len(open) {
			step.grew, step.next = c.sp-open[i+1].sp, open[i+1].slot
		}
		if !each(step) {
			return
		}
	}
}

// showCalls is what every program's code itself does, and the REPL's.
const showCalls = "import _calls as c\nc._learn(0.0)\nc.plain(0)\nc.keyword()\nc.thing.method(0)\nc.all()\nfor x in c.each(): pass\n[c.plain(x) for x in (0,)]\ndel c\n"

// learn is _host.learn(number): all that leads to here is no way to lose anything.
func (v *VM) learn(ctx context.Context, _ []any) (any, error) {
	v.steps(ctx, func(s callStep) bool {
		v.known[s] = true
		return true
	})
	return nil, nil
}

// collect collects garbage if MicroPython wants to, which it does at the end of
// any call, and if it is safe. On a board with a ROM it does so each time, and
// what is still held is told.
func (b *Board) collect(ctx context.Context) {
	v := b.vm
	mem := v.module.Memory()
	_, up := v.bound["_nothing"]
	if depth, _ := mem.ReadUint32Le(callDepth); !up || depth != 1 {
		return
	}
	safe := true
	v.steps(ctx, func(s callStep) bool {
		safe = v.known[s]
		return safe
	})
	if !safe {
		return
	}
	mem.WriteUint32Le(callDepth, 0)
	defer mem.WriteUint32Le(callDepth, 1)
	if b.config.ROM == nil {
		b.callBack(ctx, "_nothing")
		return
	}
	b.callBack(ctx, "_collect")
	live, _ := b.callBack(ctx, "_live").(int)
	if now := time.Now(); b.config.Limit && live > b.config.Heap && now.After(b.failed.Add(failEvery)) {
		b.full, b.failed = true, now
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.live, b.most = live, max(b.most, live)
}

// collectNext is when to collect again after a collection that began then. On a board
// with a ROM that is soon, so that little escapes, but it takes a fifth of the time at most.
func (b *Board) collectNext(began time.Time) time.Time {
	if b.config.ROM == nil {
		return began.Add(collectEvery)
	}
	now := time.Now()
	return now.Add(4 * now.Sub(began))
}

// callBack calls a function of the board's own modules in the midst of a call. A Ctrl-C
// that comes meanwhile is one for the program.
func (b *Board) callBack(ctx context.Context, function string) any {
	v := b.vm
	out := v.malloc(ctx, valueSize)
	defer v.free(ctx, out)
	v.nested = true
	err := v.callFunc.CallWithStack(ctx, []uint64{uint64(v.bound[function]), 0, uint64(out), uint64(out)})
	v.nested = false
	v.must(err)
	result, err := v.get(ctx, out)
	if err != nil { // a Ctrl-C that had come before: nothing else is raised there
		v.must(v.interruptFunc.CallWithStack(ctx, nil))
	}
	return result
}

// Held is how much of Python's heap the programs hold, in bytes, and the most that it was
// since the board was made or ForgetHeld: what was left after a collection of garbage, which
// there is only while they wait. It is known of boards with a ROM alone; 0 before the first
// collection.
func (b *Board) Held() (now, most int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.live, b.most
}

// ForgetHeld has Held count the most from here on.
func (b *Board) ForgetHeld() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.most = b.live
}
