package micropython

import (
	"context"
	"math"
	"time"
)

// functions are what a played board's Python modules ask of Go.
func (r *Runner) functions() map[string]Func {
	return map[string]Func{
		"heap":        func(context.Context, []any) (any, error) { return r.config.Heap, nil },
		"epoch":       func(context.Context, []any) (any, error) { return float64(r.config.Now().Unix()), nil },
		"reboot":      func(context.Context, []any) (any, error) { return nil, ErrReboot },
		"soft_reboot": func(context.Context, []any) (any, error) { return nil, ErrReboot },
		"reset_cause": func(context.Context, []any) (any, error) { return causePower, nil },
		"unique_id":   func(context.Context, []any) (any, error) { return "726f6f737400", nil },
		"wdt_feed":    func(context.Context, []any) (any, error) { return nil, nil },
		"sleep":       sleep,
		"log":         r.log,
		"adc": func(_ context.Context, args []any) (any, error) {
			return Daylight(r.config.Now(), number(args, 0)), nil
		},
		"pin_read": func(_ context.Context, args []any) (any, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.pins[number(args, 0)], nil
		},
		"pin_write": func(_ context.Context, args []any) (any, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if pin := number(args, 0); pin >= 0 && pin < 64 {
				r.pins[pin] = number(args, 1)
			}
			return nil, nil
		},
	}
}

func (r *Runner) log(_ context.Context, args []any) (any, error) {
	if r.config.Log == nil || len(args) != 2 {
		return nil, nil
	}
	level, _ := args[0].(string)
	text, _ := args[1].(string)
	r.config.Log(level, text)
	return nil, nil
}

// sleep waits milliseconds, or until the board is stopped.
func sleep(ctx context.Context, args []any) (any, error) {
	ms, _ := args[0].(float64)
	timer := time.NewTimer(time.Duration(min(ms, math.MaxInt32) * float64(time.Millisecond)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func number(args []any, i int) int {
	if i >= len(args) {
		return 0
	}
	switch n := args[i].(type) {
	case int:
		return n
	case float64:
		return int(n)
	case bool:
		if n {
			return 1
		}
	}
	return 0
}

// Daylight is what a photoresistor on pin would read, 0 to 1023: dark at night,
// bright at noon of the clock's zone, with clouds that take minutes to pass.
func Daylight(now time.Time, pin int) int {
	hour := float64(now.Hour()) + float64(now.Minute())/60 + float64(now.Second())/3600
	sun := max(0, math.Sin(math.Pi*(hour-6)/12))
	seconds := float64(now.Unix()%86400) + 100*float64(pin)
	clouds := 0.5 + 0.3*math.Sin(seconds/71) + 0.2*math.Sin(seconds/13)
	return min(int(30+20*clouds+900*sun*(0.6+0.4*clouds)), 1023)
}
