package device_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/device"
	"github.com/roost-iot/roost/micropython"
)

// appPatience is what a slow machine under the race detector may take.
const appPatience = 3 * time.Minute

// appBench is a thing that runs the app's side of the runtime over a fake link,
// testdata/bench.py: MicroPython or CPython.
type appBench struct {
	t     testing.TB
	board *micropython.Board // nil on CPython
	put   func(name string, text []byte)
	get   func(name string) ([]byte, bool)

	mu    sync.Mutex
	lines []string
	web   string
	new   chan struct{}
}

// onBoth runs a test on both Pythons. Settings are those of settings.json.
func onBoth(t *testing.T, files map[string]string, settings map[string]any, test func(t *testing.T, b *appBench)) {
	t.Parallel() // most of it is waiting
	t.Run("micropython", func(t *testing.T) {
		t.Parallel()
		test(t, onBoard(t, files, settings))
	})
	t.Run("cpython", func(t *testing.T) {
		t.Parallel()
		test(t, onLinux(t, files, settings))
	})
}

// appFiles is what lies on the flash, the app in /_p.
func appFiles(t testing.TB, profile string, app map[string]string, settings map[string]any) map[string]string {
	t.Helper()
	files, err := device.Files(profile)
	if err != nil {
		t.Fatal(err)
	}
	bench, err := os.ReadFile("testdata/bench.py")
	if err != nil {
		t.Fatal(err)
	}
	files["main.py"] = string(bench)
	for name, text := range app {
		if !strings.Contains(name, "/") {
			name = "_p/" + name
		}
		files[strings.TrimPrefix(name, "/")] = text
	}
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	files["settings.json"] = string(text)
	files["_s/app"] = `{"run":"_p","ver":"7","prev":"","pver":"","bad":[],"n":1}`
	return files
}

// folder gives the files of an app that lies in a folder.
func folder(t testing.TB, path string) map[string]string {
	t.Helper()
	files := map[string]string{}
	found, err := filepath.Glob(path + "/*.py")
	if err != nil || len(found) == 0 {
		t.Fatalf("no app in %s: %v", path, err)
	}
	for _, name := range found {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = string(text)
	}
	return files
}

func newAppBench(t testing.TB) *appBench { return &appBench{t: t, new: make(chan struct{}, 1)} }

func onBoard(t testing.TB, app map[string]string, settings map[string]any) *appBench {
	t.Helper()
	needVM(t)
	b := newAppBench(t)
	flash := micropython.NewFlash(nil)
	for name, text := range appFiles(t, "full", app, settings) {
		flash.WriteFile("/"+name, []byte(text))
	}
	b.put = func(name string, text []byte) { flash.WriteFile("/"+name, text) }
	b.get = func(name string) ([]byte, bool) { return flash.ReadFile("/" + name) }
	var line []byte
	var err error
	b.board, err = micropython.NewBoard(micropython.BoardConfig{
		Flash: flash,
		ADC:   func(pin int) int { return 500 + pin },
		Print: func(text string) {
			for _, c := range []byte(text) {
				if c == '\n' {
					b.line(string(line))
					line = line[:0]
				} else {
					line = append(line, c)
				}
			}
		},
		Listen: func(ctx context.Context, network, _ string) (net.Listener, error) {
			var c net.ListenConfig
			l, err := c.Listen(ctx, network, "127.0.0.1:0")
			if err == nil {
				b.mu.Lock()
				b.web = "http://" + l.Addr().String()
				b.mu.Unlock()
			}
			return l, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.running(func(ctx context.Context) {
		if err := b.board.Run(ctx); err != nil && ctx.Err() == nil {
			t.Errorf("the board ended: %v", err)
		}
	})
	return b
}

// running keeps something going until the test ends.
func (b *appBench) running(run func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { run(ctx) })
	b.t.Cleanup(func() {
		cancel()
		all.Wait()
		if b.t.Failed() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.t.Logf("it wrote:\n%s", strings.Join(b.lines, "\n"))
		}
	})
}

func onLinux(t *testing.T, app map[string]string, settings map[string]any) *appBench {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here")
	}
	b := newAppBench(t)
	root := t.TempDir()
	b.put = func(name string, text []byte) {
		to := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+".t", text, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(to+".t", to); err != nil {
			t.Fatal(err)
		}
	}
	b.get = func(name string) ([]byte, bool) {
		text, err := os.ReadFile(filepath.Join(root, name))
		return text, err == nil
	}
	for name, text := range appFiles(t, "python", app, settings) {
		b.put(name, []byte(text))
	}
	const start = "import sys; sys.dont_write_bytecode = True; sys.path.insert(0, '_f'); exec(compile(open('main.py').read(), 'main.py', 'exec'))"
	b.running(func(ctx context.Context) {
		for ctx.Err() == nil {
			c := exec.CommandContext(ctx, python, "-u", "-c", start)
			c.Dir = root
			out, into := io.Pipe()
			c.Stdout, c.Stderr = into, into
			var read sync.WaitGroup
			read.Go(func() {
				lines := bufio.NewScanner(out)
				for lines.Scan() {
					b.line(lines.Text())
				}
			})
			err := c.Run()
			_ = into.Close()
			read.Wait()
			var ended *exec.ExitError
			if ctx.Err() == nil && (!errors.As(err, &ended) || ended.ExitCode() != 75) {
				t.Errorf("Python ended: %v", err)
				return
			}
		}
	})
	return b
}

func (b *appBench) line(text string) {
	b.mu.Lock()
	b.lines = append(b.lines, text)
	if at, ok := strings.CutPrefix(text, "@web "); ok {
		_ = json.Unmarshal([]byte(at), &b.web)
	}
	b.mu.Unlock()
	select {
	case b.new <- struct{}{}:
	default:
	}
}

// until waits for a line that fits, and takes it and what came before of this kind.
func (b *appBench) until(kind string, fits func(text string) bool) string {
	b.t.Helper()
	late := time.After(appPatience)
	for {
		b.mu.Lock()
		for i, l := range b.lines {
			if text, ok := strings.CutPrefix(l, kind); ok && fits(text) {
				b.lines = slices.Delete(b.lines, i, i+1)
				b.mu.Unlock()
				return text
			}
		}
		b.mu.Unlock()
		select {
		case <-b.new:
		case <-late:
			b.t.Fatalf("no line %q that fits", kind)
		}
	}
}

// soon polls for what gives no sign of itself.
func (b *appBench) soon(what string, is func() bool) {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(appPatience)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			b.t.Fatalf("never: %s", what)
		}
	}
}

// shows polls for what lasts for seconds, and asks for it again: a busy machine may look away all the while.
func (b *appBench) shows(what string, ask func(), is func() bool) {
	b.t.Helper()
	var asked time.Time
	b.soon(what, func() bool {
		if time.Since(asked) > 10*time.Second {
			ask()
			asked = time.Now()
		}
		return is()
	})
}

func anything(string) bool { return true }

func with(part string) func(string) bool {
	return func(text string) bool { return strings.Contains(text, part) }
}

// ask gives a command and its answer.
func (b *appBench) ask(kind string, body any) (ok bool, answer any) {
	b.t.Helper()
	text, err := json.Marshal([]any{kind, body})
	if err != nil {
		b.t.Fatal(err)
	}
	b.put("_in", text)
	var got []any
	if err := json.Unmarshal([]byte(b.until("@answer ", anything)), &got); err != nil || len(got) != 2 {
		b.t.Fatalf("answered %v: %v", got, err)
	}
	ok, _ = got[0].(bool)
	return ok, got[1]
}

func (b *appBench) wants(kind string, body any, want string) {
	b.t.Helper()
	ok, answer := b.ask(kind, body)
	got, _ := json.Marshal(answer)
	if !ok || !sameJSON(got, []byte(want)) {
		b.t.Errorf("%s %v: %v %s, want %s", kind, body, ok, got, want)
	}
}

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	a, _ = json.Marshal(x)
	b, _ = json.Marshal(y)
	return bytes.Equal(a, b)
}

// started is what bench.py says: whether there is an app, what is told of it, why it booted.
func (b *appBench) started() (ok bool, info map[string]any, why string) {
	b.t.Helper()
	var got []any
	if err := json.Unmarshal([]byte(b.until("@start ", anything)), &got); err != nil || len(got) != 3 {
		b.t.Fatalf("started with %v: %v", got, err)
	}
	ok, _ = got[0].(bool)
	info, _ = got[1].(map[string]any)
	why, _ = got[2].(string)
	return ok, info, why
}

func merged(all ...map[string]string) map[string]string {
	files := map[string]string{}
	for _, m := range all {
		maps.Copy(files, m)
	}
	return files
}
