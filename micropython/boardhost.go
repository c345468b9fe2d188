package micropython

import (
	"context"
	"embed"
	"maps"
	"math"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed py/board/*.py
var ownFiles embed.FS

// wholeModules are the modules that every Board has beside MicroPython's.
var wholeModules = sync.OnceValue(func() map[string]string {
	modules := map[string]string{}
	for _, name := range []string{"machine", "time"} {
		modules[name] = boardModules()[name]
	}
	entries, _ := ownFiles.ReadDir("py/board")
	for _, e := range entries {
		source, _ := ownFiles.ReadFile("py/board/" + e.Name())
		modules[strings.TrimSuffix(e.Name(), path.Ext(e.Name()))] = string(source)
	}
	return modules
})

func (b *Board) modules() map[string]string {
	modules := maps.Clone(wholeModules())
	maps.Copy(modules, b.config.Modules)
	return modules
}

// functions are what the board's Python modules ask of Go.
func (b *Board) functions() map[string]Func {
	functions := map[string]Func{
		"heap":        func(context.Context, []any) (any, error) { return b.config.Heap, nil },
		"reboot":      func(context.Context, []any) (any, error) { return nil, ErrReboot },
		"soft_reboot": func(context.Context, []any) (any, error) { return nil, errSoftReboot },
		"reset_cause": func(context.Context, []any) (any, error) { return b.cause, nil },
		"unique_id":   func(context.Context, []any) (any, error) { return "726f6f737400", nil },
		"sleep":       b.sleep,
	}
	maps.Copy(functions, b.config.Host)
	return functions
}

// sleep waits milliseconds: true when a Ctrl-C ended it.
func (b *Board) sleep(ctx context.Context, args []any) (any, error) {
	ms, _ := args[0].(float64)
	timer := time.NewTimer(time.Duration(min(ms, math.MaxInt32) * float64(time.Millisecond)))
	defer timer.Stop()
	var came chan struct{}
	if b.serial != nil {
		came = b.serial.came
	}
	for {
		if b.vm.interrupted(ctx) {
			return true, nil
		}
		select {
		case <-timer.C:
			return nil, nil
		case <-came:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
