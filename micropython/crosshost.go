package micropython

import (
	"context"
	"errors"

	"github.com/tetratelabs/wazero/api"
)

// Numbers of WASI, as Emscripten's C library takes them.
const (
	wasiBadFile   = 8
	wasiNoEntry   = 44
	wasiNoSeek    = 70
	openCreate    = 0o100
	openTruncate  = 0o1000
	openWriteMask = 3
)

// crossFile is a file of the compiler's run.
type crossFile struct{ data []byte }

func (f *crossFile) bytes() []byte {
	if f == nil {
		return nil
	}
	return f.data
}

// crossFiles are the files that one run sees: its source and its output.
type crossFiles struct {
	named map[string]*crossFile
	open  []*crossOpen // by descriptor, from 3
}

type crossOpen struct {
	file *crossFile
	at   int
}

func (f *crossFiles) descriptor(fd uint64) *crossOpen {
	if i := int(uint32(fd)) - 3; i >= 0 && i < len(f.open) {
		return f.open[i]
	}
	return nil
}

// crossImport serves an import of mpy-cross by the short name its build gave it.
func crossImport(name string, params, results []api.ValueType) hostFunc[*cross] {
	switch name {
	case "d", "e", "g", "h", "j", "l": // invoke_ii, vii, vi, viii, iiii, viiiii
		return func(ctx context.Context, x *cross, stack []uint64) { x.jumps.invoke(ctx, params, results, stack) }
	case "n":
		return func(context.Context, *cross, []uint64) { panic(errLongjmp) }
	case "b": // getTempRet0: the second half of a result, which setjmp's table needs
		return func(ctx context.Context, x *cross, stack []uint64) {
			tick(ctx)
			stack[0] = x.tmpRet0
		}
	case "c":
		return func(_ context.Context, x *cross, stack []uint64) { x.tmpRet0 = stack[0] }
	case "f":
		return func(_ context.Context, x *cross, stack []uint64) {
			x.status = uint32(stack[0])
			panic(errExit)
		}
	case "a":
		return func(context.Context, *cross, []uint64) { panic(errors.New("mpy-cross: assertion failed")) }
	case "o": // resize the heap: it has what it gets
		return func(_ context.Context, _ *cross, stack []uint64) { stack[0] = 0 }
	}
	return crossFileImport(name)
}

func crossFileImport(name string) hostFunc[*cross] {
	switch name {
	case "q":
		return crossFileOpen
	case "k":
		return func(_ context.Context, _ *cross, stack []uint64) { stack[0] = 0 } // descriptors end with the run
	case "p":
		return crossFileRead
	case "i":
		return crossFileWrite
	case "m":
		return func(_ context.Context, _ *cross, stack []uint64) { stack[0] = wasiNoSeek }
	}
	return nil
}

// crossFileOpen is open(path, flags, mode).
func crossFileOpen(_ context.Context, x *cross, stack []uint64) {
	path, flags := cstring(x.module.Memory(), uint32(stack[0])), stack[1]
	file := x.files.named[path]
	if file == nil && flags&openCreate != 0 {
		file = &crossFile{}
		x.files.named[path] = file
	}
	if file == nil || file == x.files.named["in.py"] && flags&openWriteMask != 0 {
		stack[0] = api.EncodeI32(-wasiNoEntry)
		return
	}
	if flags&openTruncate != 0 {
		file.data = nil
	}
	x.files.open = append(x.files.open, &crossOpen{file: file})
	stack[0] = uint64(len(x.files.open) + 2)
}

// crossFileRead is fd_read(fd, iovecs, count, *read).
func crossFileRead(_ context.Context, x *cross, stack []uint64) {
	mem := x.module.Memory()
	open := x.files.descriptor(stack[0])
	if open == nil {
		stack[0] = wasiBadFile
		return
	}
	total := 0
	vectors(mem, uint32(stack[1]), uint32(stack[2]), func(b []byte) bool {
		n := copy(b, open.file.data[open.at:])
		open.at += n
		total += n
		return n == len(b)
	})
	mem.WriteUint32Le(uint32(stack[3]), uint32(total))
	stack[0] = 0
}

// maxSaid bounds what is kept of the compiler's own words.
const maxSaid = 16 << 10

// crossFileWrite is fd_write(fd, iovecs, count, *written).
func crossFileWrite(_ context.Context, x *cross, stack []uint64) {
	mem := x.module.Memory()
	to := &x.said
	if open := x.files.descriptor(stack[0]); open != nil {
		to = &open.file.data
	}
	total := 0
	vectors(mem, uint32(stack[1]), uint32(stack[2]), func(b []byte) bool {
		if to != &x.said || len(x.said) < maxSaid {
			*to = append(*to, b...)
		}
		total += len(b)
		return true
	})
	mem.WriteUint32Le(uint32(stack[3]), uint32(total))
	stack[0] = 0
}
