package micropython

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// crossMemory is what the cross-compiler's module asks for; it cannot grow.
const crossMemory = 256 * page

// errExit unwinds a call of exit(); the status is in cross.status.
var errExit = errors.New("exit")

// crossEngine is the machine code of mpy-cross, for all compilers of this process.
var crossEngine = &engine{binary: crossBinary, tick: "b", host: func(r wazero.Runtime, m wazero.CompiledModule) []wazero.HostModuleBuilder {
	return []wazero.HostModuleBuilder{bind(r, m, "a", crossImport)}
}}

// cross is one instance of mpy-cross. It compiles one file at a time; its
// memory is set back after each.
type cross struct {
	module api.Module
	memory *memory
	jumps  *jumps
	fresh  []byte // memory as it was before the first main(), without the zeros at its end
	stack  uint64 // stack pointer, likewise

	files   crossFiles
	said    []byte // what it printed, output and errors
	tmpRet0 uint64
	status  uint32
}

// Exports of the module, whose names its build made short.
const (
	crossConstructors = "s"
	crossMain         = "u"
	crossSetThrew     = "x"
	crossStackSave    = "y"
	crossStackRestore = "z"
	crossStackAlloc   = "A"
)

func newCross(ctx context.Context) (_ *cross, err error) {
	x := &cross{}
	if x.memory, err = newMemory(crossMemory); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			x.close()
		}
	}()
	ctx = context.WithValue(ctx, instanceKey{}, x)
	if x.module, err = crossEngine.start(ctx, x.memory); err != nil {
		return nil, err
	}
	x.jumps = newJumps(x.module, crossStackSave, crossStackRestore, crossSetThrew)
	if _, err = x.module.ExportedFunction(crossConstructors).Call(ctx); err != nil {
		return nil, fmt.Errorf("start mpy-cross: %w", err)
	}
	sp, err := x.module.ExportedFunction(crossStackSave).Call(ctx)
	if err != nil {
		return nil, fmt.Errorf("start mpy-cross: %w", err)
	}
	x.stack = sp[0]
	x.fresh = bytes.Clone(bytes.TrimRight(x.memory.reserved, "\x00"))
	return x, nil
}

func (x *cross) close() {
	if x.module != nil {
		_ = x.module.Close(context.Background())
	}
	x.memory.release()
}

// run compiles source and returns the .mpy file, or nil and what mpy-cross
// said. An error means that the instance is of no more use.
func (x *cross) run(ctx context.Context, name string, source []byte) (mpy []byte, said string, err error) {
	ctx = context.WithValue(ctx, instanceKey{}, x)
	x.files = crossFiles{named: map[string]*crossFile{"in.py": {data: source}}}
	x.said, x.status = x.said[:0], 0
	// The heap is so large that it is not collected: a collector that runs
	// as WebAssembly cannot see what is held in local variables only.
	code, err := x.main(ctx, "mpy-cross", "-X", "heapsize=10m", "-s", name, "-o", "out.mpy", "in.py")
	if err != nil {
		return nil, "", fmt.Errorf("run mpy-cross: %w", err)
	}
	if code == 0 {
		mpy = x.files.named["out.mpy"].bytes()
	}
	said = string(x.said)
	x.files = crossFiles{}
	return mpy, said, x.reset(ctx)
}

func (x *cross) main(ctx context.Context, args ...string) (status uint32, err error) {
	argv, err := x.arguments(ctx, args)
	if err != nil {
		return 0, err
	}
	result, err := x.module.ExportedFunction(crossMain).Call(ctx, uint64(len(args)), uint64(argv))
	if errors.Is(err, errExit) {
		return x.status, nil
	}
	if err != nil {
		return 0, err
	}
	return uint32(result[0]), nil
}

// arguments lays argv on the instance's stack.
func (x *cross) arguments(ctx context.Context, args []string) (argv uint32, err error) {
	size := 4 * (len(args) + 1)
	for _, a := range args {
		size += len(a) + 1
	}
	got, err := x.module.ExportedFunction(crossStackAlloc).Call(ctx, uint64(size))
	if err != nil {
		return 0, err
	}
	argv = uint32(got[0])
	text := argv + uint32(4*(len(args)+1))
	mem := x.module.Memory()
	for i, a := range args {
		mem.WriteUint32Le(argv+uint32(4*i), text)
		mem.Write(text, append([]byte(a), 0))
		text += uint32(len(a) + 1)
	}
	mem.WriteUint32Le(argv+uint32(4*len(args)), 0)
	return argv, nil
}

// reset sets memory and stack back to what they were before main().
func (x *cross) reset(ctx context.Context) error {
	var zeros [page]byte
	n := copy(x.memory.reserved, x.fresh)
	for rest := x.memory.reserved[n:]; len(rest) > 0; {
		block := rest[:min(page, len(rest))]
		if !bytes.Equal(block, zeros[:len(block)]) { // reading leaves an untouched page untouched
			clear(block)
		}
		rest = rest[len(block):]
	}
	_, err := x.module.ExportedFunction(crossStackRestore).Call(ctx, x.stack)
	if err != nil {
		return fmt.Errorf("reset mpy-cross: %w", err)
	}
	return nil
}
