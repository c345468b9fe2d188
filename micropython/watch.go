package micropython

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// WebAssembly has no interrupts, and the runtime's own way to cancel a call
// makes these programs six times slower. So every loop is given one more
// instruction at its head, "if memory[stopAt] != 0 then trap", and to cancel
// is to write that word.

// stopAt is an address that neither program uses: below its static data, or at
// the far end of its stack, where only an overflow would write.
const stopAt = 16

// loopHead is what goes to the head of every loop:
// i32.const 0; i32.load offset=stopAt; if; unreachable; end.
var loopHead = []byte{0x41, 0x00, 0x28, 0x02, stopAt, 0x04, 0x40, 0x00, 0x0b}

// emptyLoop is "br 0": a program that has nothing left to do but spin, as
// MicroPython does when it has no memory left to raise a MemoryError.
var emptyLoop = []byte{0x0c, 0x00}

var errModule = errors.New("not a WebAssembly module that can be watched")

// watched returns the module with loopHead in all its loops, and with a trap in
// those that would spin for ever.
func watched(module []byte) ([]byte, error) {
	const header, code = 8, 10
	if len(module) < header {
		return nil, errModule
	}
	out := append([]byte(nil), module[:header]...)
	in := &wasmReader{rest: module[header:]}
	for len(in.rest) > 0 && !in.broken {
		id := in.byte()
		section := in.take(int(in.number()))
		if id == code {
			var err error
			if section, err = watchedCode(section); err != nil {
				return nil, err
			}
		}
		out = append(out, id)
		out = binary.AppendUvarint(out, uint64(len(section)))
		out = append(out, section...)
	}
	if in.broken {
		return nil, errModule
	}
	return out, nil
}

// watchedCode rewrites the code section: a count, then size and body of each function.
func watchedCode(section []byte) ([]byte, error) {
	in := &wasmReader{rest: section}
	count := in.number()
	out := binary.AppendUvarint(nil, count)
	for range count {
		body, err := watchedBody(in.take(int(in.number())))
		if err != nil || in.broken {
			return nil, errModule
		}
		out = binary.AppendUvarint(out, uint64(len(body)))
		out = append(out, body...)
	}
	return out, nil
}

func watchedBody(body []byte) ([]byte, error) {
	in := &wasmReader{rest: body}
	for range in.number() { // groups of locals: count and type
		in.number()
		in.byte()
	}
	var out []byte
	from := 0
	for len(in.rest) > 0 && !in.broken {
		if in.instruction() == opLoop {
			at := len(body) - len(in.rest)
			out = append(out, body[from:at]...)
			if bytes.HasPrefix(in.rest, emptyLoop) {
				out = append(out, 0) // trap
			} else {
				out = append(out, loopHead...)
			}
			from = at
		}
	}
	if in.broken {
		return nil, errModule
	}
	return append(out, body[from:]...), nil
}

// watch stops the program over mem when ctx ends. The returned function ends
// the watch and says whether the program was stopped; it must be called before
// the memory is used for anything else.
func watch(ctx context.Context, mem *memory) (end func() error) {
	if ctx.Done() == nil {
		return func() error { return nil }
	}
	stopped := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		atomic.StoreUint32((*uint32)(unsafe.Pointer(&mem.reserved[stopAt])), 1)
		close(stopped)
	})
	return func() error {
		if cancel() {
			return nil
		}
		<-stopped
		return fmt.Errorf("stopped: %w", ctx.Err())
	}
}
