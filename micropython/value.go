package micropython

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/tetratelabs/wazero/api"
)

// A value crosses between Go and Python as three words: its kind and two that
// depend on it. Kinds have one numbering per direction.
const valueSize = 12

const (
	fromException = 0xffffffff
	fromNull      = 0
	fromNone      = 1
	fromBool      = 2
	fromInt       = 3
	fromFloat     = 4
	fromString    = 5
	fromCallable  = 6
	fromObject    = 8
	fromHost      = 9

	toUndefined = 0
	toNone      = 1
	toBool      = 2
	toInt       = 3
	toFloat     = 4
	toString    = 5
	toHost      = 7
)

// pyRef is a Python object that Go holds; it stays alive in the instance.
type pyRef uint32

var errMemory = errors.New("the board's memory is full")

// give writes v for Python to at: nil, bool, int, float64, string, or what a
// host object holds. Integers have 32 bits there.
func (v *VM) give(ctx context.Context, value any, at uint32) {
	mem := v.module.Memory()
	word := func(i, x uint32) { mem.WriteUint32Le(at+4*i, x) }
	switch x := value.(type) {
	case nil:
		word(0, toNone)
	case bool:
		word(0, toBool)
		word(1, 0)
		if x {
			word(1, 1)
		}
	case int:
		word(0, toInt)
		word(1, uint32(int32(x)))
	case float64:
		word(0, toFloat)
		mem.WriteUint64Le(at+4, math.Float64bits(x))
	case string:
		p := v.text(ctx, x) // Python frees it
		word(0, toString)
		word(1, uint32(len(x)))
		word(2, p)
	default:
		word(0, toHost)
		word(1, v.host.add(x))
	}
}

// text puts s and a NUL into the instance's memory.
func (v *VM) text(ctx context.Context, s string) uint32 {
	p := v.malloc(ctx, len(s)+1)
	mem := v.module.Memory()
	mem.WriteString(p, s)
	mem.WriteByte(p+uint32(len(s)), 0)
	return p
}

// malloc panics with errMemory when there is none left: then the instance ends.
func (v *VM) malloc(ctx context.Context, n int) uint32 {
	p := v.tryMalloc(ctx, n)
	if p == 0 {
		panic(errMemory)
	}
	return p
}

func (v *VM) tryMalloc(ctx context.Context, n int) uint32 {
	stack := [1]uint64{uint64(n)}
	if err := v.mallocFunc.CallWithStack(ctx, stack[:]); err != nil {
		panic(err)
	}
	return uint32(stack[0])
}

func (v *VM) must(err error) {
	if err != nil {
		panic(err)
	}
}

func (v *VM) free(ctx context.Context, p uint32) {
	if err := v.freeFunc.CallWithStack(ctx, []uint64{uint64(p)}); err != nil {
		panic(err)
	}
}

// get reads the value at p. An exception comes back as an error.
func (v *VM) get(ctx context.Context, p uint32) (any, error) {
	mem := v.module.Memory()
	word := func(i uint32) uint32 { x, _ := mem.ReadUint32Le(p + 4*i); return x }
	switch kind := word(0); kind {
	case fromException:
		text := readText(mem, word(2), word(1))
		v.free(ctx, word(2))
		class, trace, _ := strings.Cut(text, "\x04")
		return nil, &Exception{Class: class, Traceback: trace}
	case fromNull, fromNone:
		return nil, nil
	case fromBool:
		return word(1) != 0, nil
	case fromInt:
		return int(int32(word(1))), nil
	case fromFloat:
		bits, _ := mem.ReadUint64Le(p + 4)
		return math.Float64frombits(bits), nil
	case fromString:
		return readText(mem, word(2), word(1)), nil
	case fromHost:
		return v.host.at(word(1)), nil
	case fromCallable, fromObject:
		return pyRef(word(1)), nil
	}
	return nil, errors.New("python gave a value that has no meaning here")
}

func readText(mem api.Memory, p, n uint32) string {
	b, _ := mem.Read(p, n)
	return string(b)
}
