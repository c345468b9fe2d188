package micropython

const opLoop = 0x03

// wasmReader walks over WebAssembly's binary format (core specification 2.0,
// chapter 5), as far as two known programs need it.
type wasmReader struct {
	rest   []byte
	broken bool
}

func (r *wasmReader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.broken, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *wasmReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// number reads an unsigned LEB128, or walks over a signed one.
func (r *wasmReader) number() (v uint64) {
	for shift := 0; shift < 70 && !r.broken; shift += 7 {
		b := r.byte()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	r.broken, r.rest = true, nil
	return 0
}

func (r *wasmReader) numbers(n int) {
	for range n {
		r.number()
	}
}

// wasmImports is what a module's imports put in front of its own indices.
type wasmImports struct {
	globals  uint64 // how many
	function uint64 // index of the one looked for
}

// readImports finds the imported function of that name.
func readImports(section []byte, function string) (found wasmImports, err error) {
	in := &wasmReader{rest: section}
	functions, ok := uint64(0), false
	for count := in.number(); count > 0 && !in.broken; count-- {
		in.take(int(in.number())) // the module's name
		name := in.take(int(in.number()))
		switch in.byte() {
		case 0:
			in.number()
			if string(name) == function {
				found.function, ok = functions, true
			}
			functions++
		case 3:
			in.take(2)
			found.globals++
		default: // tables and memories are the module's own
			return found, errModule
		}
	}
	if in.broken || !ok {
		return found, errModule
	}
	return found, nil
}

// instruction reads one instruction with its immediates and returns its opcode.
func (r *wasmReader) instruction() byte {
	op := r.byte()
	switch {
	case op >= 0x02 && op <= 0x04, // block, loop, if: a block type
		op == 0x0c || op == 0x0d || op == 0x10, // br, br_if, call
		op >= 0x20 && op <= 0x26,               // locals, globals, tables
		op == 0x3f || op == 0x40,               // memory.size, memory.grow
		op == 0x41 || op == 0x42,               // i32.const, i64.const
		op == 0xd0 || op == 0xd2:               // ref.null, ref.func
		r.number()
	case op == 0x11, op >= 0x28 && op <= 0x3e: // call_indirect, loads and stores
		r.numbers(2)
	case op == 0x0e: // br_table
		r.numbers(int(min(r.number(), uint64(len(r.rest)))) + 1)
	case op == 0x1c: // select with types
		r.take(int(r.number()))
	case op == 0x43:
		r.take(4)
	case op == 0x44:
		r.take(8)
	case op == 0xfc:
		r.extended()
	case op <= 0x01, op == 0x05, op == 0x0b, op == 0x0f, op == 0x1a, op == 0x1b, op >= 0x45 && op <= 0xc4, op == 0xd1:
		// no immediates
	default:
		r.broken, r.rest = true, nil
	}
	return op
}

// extended reads what follows the prefix 0xfc.
func (r *wasmReader) extended() {
	switch sub := r.number(); {
	case sub <= 7: // saturating conversions
	case sub == 8 || sub == 10 || sub == 12 || sub == 14: // init and copy
		r.numbers(2)
	case sub <= 17:
		r.number()
	default:
		r.broken, r.rest = true, nil
	}
}
