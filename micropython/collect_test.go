package micropython

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// calls prints a letter for each way in which a function that waits is called:
// whether garbage could be collected there. In the second line C code holds
// something that only it knows, or may do so.
const calls = `
import _host, asyncio
safe = _host.safe
def f(x=0): return safe(0.0)
def g(): yield f()
def h(): return f(x=1)
class A:
    r = None
    def __init__(self, x): self.r = f()
    def m(self): return f()
    def __getitem__(self, i): return f()
a = object.__new__(A)
async def co(): return f()
def deep(n): return deep(n - 1) if n else f()
def closure():
    y = 1
    def k(): return f(y)
    return k()
def show(*all): print("".join(["y" if s else "n" for s in all]))
for_ = 0
for x in g(): for_ = x
with_ = 0
with open('/main.py') as file: with_ = f()
show(safe(0.0), f(), h(), a.m(), for_, [f() for x in (1,)][0], asyncio.run(co()), deep(10), with_, {'a': f()}['a'], f() and True)
keys = []
show(list(g())[0], sum(g()), list(map(f, (1,)))[0], sorted((1, 2), key=lambda x: keys.append(f()) or x) and keys[0], A(1).r, A(1)[0],
    min(g()), max(g()), any(g()), tuple(g())[0], True in set(g()), bytes(g())[0], closure())
`

func TestGarbageIsCollectedOnlyWherePythonHoldsAll(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	var b *Board
	var out strings.Builder
	b, err := NewBoard(BoardConfig{
		Flash: NewFlash(map[string]string{"/main.py": calls}),
		Print: func(text string) { out.WriteString(text) },
		Host: map[string]Func{"safe": func(ctx context.Context, _ []any) (any, error) {
			safe := true
			b.vm.steps(ctx, func(s callStep) bool {
				safe = b.vm.known[s]
				return safe
			})
			return safe, nil
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), strings.Repeat("y", 11)+"\n"+strings.Repeat("n", 13)+"\n"; got != want {
		t.Errorf("printed %q\nwant    %q", got, want)
	}
}

// It moves with each version of MicroPython, and without it nothing is ever collected.
func TestDepthOfCallsIsWhereItIsThought(t *testing.T) {
	var v *VM
	var seen []uint32
	look := func() {
		depth, _ := v.module.Memory().ReadUint32Le(callDepth)
		seen = append(seen, depth)
	}
	v = newTestVM(t, VMConfig{Host: map[string]Func{"look": func(ctx context.Context, args []any) (any, error) {
		look()
		if args[0] == true {
			out := v.malloc(ctx, valueSize)
			v.must(v.callFunc.CallWithStack(ctx, []uint64{uint64(v.bound["again"]), 0, uint64(out), uint64(out)}))
			look()
		}
		return nil, nil
	}}})
	look()
	if err := v.Exec(t.Context(), "import _host\n_host.bind('again', lambda: _host.look(False))\n_host.look(True)"); err != nil {
		t.Fatal(err)
	}
	look()
	if want := []uint32{0, 1, 2, 1, 0}; !slices.Equal(seen, want) {
		t.Errorf("there stood %d, not %d: find external_call_depth anew", seen, want)
	}
}
