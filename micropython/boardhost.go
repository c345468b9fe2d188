package micropython

import (
	"context"
	"embed"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed py/board/*.py py/rom/*.py
var ownFiles embed.FS

// wholeModules are the modules that every Board has beside MicroPython's.
var wholeModules = sync.OnceValue(func() map[string]string {
	modules := map[string]string{}
	for _, name := range []string{"machine", "time"} {
		modules[name] = boardModules()[name]
	}
	maps.Copy(modules, modulesIn("py/board"))
	return modules
})

// romModules are those of a Board with a ROM.
var romModules = sync.OnceValue(func() map[string]string { return modulesIn("py/rom") })

func modulesIn(folder string) map[string]string {
	modules := map[string]string{}
	entries, _ := ownFiles.ReadDir(folder)
	for _, e := range entries {
		source, _ := ownFiles.ReadFile(folder + "/" + e.Name())
		modules[strings.TrimSuffix(e.Name(), path.Ext(e.Name()))] = string(source)
	}
	return modules
}

func (b *Board) modules() map[string]string {
	modules := maps.Clone(wholeModules())
	if b.config.ROM != nil {
		maps.Copy(modules, romModules())
	}
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
		"unique_id":   func(context.Context, []any) (any, error) { return b.config.ID, nil },
		"adc":         func(_ context.Context, args []any) (any, error) { return b.config.ADC(number(args, 0)), nil },
		"wdt_feed":    b.watchdog.feed,
		"sleep":       b.sleep,
		"wait":        b.wait,
		"pin_read":    b.readPin,
		"pin_write":   b.writePin,
		"pixels":      b.showPixels,
	}
	maps.Copy(functions, b.sockets.functions())
	maps.Copy(functions, b.config.WiFi.functions(b))
	maps.Copy(functions, cryptoFunctions)
	if b.config.ROM != nil {
		maps.Copy(functions, b.romFunctions())
	}
	maps.Copy(functions, b.config.Host)
	return functions
}

const mostPins = 64

func (b *Board) readPin(_ context.Context, args []any) (any, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pins[number(args, 0)], nil
}

func (b *Board) writePin(_ context.Context, args []any) (any, error) {
	b.SetPin(number(args, 0), number(args, 1))
	return nil, nil
}

// showPixels is pixels(pin, address, length): red, green and blue of each, and
// white if it has that.
func (b *Board) showPixels(ctx context.Context, args []any) (any, error) {
	v := ctx.Value(instanceKey{}).(*VM)
	shown, ok := v.module.Memory().Read(uint32(number(args, 1)), uint32(number(args, 2)))
	if pin := number(args, 0); ok && pin >= 0 && pin < mostPins {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.pixels[pin] = slices.Clone(shown)
	}
	return nil, nil
}

// Pins gives the state of all pins that were set: 0 or 1, or the duty of a
// PWM, 0 to 1023. A reset clears them. Like Pixels and SetPin it may be called
// while the board runs.
func (b *Board) Pins() map[int]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.pins)
}

// SetPin gives a pin a value from outside, as a button does.
func (b *Board) SetPin(pin, value int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if pin >= 0 && pin < mostPins {
		b.pins[pin] = value
	}
}

// Pixels gives what the NeoPixels on a pin were last told to show: a byte of
// red, green and blue for each, and of white if they have four colours.
func (b *Board) Pixels(pin int) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.pixels[pin])
}
