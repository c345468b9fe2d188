package micropython

import (
	"context"
	"errors"
	"strings"

	"github.com/tetratelabs/wazero/api"
)

// vmImport serves what the VM imports from "env". What is missing here is
// never called by Python without the browser.
func vmImport(name string, params, results []api.ValueType) hostFunc[*VM] {
	switch {
	case strings.HasPrefix(name, "invoke_"):
		return func(ctx context.Context, v *VM, stack []uint64) { v.jumps.invoke(ctx, params, results, stack) }
	case name == "_emscripten_throw_longjmp":
		return func(context.Context, *VM, []uint64) { panic(errLongjmp) }
	case name == "_abort_js":
		return func(context.Context, *VM, []uint64) { panic(errors.New("MicroPython aborted")) }
	case name == "emscripten_resize_heap":
		return resizeHeap
	case strings.HasPrefix(name, "__syscall_"):
		return pathImport(strings.TrimPrefix(name, "__syscall_"))
	case strings.HasPrefix(name, "mp_js_"):
		return clockImport(name)
	}
	return bridgeImport(name)
}

// resizeHeap grows the instance to stack[0] bytes. At the soft limit it
// refuses, and MicroPython raises MemoryError. To print that for Exec takes
// memory too, or MicroPython is lost: then the hard limit holds from there on.
func resizeHeap(_ context.Context, v *VM, stack []uint64) {
	want := int(uint32(stack[0]))
	stack[0] = 0
	if want > v.soft && !v.relieved {
		v.relieved = v.relieve
		return
	}
	mem := v.module.Memory()
	if _, ok := mem.Grow(uint32((max(0, want-int(mem.Size())) + page - 1) / page)); ok {
		stack[0] = 1
	}
}
