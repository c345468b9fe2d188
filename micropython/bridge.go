package micropython

import (
	"context"
	"math/rand/v2"

	"github.com/tetratelabs/wazero/api"
)

// Func serves a function of module _host. Arguments and result are nil, bool,
// int (32 bits), float64 or string. An error ends the instance: Python cannot
// catch it, and the call from Go that led here returns it.
type Func func(ctx context.Context, args []any) (any, error)

// hostObjects are Go values that Python holds, by reference number. The first
// two are fixed: the global object, and undefined.
type hostObjects struct {
	held []any
	free []uint32
}

type hostModule map[string]Func

func newHostObjects() hostObjects { return hostObjects{held: []any{hostModule{}, nil}} }

func (h *hostObjects) add(x any) uint32 {
	if n := len(h.free); n > 0 {
		id := h.free[n-1]
		h.free = h.free[:n-1]
		h.held[id] = x
		return id
	}
	h.held = append(h.held, x)
	return uint32(len(h.held) - 1)
}

func (h *hostObjects) at(id uint32) any {
	if int(id) < len(h.held) {
		return h.held[id]
	}
	return nil
}

func (h *hostObjects) drop(id uint32) {
	if id >= 2 && int(id) < len(h.held) && h.held[id] != nil {
		h.held[id] = nil
		h.free = append(h.free, id)
	}
}

// bridgeImport serves what Python does with Go's objects.
func bridgeImport(name string) hostFunc[*VM] {
	switch name {
	case "lookup_attr": // (object, name, out): 0 absent, 1 a value, 2 a method
		return func(ctx context.Context, v *VM, stack []uint64) {
			f, ok := v.member(stack)
			if ok {
				v.give(ctx, f, uint32(stack[2]))
				stack[0] = 2
				return
			}
			stack[0] = 0
		}
	case "has_attr":
		return func(_ context.Context, v *VM, stack []uint64) {
			_, ok := v.member(stack)
			stack[0] = 0
			if ok {
				stack[0] = 1
			}
		}
	case "proxy_js_free_obj":
		return func(_ context.Context, v *VM, stack []uint64) { v.host.drop(uint32(stack[0])) }
	case "js_check_existing": // none is known from before
		return func(_ context.Context, _ *VM, stack []uint64) { stack[0] = api.EncodeI32(-1) }
	case "store_attr":
		return func(context.Context, *VM, []uint64) {} // a host module is not changed
	}
	return callImport(name)
}

func (v *VM) member(stack []uint64) (Func, bool) {
	m, _ := v.host.at(uint32(stack[0])).(hostModule)
	f, ok := m[cstring(v.module.Memory(), uint32(stack[1]))]
	return f, ok
}

// callImport serves calls of Go functions: (function, via, arguments…, out).
// With via, the first argument is the object that the method was found on.
func callImport(name string) hostFunc[*VM] {
	switch name {
	case "call0":
		return func(ctx context.Context, v *VM, stack []uint64) { v.callHost(ctx, stack[0], nil, stack[1]) }
	case "call1":
		return func(ctx context.Context, v *VM, stack []uint64) {
			args := v.arguments(ctx, uint32(stack[2]), 1, stack[1] != 0)
			v.callHost(ctx, stack[0], args, stack[3])
		}
	case "call2":
		return func(ctx context.Context, v *VM, stack []uint64) {
			args := append(v.arguments(ctx, uint32(stack[2]), 1, stack[1] != 0), v.arguments(ctx, uint32(stack[3]), 1, false)...)
			v.callHost(ctx, stack[0], args, stack[4])
		}
	case "calln":
		return func(ctx context.Context, v *VM, stack []uint64) {
			args := v.arguments(ctx, uint32(stack[3]), uint32(stack[2]), stack[1] != 0)
			v.callHost(ctx, stack[0], args, stack[4])
		}
	}
	return nil
}

func (v *VM) arguments(ctx context.Context, at, count uint32, via bool) []any {
	var args []any
	for i := range count {
		x, err := v.get(ctx, at+i*valueSize)
		if err != nil {
			panic(err)
		}
		args = append(args, x)
	}
	if via && len(args) > 0 {
		args = args[1:]
	}
	return args
}

func (v *VM) callHost(ctx context.Context, function uint64, args []any, out uint64) {
	f, ok := v.host.at(uint32(function)).(Func)
	if !ok {
		v.give(ctx, nil, uint32(out))
		return
	}
	result, err := f(ctx, args)
	if err != nil {
		panic(err)
	}
	v.give(ctx, result, uint32(out))
}

// clockImport serves time and chance.
func clockImport(name string) hostFunc[*VM] {
	switch name {
	case "mp_js_ticks_ms":
		return func(ctx context.Context, v *VM, stack []uint64) {
			tick(ctx)
			if v.tick != nil {
				v.tick()
			}
			v.interrupted(ctx)
			stack[0] = api.EncodeI32(int32(v.config.Now().Sub(v.started).Milliseconds()))
		}
	case "mp_js_time_ms":
		return func(_ context.Context, v *VM, stack []uint64) {
			stack[0] = api.EncodeF64(float64(v.config.Now().UnixMilli()))
		}
	case "mp_js_random_u32":
		return func(_ context.Context, _ *VM, stack []uint64) { stack[0] = uint64(rand.Uint32()) }
	}
	return nil
}
