package micropython

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func newTestCompiler(t testing.TB) *Compiler {
	t.Helper()
	need(t)
	keep(t, crossEngine)
	c, err := NewCompiler(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestWithoutMicroPythonNothingIsPretended(t *testing.T) {
	if Available() {
		t.Skip("this build has MicroPython")
	}
	if _, err := NewCompiler(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("NewCompiler: %v", err)
	}
}

func TestFaultsComeWithLineAndText(t *testing.T) {
	c := newTestCompiler(t)
	for source, want := range map[string]string{
		"":                              "0 ",
		"x = 1\n":                       "0 ",
		"x = 1":                         "0 ",
		"x = 1\r\ny = 2\r\n":            "0 ",
		"def f(:\n  pass\n":             "1 invalid syntax",
		"x=1\n  y=2\n":                  "2 unexpected indent",
		"def f():\n    a\n  b\n":        "3 unindent doesn't match any outer indent level",
		"if 1:\nx=2\n":                  "2 invalid syntax",
		"def f():\n  pass\n\nfoo(":      "4 invalid syntax",
		"a = 1\n\n\n'abc\n":             "4 invalid syntax",
		"x = 1\nbreak\n":                "2 'break'/'continue' outside loop",
		"\n1 = 2\n":                     "2 can't assign to expression",
		"x = 0x\n":                      "1 invalid syntax for integer with base 16: ''",
		"def f(a, a): pass\n":           "1 argument name reused",
		"\x00":                          "1 invalid syntax",
		"class A:\n  def b(self)\n":     "2 invalid syntax",
		"def f(self)\n  x = 1\ny = 2\n": "1 invalid syntax",
		"a = 1\nif a == 1\n  b\n\nc\n":  "2 invalid syntax",
		"a = [1,\n2\nb = 3\n":           "2 invalid syntax",
		"#\n#\nx = 'a\ny = 1\n":         "3 invalid syntax",
	} {
		line, column, text, err := c.Check(t.Context(), "worker_task.py", []byte(source))
		if got := strconv.Itoa(line) + " " + text; got != want || column != 0 || err != nil {
			t.Errorf("%q: %q (column %d, %v), want %q", source, got, column, err, want)
		}
	}
}

func TestCompiledFilesAreMpyVersion6(t *testing.T) {
	c := newTestCompiler(t)
	mpy, err := c.Compile(t.Context(), "worker_task.py", []byte("class WorkerTask:\n    def call(self):\n        return {'t': 21.5}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(mpy) < 20 || mpy[0] != 'M' || mpy[1] != 6 {
		t.Errorf("compiled: % x", mpy)
	}
	if !bytes.Contains(mpy, []byte("worker_task.py")) {
		t.Error("the file's name, which tracebacks show, is not in it")
	}
	var fault *SyntaxError
	if mpy, err = c.Compile(t.Context(), "x.py", []byte("def")); !errors.As(err, &fault) || mpy != nil {
		t.Fatalf("%d bytes, %v", len(mpy), err)
	}
	if err.Error() != "x.py, line 1: invalid syntax" {
		t.Errorf("error text: %s", err)
	}
}

func TestOneFileLeavesNothingForTheNext(t *testing.T) {
	c := newTestCompiler(t)
	source := []byte("def f(a, b=2):\n    return {'sum': a + b}\n")
	first, err := c.Compile(t.Context(), "a.py", source)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"def f(:", large(60 << 10), "x", strings.Repeat("(", 5000), "class A: pass"} {
		_, _, _, _ = c.Check(t.Context(), "b.py", []byte(other))
		again, err := c.Compile(t.Context(), "a.py", source)
		if err != nil || !bytes.Equal(first, again) {
			t.Errorf("after %.20q: %v, same: %v", other, err, bytes.Equal(first, again))
		}
	}
}

func TestWhatIsTooMuchIsRefusedInWords(t *testing.T) {
	c := newTestCompiler(t)
	c.limit = time.Second
	if _, _, _, err := c.Check(t.Context(), "a.py", make([]byte, maxSource+1)); err == nil {
		t.Error("a file beyond all bounds was taken")
	}
	for _, source := range []string{
		strings.Repeat("(", 200_000),
		strings.Repeat("[", 1000) + strings.Repeat("]", 1000),
		strings.Repeat("lambda:", 30_000),
		"x = " + strings.Repeat("-", 200_000) + "1",
		strings.Repeat("if 1:\n", 3) + strings.Repeat("#", 200_000),
		large(maxSource)[:maxSource],
	} {
		line, _, text, err := c.Check(t.Context(), "a.py", []byte(source))
		t.Logf("%.12q of %d bytes: %d %q", source, len(source), line, text)
		if err != nil {
			t.Errorf("%.12q of %d bytes: %v", source, len(source), err)
		}
	}
	c.limit = compileTime
	if _, _, text, err := c.Check(t.Context(), "a.py", []byte("x = 1")); text != "" || err != nil {
		t.Errorf("afterwards: %q, %v", text, err)
	}
}

func TestCancelledChecksEnd(t *testing.T) {
	c := newTestCompiler(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, _, err := c.Check(ctx, "a.py", []byte("x = 1")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, _, text, err := c.Check(t.Context(), "a.py", []byte("x = 1")); text != "" || err != nil {
		t.Errorf("afterwards: %q, %v", text, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := c.Check(t.Context(), "a.py", []byte("x = 1")); err == nil {
		t.Error("a closed compiler answered")
	}
}

func TestIdleCompilersHoldNoMemory(t *testing.T) {
	c := newTestCompiler(t)
	for range 2 {
		if _, _, text, err := c.Check(t.Context(), "a.py", []byte("x = 1")); text != "" || err != nil {
			t.Fatal(text, err)
		}
		c.freeIdle()
		if len(c.idle) > 0 || c.held {
			t.Errorf("%d instances are held, the machine code: %v", len(c.idle), c.held)
		}
	}
	x, err := c.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.freeIdle()
	if !c.held {
		t.Error("freed while somebody compiled")
	}
	c.put(x)
}

func TestManyCheckAtOnce(t *testing.T) {
	c := newTestCompiler(t)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 10 {
				source := strings.Repeat("x = 1\n", g) + "y = (\n"
				line, _, text, err := c.Check(t.Context(), fmt.Sprintf("f%d.py", i), []byte(source))
				if line != g+1 || text != "invalid syntax" || err != nil {
					t.Errorf("%d: %d %q %v", g, line, text, err)
				}
			}
		})
	}
	all.Wait()
}

func TestThousandsOfChecksLeakNothing(t *testing.T) {
	c := newTestCompiler(t)
	good, bad := []byte(large(4<<10)), []byte(large(4<<10)+"def f(:")
	round := func(n int) {
		for range n {
			if _, _, text, err := c.Check(t.Context(), "a.py", good); text != "" || err != nil {
				t.Fatal(text, err)
			}
			if _, _, text, err := c.Check(t.Context(), "a.py", bad); text == "" || err != nil {
				t.Fatal(text, err)
			}
		}
	}
	checks := 1000
	if raceDetector {
		checks = 50
	}
	round(20)
	heap, resident := memoryUse(t)
	round(checks)
	heapAfter, residentAfter := memoryUse(t)
	t.Logf("%d checks: heap %d → %d kB, resident %d → %d kB", 2*checks, heap>>10, heapAfter>>10, resident>>10, residentAfter>>10)
	if heapAfter > heap+4<<20 {
		t.Errorf("heap grew from %d to %d bytes in %d checks", heap, heapAfter, 2*checks)
	}
}

// large is valid Python of about n bytes.
func large(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "def handle_%d(request, answer=None):\n    if request is None:  # nothing came\n        return {'code': %d, 'text': 'none'}\n    return [x * 2 for x in request if x > %d]\n\n", i, i, i)
	}
	return b.String()
}

// memoryUse is Go's live heap and, on Linux, what is resident of the process.
func memoryUse(t testing.TB) (heap, resident int64) {
	t.Helper()
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var pages int64
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := strings.Fields(string(b)); len(f) > 1 {
			pages, _ = strconv.ParseInt(f[1], 10, 64)
		}
	}
	return int64(m.HeapAlloc), pages * int64(os.Getpagesize())
}

// Whatever bytes come, the compiler answers, and answers the next one rightly.
func FuzzCheck(f *testing.F) {
	need(f)
	for _, seed := range []string{"x = 1", "def f(:", "'''", "\x00\xff", "(((((", "class A:\n\tdef f(self): yield", "@a\nasync def b(): await c", "f'{a!r:>{b}}'", "1_0e9j", "del x, (y[0]), *z", "lambda *a, **k: (yield)", "a.b.c[1:2:3] @= 5", "\\\n\\\r\n", "try:\n a\nexcept* B: pass"} {
		f.Add([]byte(seed))
	}
	c, err := NewCompiler(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = c.Close() })
	f.Fuzz(func(t *testing.T, source []byte) {
		line, _, text, err := c.Check(t.Context(), "f.py", source)
		if err != nil {
			t.Fatalf("%q: %v", source, err)
		}
		if line < 0 || line > bytes.Count(source, []byte("\n"))+1 || line > 0 && text == "" {
			t.Errorf("%q: line %d, %q", source, line, text)
		}
	})
}

func BenchmarkFirstCheck(b *testing.B) {
	need(b)
	for b.Loop() {
		c, err := NewCompiler(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, _, text, err := c.Check(b.Context(), "a.py", []byte("x = 1")); text != "" || err != nil {
			b.Fatal(text, err)
		}
		_ = c.Close()
	}
}

func BenchmarkCheck4KB(b *testing.B)  { benchmarkCheck(b, 4<<10) }
func BenchmarkCheck60KB(b *testing.B) { benchmarkCheck(b, 60<<10) }

func benchmarkCheck(b *testing.B, size int) {
	c := newTestCompiler(b)
	source := []byte(large(size))
	_, _, _, _ = c.Check(b.Context(), "a.py", source)
	report := cpuTime(b)
	for b.Loop() {
		if _, _, text, err := c.Check(b.Context(), "a.py", source); text != "" || err != nil {
			b.Fatal(text, err)
		}
	}
	report()
}
