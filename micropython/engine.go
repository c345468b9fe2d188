package micropython

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// engine is one WebAssembly module as machine code, shared by all its
// instances. It is compiled when the first user holds it (a few tenths of a
// second) and freed when the last one drops it.
type engine struct {
	binary []byte
	tick   string // an import that watched may call, of any time
	host   func(wazero.Runtime, wazero.CompiledModule) []wazero.HostModuleBuilder

	mu      sync.Mutex
	users   int
	runtime wazero.Runtime
	module  wazero.CompiledModule
}

func (e *engine) hold(ctx context.Context) error {
	if len(e.binary) == 0 {
		return ErrUnavailable
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users == 0 {
		if err := e.compile(ctx); err != nil {
			return err
		}
	}
	e.users++
	return nil
}

func (e *engine) drop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users--; e.users == 0 {
		_ = e.runtime.Close(context.Background()) // closes instances too; there are none
		e.runtime, e.module = nil, nil
	}
}

// ahead marks contexts of work that nobody waits for.
type ahead struct{}

// Ahead is ctx for work that nobody waits for. When it ends, machine code that is being
// made for it is given up; who waits for a compilation, and no longer, leaves it to the next.
func Ahead(ctx context.Context) context.Context { return context.WithValue(ctx, ahead{}, true) }

// compile makes the machine code; with a context that is Ahead it stops soon after that ends.
func (e *engine) compile(ctx context.Context) error {
	until := ctx
	if ctx = context.WithoutCancel(ctx); until.Value(ahead{}) == nil {
		until = ctx
	}
	config := wazero.NewRuntimeConfig().WithDebugInfoEnabled(false)
	binary, err := watched(e.binary, e.tick)
	if err != nil {
		return fmt.Errorf("compile MicroPython: %w", err)
	}
	r := wazero.NewRuntimeWithConfig(ctx, config)
	workers := max(2, runtime.GOMAXPROCS(0)) // wazero asks the context between functions when there are several
	module, err := r.CompileModule(experimental.WithCompilationWorkers(until, workers), binary)
	if err == nil {
		for _, host := range e.host(r, module) {
			if _, err = host.Instantiate(ctx); err != nil {
				break
			}
		}
	}
	if err != nil {
		_ = r.Close(ctx)
		return fmt.Errorf("compile MicroPython: %w", err)
	}
	e.runtime, e.module = r, module
	return nil
}

// start makes an instance over mem; the caller holds the engine.
func (e *engine) start(ctx context.Context, mem *memory) (api.Module, error) {
	ctx = experimental.WithMemoryAllocator(ctx, mem)
	m, err := e.runtime.InstantiateModule(ctx, e.module, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, fmt.Errorf("start MicroPython: %w", err)
	}
	return m, nil
}

// Keep has the machine code of MicroPython stay from one board to the next until release
// is called, so that only the first one waits for it. ErrUnavailable without MicroPython
// in the build.
func Keep(ctx context.Context) (release func(), err error) {
	if err := vmEngine.hold(ctx); err != nil {
		return nil, err
	}
	return sync.OnceFunc(vmEngine.drop), nil
}
