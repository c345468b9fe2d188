package micropython

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental/table"
)

// errLongjmp unwinds WebAssembly's stack up to the invoke that set the jump.
var errLongjmp = errors.New("longjmp")

// jumps are setjmp and longjmp of one instance, as Emscripten compiles them:
// code that may be jumped out of is called through the host (invoke_*), which
// catches the jump. A free list per table slot spares a new stack per call.
type jumps struct {
	module                api.Module
	free                  map[uint32][]api.Function
	saveSP, setSP, thrown api.Function
	open                  []openCall
}

// openCall is an invoke that has not returned.
type openCall struct {
	slot uint32 // of the function called
	sp   uint32 // where the stack stood
}

// newJumps takes the names under which the module exports its stack pointer's
// getter and setter, and setThrew.
func newJumps(m api.Module, saveSP, setSP, setThrew string) *jumps {
	return &jumps{
		module: m, free: map[uint32][]api.Function{},
		saveSP: m.ExportedFunction(saveSP), setSP: m.ExportedFunction(setSP), thrown: m.ExportedFunction(setThrew),
	}
}

// invoke calls the function in slot stack[0] with the rest as arguments.
func (j *jumps) invoke(ctx context.Context, params, results []api.ValueType, stack []uint64) {
	slot := uint32(stack[0])
	f := j.take(slot, params[1:], results)
	copy(stack, stack[1:])
	var sp [1]uint64
	j.must(j.saveSP.CallWithStack(ctx, sp[:]))
	j.open = append(j.open, openCall{slot: slot, sp: uint32(sp[0])})
	err := f.CallWithStack(ctx, stack)
	j.open = j.open[:len(j.open)-1]
	if err != nil && !errors.Is(err, errLongjmp) {
		panic(err)
	}
	j.free[slot] = append(j.free[slot], f)
	if err == nil {
		return
	}
	j.must(j.setSP.CallWithStack(ctx, sp[:]))
	j.must(j.thrown.CallWithStack(ctx, []uint64{1, 0}))
}

func (j *jumps) take(slot uint32, params, results []api.ValueType) api.Function {
	if l := j.free[slot]; len(l) > 0 {
		j.free[slot] = l[:len(l)-1]
		return l[len(l)-1]
	}
	return table.LookupFunction(j.module, 0, slot, params, results)
}

func (j *jumps) must(err error) {
	if err != nil {
		panic(fmt.Errorf("set a jump back: %w", err))
	}
}
