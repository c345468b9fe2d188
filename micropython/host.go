package micropython

import (
	"context"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// instanceKey is under which a call's context carries the *cross or *VM it runs on:
// host functions are shared by all instances of an engine.
type instanceKey struct{}

// hostFunc serves an import: arguments come in stack, a result goes to stack[0].
type hostFunc[T any] func(ctx context.Context, instance T, stack []uint64)

// bind gives every import of one import module its host function. An import
// that nobody serves ends the instance when it is called.
func bind[T any](r wazero.Runtime, m wazero.CompiledModule, from string, serve func(name string, params, results []api.ValueType) hostFunc[T]) wazero.HostModuleBuilder {
	b := r.NewHostModuleBuilder(from)
	for _, d := range m.ImportedFunctions() {
		module, name, _ := d.Import()
		if module != from {
			continue
		}
		f := serve(name, d.ParamTypes(), d.ResultTypes())
		if f == nil {
			f = func(context.Context, T, []uint64) { panic(fmt.Errorf("%s.%s is not served", from, name)) }
		}
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
			f(ctx, ctx.Value(instanceKey{}).(T), stack)
		}), d.ParamTypes(), d.ResultTypes()).Export(name)
	}
	return b
}

// cstring reads the text at p up to its NUL.
func cstring(mem api.Memory, p uint32) string {
	var text strings.Builder
	for {
		c, ok := mem.ReadByte(p)
		if !ok || c == 0 {
			return text.String()
		}
		text.WriteByte(c)
		p++
	}
}

// vectors calls each with every buffer of an iovec array, until each says false.
func vectors(mem api.Memory, at, count uint32, each func([]byte) bool) {
	for i := range count {
		p, _ := mem.ReadUint32Le(at + 8*i)
		n, _ := mem.ReadUint32Le(at + 8*i + 4)
		b, ok := mem.Read(p, n)
		if !ok || !each(b) {
			return
		}
	}
}
