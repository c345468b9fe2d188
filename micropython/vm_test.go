package micropython

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func newTestVM(t testing.TB, c VMConfig) *VM {
	t.Helper()
	need(t)
	keep(t, vmEngine)
	v, err := NewVM(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// printing gives a board and what it printed since the last call.
func printing(t testing.TB, c VMConfig) (v *VM, printed func() string) {
	var out strings.Builder
	c.Print = func(text string) { out.WriteString(text) }
	return newTestVM(t, c), func() string {
		defer out.Reset()
		return out.String()
	}
}

func TestPythonRuns(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 250e6, time.UTC)
	v, printed := printing(t, VMConfig{
		Flash:   NewFlash(map[string]string{"/lib/foo.py": "X = 42\n"}),
		Modules: map[string]string{"bar": "Y = 'built in'\n"},
		Now:     func() time.Time { return at },
	})
	for source, want := range map[string]string{
		"print('hé', 1 + 1, 2**40)":                               "hé 2 1099511627776\n",
		"import foo, bar; print(foo.X, bar.Y)":                    "42 built in\n",
		"import sys; print(sys.implementation.version[:2])":       "(1, 28)\n",
		"import json; print(json.dumps({'a': [1, 2.5, None]}))":   `{"a": [1, 2.5, null]}` + "\n",
		"import time; print(time.time(), time.ticks_ms())":        "1793534400.25 0\n",
		"import asyncio, re, hashlib, struct, random; print(1)":   "1\n",
		"try:\n  open('/x')\nexcept OSError as e: print(e.errno)": "2\n",
		"print(sorted([3, 1, 2], key=lambda x: -x))":              "[3, 2, 1]\n",
	} {
		if err := v.Exec(t.Context(), source); err != nil {
			t.Errorf("%s: %v", source, err)
		}
		if got := printed(); got != want {
			t.Errorf("%s: printed %q, want %q", source, got, want)
		}
	}
}

func TestUncaughtExceptionsComeWithTheirTraceback(t *testing.T) {
	v := newTestVM(t, VMConfig{Modules: map[string]string{"bar": "def f(x):\n    return 1 // x\n"}})
	err := v.Exec(t.Context(), "import bar\n\nbar.f(0)\n")
	var raised *Exception
	if !errors.As(err, &raised) || raised.Class != "ZeroDivisionError" {
		t.Fatalf("%v", err)
	}
	const want = "Traceback (most recent call last):\n  File \"<stdin>\", line 3, in <module>\n  File \"/lib/bar.py\", line 2, in f\nZeroDivisionError: divide by zero\n"
	if raised.Traceback != want {
		t.Errorf("traceback %q", raised.Traceback)
	}
	if got := raised.Report(); got != "ZeroDivisionError divide by zero ("+want+")" {
		t.Errorf("report %q", got)
	}
	if err := v.Exec(t.Context(), "x = 1"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestGoAndPythonCallEachOther(t *testing.T) {
	v := newTestVM(t, VMConfig{Host: map[string]Func{
		"join": func(_ context.Context, args []any) (any, error) { return fmt.Sprint(args...), nil },
	}})
	if err := v.Exec(t.Context(), "import _host\ndef echo(*a):\n  return _host.join(*a) if len(a) != 1 else a[0]\n_host.bind('echo', echo)"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []any{nil, true, false, 0, -7, 1 << 30, 2.5, -1e300, "", "ö\x00ü", strings.Repeat("x", 100_000)} {
		if got, err := v.Call(t.Context(), "echo", want); got != want || err != nil {
			t.Errorf("%v came back as %v, %v", want, got, err)
		}
	}
	if got, err := v.Call(t.Context(), "echo", 1, "a", 2.5, true, nil); got != "1a2.5 true <nil>" && got != fmt.Sprint(1, "a", 2.5, true, nil) || err != nil {
		t.Errorf("five arguments: %v, %v", got, err)
	}
	for range 5000 { // references and strings are given back
		if _, err := v.Call(t.Context(), "echo", "text", "text"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(v.host.held); n > 2000 {
		t.Errorf("%d references to Go are held", n)
	}
	if _, err := v.Call(t.Context(), "nothing"); err == nil {
		t.Error("called a function that is not there")
	}
}

func TestFilesOutliveTheBoard(t *testing.T) {
	flash := NewFlash(map[string]string{"/boot/a.txt": "one\ntwo\n"})
	v, printed := printing(t, VMConfig{Flash: flash})
	source := `
import os
with open('/boot/a.txt') as f: print(f.readlines())
with open('/b', 'w') as f:
    f.write('hello'); f.seek(1); f.write('E')
with open('/b', 'a') as f: f.write('!')
os.mkdir('/d'); os.rename('/b', '/d/c'); os.mkdir('/d/e'); os.rename('/d', '/f')
print(open('/f/c').read(), sorted(os.listdir('/')), sorted(os.listdir('/f')), os.stat('/f/c')[6])
def fails(f, *a):
    try: f(*a)
    except OSError as e: return e.errno
print([fails(*x) for x in ((os.remove, '/x'), (os.rmdir, '/f'), (os.mkdir, '/f'), (os.remove, '/f'), (os.rmdir, '/f/c'),
    (open, '/none/x', 'w'), (os.rename, '/x', '/y'), (os.chdir, '/f/c'), (open, '/.builtin/x', 'w'), (os.rename, '/f', '/f/g'))])
os.remove('/f/c'); os.rmdir('/f/e'); os.rmdir('/f'); os.chdir('/boot'); print(os.getcwd(), os.listdir())
with open('/boot/b.bin', 'wb') as f: f.write(bytes(range(256)) * 3)
`
	if err := v.Exec(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	const want = "['one\\n', 'two\\n']\nhEllo! ['boot', 'f'] ['c', 'e'] 6\n[2, 39, 17, 21, 20, 2, 2, 20, 30, 22]\n/boot ['a.txt']\n"
	if got := printed(); got != want {
		t.Errorf("printed %q\nwant    %q", got, want)
	}
	v.Close()
	if got := flash.Files(); !slices.Equal(got, []string{"/boot/a.txt", "/boot/b.bin"}) {
		t.Errorf("left on the flash: %q", got)
	}
	again, printed := printing(t, VMConfig{Flash: flash})
	if err := again.Exec(t.Context(), "b = open('/boot/b.bin', 'rb').read(); print(len(b), b == bytes(range(256)) * 3)"); err != nil {
		t.Fatal(err)
	}
	if got := printed(); got != "768 True\n" {
		t.Errorf("after a reboot: %q", got)
	}
}

func TestFullFlashIsSaid(t *testing.T) {
	v, printed := printing(t, VMConfig{})
	if err := v.Exec(t.Context(), "f = open('/big', 'wb')\nn = 0\ntry:\n  while True: n += f.write(bytes(65536))\nexcept OSError as e: print(e.errno, n)"); err != nil {
		t.Fatal(err)
	}
	if got := printed(); got != "28 2031616\n" {
		t.Errorf("printed %q", got)
	}
}

func TestAHoleInAFileTakesRoom(t *testing.T) {
	v, printed := printing(t, VMConfig{})
	err := v.Exec(t.Context(), `
f = open('/a', 'wb')
f.seek(60 << 20)
try:
	f.write(b'x')
except OSError as e:
	print(e.errno)
f.seek(1 << 20)
f.write(b'x')
f.close()
import os
print(os.stat('/a')[6])
`)
	if err != nil {
		t.Fatal(err)
	}
	if got := printed(); got != "28\n1048577\n" {
		t.Errorf("printed %q", got)
	}
}

var errCut = errors.New("power cut")

func TestPowerCutLeavesTheWholeOldOrTheWholeNewFile(t *testing.T) {
	const update = "import os\nwith open('/new', 'w') as f:\n  for i in range(50): f.write('new %d' % i)\nos.rename('/new', '/app')\n"
	cuts := 0
	for n := 1; ; n++ {
		flash := NewFlash(map[string]string{"/app": "old"})
		left := n
		flash.Before = func(string, string) error {
			if left--; left == 0 {
				return errCut
			}
			return nil
		}
		v := newTestVM(t, VMConfig{Flash: flash})
		err := v.Exec(t.Context(), update)
		v.Close()
		app, _ := flash.ReadFile("/app")
		if err == nil {
			if !strings.HasSuffix(string(app), "new 49") {
				t.Errorf("no cut: %q", app)
			}
			break
		}
		cuts++
		if !errors.Is(err, errCut) || string(app) != "old" {
			t.Errorf("cut %d: %v, left %q", n, err, app)
		}
	}
	if cuts < 3 {
		t.Errorf("only %d places to cut", cuts)
	}
}

func TestEndlessLoopsEndWithTheContext(t *testing.T) {
	for _, source := range []string{
		"while True: pass",
		"while True:\n  try:\n    1//0\n  except: pass",
		"def f():\n  while True:\n    try: f()\n    except: pass\nf()",
		"def g():\n  while True: yield 1\nsum(g())",
		"import time\nwhile True: time.sleep(1)",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		host := (&Runner{config: RunnerConfig{Now: time.Now}}).functions()
		host["running"] = func(context.Context, []any) (any, error) {
			cancel()
			return nil, nil
		}
		v := newTestVM(t, VMConfig{Modules: boardModules(), Host: host})
		if err := v.Exec(ctx, "import _host\n_host.running()\n"+source); !errors.Is(err, context.Canceled) {
			t.Errorf("%q: %v", source, err)
		}
		if err := v.Exec(t.Context(), "x = 1"); !errors.Is(err, context.Canceled) {
			t.Errorf("%q, then: %v", source, err)
		}
		v.Close()
		if err := v.Exec(t.Context(), "x = 1"); !errors.Is(err, errOff) {
			t.Errorf("%q, closed: %v", source, err)
		}
	}
}

// Go collects garbage only when all goroutines can be paused.
func TestEndlessLoopsDoNotHoldUpGo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	running := make(chan struct{})
	v := newTestVM(t, VMConfig{Host: map[string]Func{"running": func(context.Context, []any) (any, error) {
		close(running)
		return nil, nil
	}}})
	var loop sync.WaitGroup
	loop.Go(func() {
		if err := v.Exec(ctx, "import _host\n_host.running()\nwhile True: pass"); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	<-running
	for range 5 {
		runtime.GC()
	}
	cancel()
	loop.Wait()
}

func TestFullMemoryIsAnException(t *testing.T) {
	for _, memory := range []int{64 << 10, 1 << 20} {
		for _, source := range []string{
			"x = bytearray(200_000_000)",
			"l = []\nwhile True: l.append('a' * 1000 + str(len(l)))",
			"def f():\n  l = []\n  while True: l.append([1, 2, 3])\nf()",
		} {
			v, printed := printing(t, VMConfig{Memory: memory})
			var raised *Exception
			if err := v.Exec(t.Context(), source); !errors.As(err, &raised) || raised.Class != "MemoryError" {
				t.Errorf("%d, %q: %v", memory, source, err)
			}
			if err := v.Exec(t.Context(), "l = None\nprint('alive')"); err != nil || printed() != "alive\n" {
				t.Errorf("%d, %q, then: %v", memory, source, err)
			}
		}
	}
}

func TestWhatBreaksTheBoardBreaksNothingElse(t *testing.T) {
	for source, survives := range map[string]bool{
		"def f(): return f()\nf()":                             true, // RuntimeError
		"import uctypes\nuctypes.bytearray_at(-64, 64)[0] = 1": false,
		"x = (" + strings.Repeat("(", 2000):                    false,
	} {
		v := newTestVM(t, VMConfig{})
		err := v.Exec(t.Context(), source)
		var raised *Exception
		if err == nil || survives && !errors.As(err, &raised) || strings.Contains(err.Error(), "wasm stack trace") {
			t.Errorf("%.30q: %v", source, err)
		}
	}
	v, printed := printing(t, VMConfig{})
	if err := v.Exec(t.Context(), "print(1)"); err != nil || printed() != "1\n" {
		t.Error(err)
	}
}

func TestHundredBoardsAtOnce(t *testing.T) {
	newTestVM(t, VMConfig{})
	_, before := memoryUse(t)
	var all sync.WaitGroup
	boards := make([]*VM, 100)
	began := time.Now()
	for g := range 4 {
		all.Go(func() {
			for i := g; i < len(boards); i += 4 {
				v, err := NewVM(t.Context(), VMConfig{})
				if err != nil {
					t.Error(err)
					return
				}
				boards[i] = v
				if err := v.Exec(t.Context(), fmt.Sprintf("import json\nkept = [bytearray(1024) for i in range(30)]\nme = %d", i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	_, during := memoryUse(t)
	for i, v := range boards {
		if v == nil {
			continue
		}
		if err := v.Exec(t.Context(), fmt.Sprintf("assert me == %d and len(kept) == 30", i)); err != nil {
			t.Errorf("board %d: %v", i, err)
		}
		v.Close()
	}
	_, after := memoryUse(t)
	t.Logf("100 boards in %v; resident %d kB each, %d kB after Close", took, (during-before)/100>>10, (after-before)>>10)
}

func BenchmarkStart(b *testing.B) {
	newTestVM(b, VMConfig{})
	report := cpuTime(b)
	for b.Loop() {
		v, err := NewVM(b.Context(), VMConfig{})
		if err != nil {
			b.Fatal(err)
		}
		v.Close()
	}
	report()
}

// One operation is 100,000 turns of a loop.
func BenchmarkLoop(b *testing.B) {
	v := newTestVM(b, VMConfig{})
	report := cpuTime(b)
	for b.Loop() {
		if err := v.Exec(b.Context(), "x = 0\nfor i in range(100000): x += i & 7"); err != nil {
			b.Fatal(err)
		}
	}
	report()
}

func BenchmarkCall(b *testing.B) {
	v := newTestVM(b, VMConfig{})
	if err := v.Exec(b.Context(), "import _host\n_host.bind('f', lambda x: x + 'b')"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if got, err := v.Call(b.Context(), "f", "a"); got != "ab" {
			b.Fatal(got, err)
		}
	}
}
