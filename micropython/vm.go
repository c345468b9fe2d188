package micropython

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

const (
	// vmLeast is what the module starts with; most of it is never touched.
	vmLeast = 259 * page
	// vmOwn is what of it the VM needs for itself, and for what crosses to Go.
	vmOwn = 2 << 20
	// vmUsual is large for a board: garbage is collected only between calls, so
	// a long call needs more than a board would.
	vmUsual = 8 << 20

	// vmHeap is what Python's heap starts with at least, and vmFirst at most: it doubles as it
	// needs, but an allocation larger than all that there is it refuses the first time.
	vmHeap  = 64 << 10
	vmFirst = 1 << 20
	vmStack = 4 << 10 // words for Python's own frames
)

// VMConfig is what a board is made of; its zero value works.
type VMConfig struct {
	Flash   *Flash            // nil: an empty one
	Memory  int               // bytes that Python may have; 0: 8 MB
	Now     func() time.Time  // its clock; nil: time.Now
	Print   func(text string) // standard output as it comes; nil: dropped
	Modules map[string]string // modules that are built in: name to source
	Host    map[string]Func   // functions of module _host

	serial *serial // what its standard input reads; nil: nothing
	rom    *ROM    // what lies in its memory beside the heap; nil: nothing
}

// vmEngine is the machine code of MicroPython, for all instances of this process.
var vmEngine = &engine{binary: vmBinary, tick: "mp_js_ticks_ms", host: func(r wazero.Runtime, m wazero.CompiledModule) []wazero.HostModuleBuilder {
	return []wazero.HostModuleBuilder{bind(r, m, "env", vmImport), bind(r, m, "wasi_snapshot_preview1", vmFileImport)}
}}

// VM is one running board. It is used by one goroutine at a time. After an
// error that is not an *Exception it is dead and answers with that error; a
// reboot is Close and a new VM over the same Flash.
type VM struct {
	config  VMConfig
	module  api.Module
	memory  *memory
	jumps   *jumps
	host    hostObjects
	bound   map[string]pyRef
	files   openFiles
	folder  string // where the program is
	started time.Time
	known   map[callStep]bool // see collect.go
	tick    func()            // is called while it runs; nil: nothing is
	program bool              // one runs that a Ctrl-C ends
	romAt   uint32            // where the ROM lies
	nested  bool              // a function of the board's own runs in the midst of a call
	dead    error

	soft     int  // bytes it may grow to before Python sees a MemoryError
	relieve  bool // after the first one of this call it may have more
	relieved bool // it has

	mallocFunc, freeFunc, execFunc, callFunc api.Function
	interruptChar, interruptFunc             api.Function
}

// NewVM starts a board; nothing but MicroPython runs on it yet. The first one
// of a process takes a few tenths of a second, others milliseconds. Close it.
func NewVM(ctx context.Context, config VMConfig) (_ *VM, err error) {
	if err := vmEngine.hold(ctx); err != nil {
		return nil, err
	}
	v := &VM{config: config.usual(), host: newHostObjects(), bound: map[string]pyRef{}, known: map[callStep]bool{}, folder: "/"}
	v.started = v.config.Now()
	defer func() {
		if err != nil {
			v.Close()
		}
	}()
	v.soft = max(vmLeast, vmOwn+v.config.Memory)
	if v.memory, err = newMemory((v.soft + v.config.Memory + vmOwn) / page * page); err != nil {
		return nil, err
	}
	ctx = context.WithValue(ctx, instanceKey{}, v)
	if v.module, err = vmEngine.start(ctx, v.memory); err != nil {
		return nil, err
	}
	v.jumps = newJumps(v.module, "emscripten_stack_get_current", "_emscripten_stack_restore", "setThrew")
	v.mallocFunc, v.freeFunc = v.module.ExportedFunction("malloc"), v.module.ExportedFunction("free")
	v.execFunc, v.callFunc = v.module.ExportedFunction("mp_js_do_exec"), v.module.ExportedFunction("proxy_c_to_js_call")
	v.interruptChar, v.interruptFunc = v.module.ExportedFunction("mp_hal_get_interrupt_char"), v.module.ExportedFunction("mp_sched_keyboard_interrupt")
	return v, v.run(ctx, v.boot)
}

func (c VMConfig) usual() VMConfig {
	if c.Flash == nil {
		c.Flash = NewFlash(nil)
	}
	if c.Memory == 0 {
		c.Memory = vmUsual
	}
	c.Memory = max(c.Memory, vmHeap)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Print == nil {
		c.Print = func(string) {}
	}
	return c
}

// boot brings MicroPython up and gives it module _host.
func (v *VM) boot(ctx context.Context) error {
	for _, step := range []struct {
		name string
		args []uint64
	}{
		{"emscripten_stack_init", nil},
		{"__wasm_call_ctors", nil},
		{"mp_js_init", []uint64{vmStack, uint64(max(vmHeap, min(v.config.Memory/2, vmFirst)))}},
		{"proxy_c_init", nil},
	} {
		if _, err := v.module.ExportedFunction(step.name).Call(ctx, step.args...); err != nil {
			return fmt.Errorf("boot MicroPython, %s: %w", step.name, err)
		}
	}
	v.placeROM(ctx)
	v.limitHeap(ctx)
	if err := v.addHost(ctx); err != nil {
		return fmt.Errorf("boot MicroPython, _host: %w", err)
	}
	return v.exec(ctx, "import sys\nsys.path[:] = ['', '/lib', '"+builtIn+"', '.frozen']\n")
}

// limitHeap takes away what Python's heap would otherwise grow into: all that
// can be had in one piece, but for the bytes it may have.
func (v *VM) limitHeap(ctx context.Context) {
	most, least := v.soft, 0
	for most-least > page {
		try := (most + least) / 2
		if p := v.tryMalloc(ctx, try); p != 0 {
			v.free(ctx, p)
			least = try
		} else {
			most = try
		}
	}
	if spare := least - v.config.Memory - vmOwn/4; spare > 0 {
		v.tryMalloc(ctx, spare)
	}
}

// addHost registers module _host.
func (v *VM) addHost(ctx context.Context) error {
	functions := hostModule{"bind": v.bind, "learn": v.learn}
	for name, f := range v.config.Host {
		functions[name] = f
	}
	name, value := v.text(ctx, "_host"), v.malloc(ctx, valueSize)
	v.give(ctx, functions, value)
	if _, err := v.module.ExportedFunction("mp_js_register_js_module").Call(ctx, uint64(name), uint64(value)); err != nil {
		return err
	}
	v.free(ctx, name)
	v.free(ctx, value)
	return nil
}

// bind keeps a Python function for Call: _host.bind(name, function).
func (v *VM) bind(_ context.Context, args []any) (any, error) {
	if len(args) == 2 {
		if name, ok := args[0].(string); ok {
			if f, ok := args[1].(pyRef); ok {
				v.bound[name] = f
			}
		}
	}
	return nil, nil
}

// Exec runs Python source in __main__. An uncaught exception is an *Exception.
// When ctx ends, so does the board, in the midst of whatever it does.
func (v *VM) Exec(ctx context.Context, source string) error {
	v.relieve = true
	defer func() { v.relieve = false }()
	return v.run(ctx, func(ctx context.Context) error { return v.exec(ctx, source) })
}

func (v *VM) exec(ctx context.Context, source string) error {
	text, out := v.text(ctx, source), v.malloc(ctx, valueSize)
	stack := []uint64{uint64(text), uint64(len(source)), uint64(out)}
	if err := v.execFunc.CallWithStack(ctx, stack); err != nil {
		return err
	}
	v.free(ctx, text)
	_, err := v.get(ctx, out)
	v.free(ctx, out)
	return err
}

// Call calls a function that Python gave by _host.bind, with nil, bool, int,
// float64 or string arguments; the result is one of these.
func (v *VM) Call(ctx context.Context, function string, args ...any) (result any, err error) {
	f, ok := v.bound[function]
	if !ok {
		return nil, fmt.Errorf("no function %q is bound", function)
	}
	err = v.run(ctx, func(ctx context.Context) error {
		values, out := v.malloc(ctx, valueSize*(len(args)+1)), v.malloc(ctx, valueSize)
		for i, a := range args {
			v.give(ctx, a, values+uint32(i*valueSize))
		}
		stack := []uint64{uint64(f), uint64(len(args)), uint64(values), uint64(out)}
		if err := v.callFunc.CallWithStack(ctx, stack); err != nil {
			return err
		}
		v.free(ctx, values)
		var err error
		result, err = v.get(ctx, out)
		v.free(ctx, out)
		return err
	})
	return result, err
}

// run does one thing on the board. Whatever is not an exception of
// Python's ends the board.
func (v *VM) run(ctx context.Context, do func(context.Context) error) (err error) {
	if v.dead != nil {
		return v.dead
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	v.relieved = false
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
			if e, ok := r.(error); ok {
				err = e
			}
		}
		var raised *Exception
		if err != nil && !errors.As(err, &raised) {
			v.dead = plainError(err)
			err = v.dead
		}
	}()
	return do(context.WithValue(ctx, instanceKey{}, v))
}

// plainError takes the WebAssembly stack trace off an error's text.
func plainError(err error) error {
	text, _, cut := strings.Cut(err.Error(), "\nwasm stack trace:")
	if !cut {
		return err
	}
	text = strings.TrimSuffix(text, " (recovered by wazero)")
	if strings.HasSuffix(text, "unreachable") { // it had no memory to raise MemoryError
		text = errMemory.Error()
	}
	return &endedError{text: "the board stopped: " + text, cause: err}
}

type endedError struct {
	text  string
	cause error
}

func (e *endedError) Error() string { return e.text }
func (e *endedError) Unwrap() error { return e.cause }

// Close frees all of the board but its flash.
func (v *VM) Close() {
	if errors.Is(v.dead, errOff) {
		return
	}
	v.dead = errOff
	if v.module != nil {
		_ = v.module.Close(context.Background())
	}
	if v.memory != nil {
		v.memory.release()
	}
	v.jumps, v.bound, v.files = nil, nil, openFiles{}
	vmEngine.drop()
}
