package micropython

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"strings"
	"sync"
	"time"
)

// RunnerConfig is a board that runs Pythings apps; its zero value works.
type RunnerConfig struct {
	Flash  *Flash                   // nil: an empty one
	Memory int                      // bytes that Python may have; 0: 8 MB
	Heap   int                      // what gc.mem_free() starts from; 0: 36 kB, as an ESP8266 has
	Now    func() time.Time         // its clock; nil: time.Now
	Print  func(text string)        // standard output; nil: dropped
	Log    func(level, text string) // lines of logger, "INFO" and such; nil: dropped
}

// Runner runs the app of one Pythings device on a real MicroPython. Its tasks
// keep their state from call to call. One goroutine uses it at a time, but
// for Pins.
type Runner struct {
	config  RunnerConfig
	vm      *VM
	holds   bool             // the engine
	app     []string         // names of the files that Load put on the flash
	capture *strings.Builder // while a shell line runs

	mu   sync.Mutex
	pins map[int]int
}

const runnerHeap = 36 << 10

//go:embed py/*.py
var boardFiles embed.FS

// boardModules are the modules that every board has beside MicroPython's.
var boardModules = sync.OnceValue(func() map[string]string {
	modules := map[string]string{}
	entries, _ := boardFiles.ReadDir("py")
	for _, e := range entries {
		source, _ := boardFiles.ReadFile("py/" + e.Name())
		modules[strings.TrimSuffix(e.Name(), path.Ext(e.Name()))] = string(source)
	}
	return modules
})

// NewRunner gives a board that is off until Load. ErrUnavailable without
// MicroPython in the build.
func NewRunner(config RunnerConfig) (*Runner, error) {
	if !Available() {
		return nil, ErrUnavailable
	}
	if config.Flash == nil {
		config.Flash = NewFlash(nil)
	}
	if config.Heap == 0 {
		config.Heap = runnerHeap
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Runner{config: config, pins: map[int]int{}}, nil
}

// loadTime bounds the start of an app; its import may loop.
const loadTime = 30 * time.Second

// Load switches the board off and on with these app files on its flash, by
// name as they were served. An *Exception, or two that are joined, says which
// task cannot be imported; the board runs then, and calls of that task answer
// the same.
func (r *Runner) Load(files map[string]string) error {
	r.off()
	r.store(files)
	if !r.holds { // a reboot is not to compile MicroPython again
		if err := vmEngine.hold(context.Background()); err != nil {
			return err
		}
		r.holds = true
	}
	vm, err := NewVM(context.Background(), VMConfig{
		Flash: r.config.Flash, Memory: r.config.Memory, Now: r.config.Now,
		Print: r.print, Modules: boardModules(), Host: r.functions(),
	})
	if err != nil {
		return err
	}
	r.vm = vm
	ctx, cancel := context.WithTimeout(context.Background(), loadTime)
	defer cancel()
	if err := vm.Exec(ctx, "import _board"); err != nil {
		return err
	}
	return errors.Join(r.load(ctx, "worker_task", "WorkerTask"), r.load(ctx, "management_task", "ManagementTask"))
}

// store replaces the files of the app before.
func (r *Runner) store(files map[string]string) {
	for _, name := range r.app {
		r.config.Flash.RemoveFile(name)
	}
	r.app = r.app[:0]
	for name, text := range files {
		r.config.Flash.WriteFile(name, []byte(text))
		r.app = append(r.app, name)
	}
}

func (r *Runner) load(ctx context.Context, task, class string) error {
	_, err := r.call(ctx, "load", task, class)
	return err
}

// Worker calls the worker task. The answer is JSON, "" for None. The error is
// an *Exception; or ErrReboot, or ctx's when it took too long: then the board
// is off until Load.
func (r *Runner) Worker(ctx context.Context) (string, error) { return r.call(ctx, "worker") }

// Management calls the management task with a message, or with None for "".
func (r *Runner) Management(ctx context.Context, message string) (string, error) {
	return r.call(ctx, "management", message)
}

// call calls a function of _board.py: it answers with nothing, with "J" and
// JSON, with "E", the class of an exception, 4 and the traceback, or with "M"
// for an exception that it had no memory to describe.
func (r *Runner) call(ctx context.Context, function string, args ...any) (string, error) {
	if r.vm == nil {
		return "", errOff
	}
	answer, err := r.vm.Call(ctx, function, args...)
	if err == nil && answer == "M" {
		answer, err = r.vm.Call(ctx, "explain")
	}
	if err != nil {
		return "", r.ended(err)
	}
	text, _ := answer.(string)
	if raised, ok := strings.CutPrefix(text, "E"); ok {
		class, trace, _ := strings.Cut(raised, "\x04")
		return "", &Exception{Class: class, Traceback: trace}
	}
	text = strings.TrimPrefix(text, "J")
	if text != "" && !json.Valid([]byte(text)) {
		return "", &Exception{Class: "TypeError", Traceback: fmt.Sprintf("TypeError: the answer is not JSON: %.200s\n", text)}
	}
	return text, nil
}

// ended gives ErrReboot plain: exit() and a reboot are the same to a device.
func (r *Runner) ended(err error) error {
	var raised *Exception
	if errors.Is(err, ErrReboot) || errors.As(err, &raised) && raised.Class == "SystemExit" {
		r.off()
		return ErrReboot
	}
	return err
}

// mostOutput bounds what a shell line may print.
const mostOutput = 16 << 10

// Exec runs a line of the remote shell: what it prints, with the traceback if
// it raises. Names do not persist from one to the next.
func (r *Runner) Exec(ctx context.Context, source string) (output string) {
	if r.vm == nil {
		return errOff.Error() + "\n"
	}
	r.capture = &strings.Builder{}
	_, err := r.call(ctx, "shell", source)
	output = r.capture.String()
	r.capture = nil
	if len(output) > mostOutput {
		output = strings.ToValidUTF8(output[:mostOutput], "") + "\n[more was printed]\n"
	}
	if err != nil {
		output += err.Error() + "\n"
	}
	return output
}

func (r *Runner) print(text string) {
	switch {
	case r.capture == nil && r.config.Print != nil:
		r.config.Print(text)
	case r.capture != nil && r.capture.Len() <= mostOutput:
		r.capture.WriteString(text)
	}
}

// Pins gives the state of all pins that the app wrote: 0 or 1, or the duty of
// a PWM, 0 to 1023.
func (r *Runner) Pins() map[int]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.pins)
}

// Close switches the board off and frees it; its flash stays.
func (r *Runner) Close() {
	r.off()
	if r.holds {
		vmEngine.drop()
		r.holds = false
	}
}

func (r *Runner) off() {
	if r.vm != nil {
		r.vm.Close()
		r.vm = nil
	}
	r.mu.Lock()
	clear(r.pins)
	r.mu.Unlock()
}
