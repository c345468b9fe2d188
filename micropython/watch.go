package micropython

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
)

// Go cannot interrupt WebAssembly that was compiled to machine code: not to
// cancel it, and not to collect garbage either, for which all of the process
// has to pause. The runtime's own remedy leaves it at every turn of every
// loop, which makes these programs six times slower. Here every loop counts
// down, and calls the host when the count is over.

// watchTurns is how many turns of loops pass from one call of the host to the
// next: about a tenth of a millisecond.
const watchTurns = 10_000

var errModule = errors.New("not a WebAssembly module that can be watched")

// emptyLoop is "br 0": a program that has nothing left to do but spin, as
// MicroPython does when it has no memory left to raise a MemoryError.
var emptyLoop = []byte{0x0c, 0x00}

// watched returns the module with a countdown in all its loops, and a trap in
// those that would spin for ever. When the count is over it calls the import
// tick, which takes nothing and returns an i32 that is dropped.
func watched(module []byte, tick string) ([]byte, error) {
	const header, imports, globals, code = 8, 2, 6, 10
	if len(module) < header {
		return nil, errModule
	}
	out := append([]byte(nil), module[:header]...)
	in := &wasmReader{rest: module[header:]}
	var known wasmImports
	var head []byte
	for len(in.rest) > 0 && !in.broken {
		id, section := in.byte(), in.take(int(in.number()))
		var err error
		switch id {
		case imports:
			known, err = readImports(section, tick)
		case globals:
			var counter uint64
			counter, section, err = addCounter(section)
			head = countdown(counter+known.globals, known.function)
		case code:
			section, err = watchedCode(section, head)
		}
		if err != nil {
			return nil, err
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

// addCounter appends a mutable i32 to the section of globals: its type, its
// first value, end.
func addCounter(section []byte) (index uint64, with []byte, err error) {
	in := &wasmReader{rest: section}
	index = in.number()
	if in.broken {
		return 0, nil, errModule
	}
	with = binary.AppendUvarint(nil, index+1)
	with = append(with, in.rest...)
	with = append(with, 0x7f, 0x01)
	with = appendConst(with, watchTurns)
	return index, append(with, 0x0b), nil
}

// countdown is what goes to the head of every loop:
//
//	global.get counter; i32.const 1; i32.sub; global.set counter
//	global.get counter; i32.eqz
//	if
//	  i32.const watchTurns; global.set counter; call tick; drop
//	end
func countdown(counter, tick uint64) []byte {
	get, set := binary.AppendUvarint([]byte{0x23}, counter), binary.AppendUvarint([]byte{0x24}, counter)
	return bytes.Join([][]byte{
		get, appendConst(nil, 1),
		{0x6b},
		set,
		get,
		{0x45},
		{0x04, 0x40},
		appendConst(nil, watchTurns), set, binary.AppendUvarint([]byte{0x10}, tick),
		{0x1a},
		{0x0b},
	}, nil)
}

// appendConst appends i32.const n, a signed LEB128 of three bytes.
func appendConst(b []byte, n uint32) []byte {
	return append(b, 0x41, byte(n&0x7f)|0x80, byte(n>>7&0x7f)|0x80, byte(n>>14&0x3f))
}

// watchedCode rewrites the code section: a count, then size and body of each function.
func watchedCode(section, head []byte) ([]byte, error) {
	in := &wasmReader{rest: section}
	count := in.number()
	out := binary.AppendUvarint(nil, count)
	for range count {
		body, err := watchedBody(in.take(int(in.number())), head)
		if err != nil || in.broken || head == nil { // no counter: there were no globals
			return nil, errModule
		}
		out = binary.AppendUvarint(out, uint64(len(body)))
		out = append(out, body...)
	}
	return out, nil
}

func watchedBody(body, head []byte) ([]byte, error) {
	in := &wasmReader{rest: body}
	for groups := in.number(); groups > 0 && !in.broken; groups-- { // of locals: count and type
		in.number()
		in.byte()
	}
	var out []byte
	from := 0
	for len(in.rest) > 0 && !in.broken {
		if in.instruction() != opLoop {
			continue
		}
		at := len(body) - len(in.rest)
		out = append(out, body[from:at]...)
		if bytes.HasPrefix(in.rest, emptyLoop) {
			out = append(out, 0) // unreachable
		} else {
			out = append(out, head...)
		}
		from = at
	}
	if in.broken {
		return nil, errModule
	}
	return append(out, body[from:]...), nil
}

// tick is what the countdown calls: it ends a program whose context has ended.
func tick(ctx context.Context) {
	if ctx.Err() != nil {
		panic(ctx.Err())
	}
}
