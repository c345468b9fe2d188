package micropython

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func newTestRunner(t testing.TB, c RunnerConfig) *Runner {
	t.Helper()
	need(t)
	keep(t, vmEngine)
	r, err := NewRunner(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// served is how a PythingsOS device gets its app's files.
func served(worker, management string) map[string]string {
	return map[string]string{
		"worker_task.py":     "import logger\ntry:\n    import sensors\nexcept ImportError:\n    pass\n\n" + worker + "\nversion='c1'",
		"management_task.py": "import logger\n" + management + "\nversion='c1'",
	}
}

const (
	quietWorker     = "class WorkerTask:\n    def call(self): pass\n"
	quietManagement = "class ManagementTask:\n    def call(self, data): pass\n"
)

func load(t testing.TB, r *Runner, worker, management string) {
	t.Helper()
	if err := r.Load(served(worker, management)); err != nil {
		t.Fatal(err)
	}
}

// The public example app, as its users know it.
func TestLuminosityApp(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	r := newTestRunner(t, RunnerConfig{Now: func() time.Time { return noon }})
	read := func(name string) string {
		source, err := os.ReadFile(filepath.Join("..", "sim", "apps", "luminosity", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(source)
	}
	load(t, r, read("worker_task.py"), read("management_task.py"))

	value, err := r.Worker(t.Context())
	var worker map[string]int
	if err != nil || json.Unmarshal([]byte(value), &worker) != nil || len(worker) != 1 || worker["luminosity_au"] < 300 || worker["luminosity_au"] > 1023 {
		t.Errorf("worker: %s, %v", value, err)
	}
	if reply, err := r.Management(t.Context(), ""); reply != "" || err != nil {
		t.Errorf("poll without a message: %s, %v", reply, err)
	}
	for _, c := range []struct {
		message, reply   string
		red, green, blue int
	}{
		{"red:1000,green:100,blue:500", "Executed", 1000, 100, 500},
		{"green:on", "Executed", 1000, 1000, 500},
		{"blue:off, red:7", "Executed", 7, 1000, 0},
		{"yellow:on", "Command not valid", 7, 1000, 0},
		{"red:much", "Command argument not valid", 7, 1000, 0},
		{"red:1001", "Command argument not valid", 7, 1000, 0},
	} {
		message, _ := json.Marshal(c.message)
		reply, err := r.Management(t.Context(), string(message))
		if want := strconv.Quote(c.reply); reply != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", c.message, reply, err, want)
		}
		if p := r.Pins(); p[15] != c.red || p[12] != c.green || p[13] != c.blue {
			t.Errorf("%s: pins %v", c.message, p)
		}
	}
	reply, err := r.Management(t.Context(), `"meminfo"`)
	var free int
	if _, scan := fmt.Sscanf(reply, `"%d"`, &free); scan != nil || err != nil || free < 1000 || free > runnerHeap {
		t.Errorf("meminfo: %s, %v", reply, err)
	}
}

func TestTasksKeepTheirState(t *testing.T) {
	r := newTestRunner(t, RunnerConfig{})
	counting := "class WorkerTask:\n    def __init__(self): self.n = 0\n    def call(self):\n        self.n += 1\n        return {'n': self.n, 'x': [1.5, None, True, 'é']}\n"
	load(t, r, counting, quietManagement)
	for n := range 3 {
		want := fmt.Sprintf(`{"x": [1.5, null, true, "é"], "n": %d}`, n+1)
		got, err := r.Worker(t.Context())
		if err != nil || !sameJSON(got, want) {
			t.Errorf("run %d: %s, %v", n+1, got, err)
		}
	}
	load(t, r, counting, quietManagement) // a reboot
	if got, err := r.Worker(t.Context()); err != nil || !strings.Contains(got, `"n": 1`) {
		t.Errorf("after a reboot: %s, %v", got, err)
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}

func TestAppsFromBeforeOneRun(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	r := newTestRunner(t, RunnerConfig{Now: func() time.Time { return at }})
	load(t, r,
		"class worker_task:\n    def __init__(self, chronos): self.born = chronos.epoch()\n    def call(self, chronos): return [self.born, chronos.epoch()]\n",
		"class management_task:\n    def __init__(self, chronos): pass\n    def call(self, chronos, data): return [chronos.epoch(), data]\n")
	at = at.Add(time.Minute)
	if got, err := r.Worker(t.Context()); got != "[1700000000, 1700000060]" || err != nil {
		t.Errorf("worker: %s, %v", got, err)
	}
	if got, err := r.Management(t.Context(), `{"a": 1}`); got != `[1700000060, {"a": 1}]` || err != nil {
		t.Errorf("management: %s, %v", got, err)
	}
}

func TestFaultsAreReportedAsPythingsOSDoes(t *testing.T) {
	r := newTestRunner(t, RunnerConfig{})
	load(t, r, "class WorkerTask:\n    def call(self):\n        raise ValueError('boom')\n", "class ManagementTask:\n    def call(self, data):\n        return {1: object()}[data]\n")
	_, err := r.Worker(t.Context())
	var raised *Exception
	if !errors.As(err, &raised) {
		t.Fatalf("%v", err)
	}
	const want = "ValueError boom (Traceback (most recent call last):\n  File \"worker_task.py\", line 9, in call\nValueError: boom\n)"
	if got := raised.Report(); got != want { // line 3 of the source, and 6 of the prefix
		t.Errorf("reported %q\nwant     %q", got, want)
	}
	if _, err = r.Management(t.Context(), "2"); !errors.As(err, &raised) || raised.Class != "KeyError" {
		t.Errorf("management: %v", err)
	}
	if _, err = r.Management(t.Context(), "1"); !errors.As(err, &raised) || raised.Class != "TypeError" {
		t.Errorf("an answer that is not JSON: %v", err)
	}
}

func TestWhatCannotBeImportedIsSaid(t *testing.T) {
	r := newTestRunner(t, RunnerConfig{})
	err := r.Load(served("import nothing", quietManagement))
	var raised *Exception
	if !errors.As(err, &raised) || raised.Class != "ImportError" || !strings.Contains(err.Error(), `File "worker_task.py", line 7, in <module>`) {
		t.Errorf("import: %v", err)
	}
	if _, again := r.Worker(t.Context()); again == nil || again.Error() != raised.Error() {
		t.Errorf("worker: %v", again)
	}
	if _, err := r.Management(t.Context(), ""); err != nil {
		t.Errorf("the other task: %v", err)
	}
	err = r.Load(served("class Other: pass", "x = ("))
	for _, part := range []string{"AttributeError", "worker_task", "SyntaxError", "management_task"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("nothing of %s in: %v", part, err)
		}
	}
	err = r.Load(map[string]string{"worker_task.py": quietWorker})
	if err == nil || !strings.Contains(err.Error(), "no module named 'management_task'") || strings.Contains(err.Error(), "SyntaxError") {
		t.Errorf("without a file: %v", err)
	}
}

func TestShellLines(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := newTestRunner(t, RunnerConfig{Log: func(level, _ string) {
		if level == "CRITICAL" {
			cancel()
		}
	}})
	if got := r.Exec(t.Context(), "print(1)"); !strings.Contains(got, "off") {
		t.Errorf("before Load: %q", got)
	}
	load(t, r, quietWorker, quietManagement)
	for _, c := range [][2]string{
		{"print(1+1)", "2\n"},
		{"1+1", ""},
		{"x = 5\nfor i in range(3): print(i, end=' ')", "0 1 2 "},
		{"print(x)", "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\nNameError: name 'x' isn't defined\n"},
		{"print('a')\n1/0", "a\nTraceback (most recent call last):\n  File \"<string>\", line 2, in <module>\nZeroDivisionError: divide by zero\n"},
		{"import worker_task; print(worker_task.version)", "c1\n"},
		{"import logger; logger.warning('hot', 99)", "WARNING: hot 99\n"},
	} {
		if got := r.Exec(t.Context(), c[0]); got != c[1] {
			t.Errorf("%s: %q, want %q", c[0], got, c[1])
		}
	}
	if got := r.Exec(t.Context(), "for i in range(9999): print('0123456789')"); len(got) > mostOutput+100 || !strings.HasSuffix(got, "[more was printed]\n") {
		t.Errorf("%d bytes of output", len(got))
	}
	if got := r.Exec(ctx, "import logger; logger.critical('on')\nwhile True: pass"); got != "CRITICAL: on\nthe board stopped: context canceled\n" {
		t.Errorf("endless: %q", got)
	}
	if _, err := r.Worker(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("afterwards: %v", err)
	}
	load(t, r, quietWorker, quietManagement)
	if _, err := r.Worker(t.Context()); err != nil {
		t.Errorf("after a reboot: %v", err)
	}
}

func TestRebootsAreSaid(t *testing.T) {
	for _, source := range []string{"import machine\n        machine.reset()", "import hal\n        hal.reboot()", "import sys\n        sys.exit(0)"} {
		r := newTestRunner(t, RunnerConfig{})
		app := "class ManagementTask:\n    def call(self, data):\n        with open('/kept', 'w') as f: f.write('yes')\n        " + source + "\n"
		load(t, r, quietWorker, app)
		if _, err := r.Management(t.Context(), ""); !errors.Is(err, ErrReboot) {
			t.Errorf("%q: %v", source, err)
		}
		if _, err := r.Worker(t.Context()); !errors.Is(err, errOff) {
			t.Errorf("%q, then: %v", source, err)
		}
		load(t, r, "class WorkerTask:\n    def call(self): return open('/kept').read()\n", app)
		if got, err := r.Worker(t.Context()); got != `"yes"` || err != nil {
			t.Errorf("%q, after the reboot: %s, %v", source, got, err)
		}
	}
}

func TestLogLinesAndPrints(t *testing.T) {
	var lines []string
	var out strings.Builder
	r := newTestRunner(t, RunnerConfig{
		Log:   func(level, text string) { lines = append(lines, level+"|"+text) },
		Print: func(text string) { out.WriteString(text) },
	})
	load(t, r, "class WorkerTask:\n    def call(self):\n        print('p')\n        logger.debug('d')\n        logger.info('i', {'a': 1})\n        logger.critical('c')\n", quietManagement)
	if _, err := r.Worker(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(lines, []string{"INFO|i {'a': 1}", "CRITICAL|c"}) {
		t.Errorf("log %q", lines)
	}
	if out.String() != "p\nINFO: i {'a': 1}\nCRITICAL: c\n" {
		t.Errorf("printed %q", out.String())
	}
}

func TestFullMemoryInATaskIsAFault(t *testing.T) {
	r := newTestRunner(t, RunnerConfig{Memory: 256 << 10})
	load(t, r, "class WorkerTask:\n    def call(self):\n        l = []\n        while True: l.append([1, 2, 3])\n", quietManagement)
	for range 3 {
		_, err := r.Worker(t.Context())
		var raised *Exception
		if !errors.As(err, &raised) || raised.Class != "MemoryError" {
			t.Errorf("worker: %v", err)
		}
		if _, err := r.Management(t.Context(), ""); err != nil {
			t.Errorf("management: %v", err)
		}
	}
}

func TestThousandsOfCallsStayInMemory(t *testing.T) {
	r := newTestRunner(t, RunnerConfig{Memory: 256 << 10})
	load(t, r, "import machine\nclass WorkerTask:\n    def call(self):\n        return {'t': machine.ADC(0).read() * 1.5, 'text': 'x' * 1000}\n", "class ManagementTask:\n    def call(self, data): return 'Got \"%s\"' % data\n")
	calls := 3000
	if raceDetector {
		calls = 600
	}
	for range calls {
		if _, err := r.Worker(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Management(t.Context(), `"hello"`); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(r.vm.host.held); n > 1000 {
		t.Errorf("%d references to Go are held", n)
	}
}

func TestLightFollowsTheSun(t *testing.T) {
	day := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for at := range 24 * 60 {
		now := day.Add(time.Duration(at) * time.Minute)
		got := Daylight(now, 0)
		hour := now.Hour()
		if got < 0 || got > 1023 || hour == 12 && got < 300 || (hour < 5 || hour > 19) && got > 60 {
			t.Errorf("%s: %d", now.Format(time.TimeOnly), got)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	r := newTestRunner(b, RunnerConfig{})
	report := cpuTime(b)
	for b.Loop() {
		load(b, r, quietWorker, quietManagement)
	}
	report()
}

func BenchmarkWorker(b *testing.B) {
	r := newTestRunner(b, RunnerConfig{})
	load(b, r, "class WorkerTask:\n    def call(self):\n        import machine\n        return {'luminosity_au': machine.ADC(0).read()}\n", quietManagement)
	report := cpuTime(b)
	for b.Loop() {
		if _, err := r.Worker(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	report()
}
