package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/micropython"
)

// Check says how Try tries an app.
type Check struct {
	Files   map[string]string
	Profile string           // "" is full
	ESP8266 bool             // on one with a ROM; the verdict says what it holds of its heap
	For     time.Duration    // how long it has to run, of the board's time; 0: 10 s
	Event   func(TrialEvent) // all that happens; nil: nobody is told
	Stuck   time.Duration    // how long it may take, of real time, before it is called stuck; 0: a minute
	Inputs  map[int]int      // of analogue inputs, 0 to 1023
	Message *roost.Value     // is sent to it in the midst of it; nil: none
}

// Verdict is what came of it.
type Verdict struct {
	Healthy  bool                   `json:"healthy"`
	Fault    string                 `json:"fault,omitempty"` // why not: a traceback, or FILE:LINE: text
	Seconds  float64                `json:"seconds"`         // of the board's time that it ran
	Values   map[string]roost.Value `json:"values,omitempty"`
	Messages []roost.Value          `json:"messages,omitempty"`
	Log      []string               `json:"log,omitempty"`
	Worker   bool                   `json:"worker"` // a worker task was called
	Answer   roost.Value            `json:"answer,omitempty"`
	Held     int                    `json:"held,omitempty"` // of an ESP8266's heap, at most and with the runtime, while it waited; bytes
}

// stuckText is what is said of an app that gives nothing else a turn.
const stuckText = "The app is stuck: it computes and never waits, so the board does nothing else. Put await asyncio.sleep_ms(…) into its loops."

// tooLarge is what is said of an app that does not fit on an ESP8266.
const tooLarge = "It does not fit on an ESP8266: with the runtime it holds %s kB of memory, and there are %s."

func kB(bytes int) string { return strconv.FormatFloat(float64(bytes)/1024, 'f', 1, 64) }

// Room tells how much of an ESP8266's heap is left, in words.
func (v Verdict) Room() string {
	return fmt.Sprintf("On an ESP8266 %s of %s kB of memory are left while it waits.", kB(max(0, micropython.ESP8266Heap-v.Held)), kB(micropython.ESP8266Heap))
}

// Try runs an app on a virtual board, in as little time as it can, and says whether it is
// healthy: it compiles, is imported, and runs without a fault; a worker task is called at
// least once. The error says that this could not be found out.
func Try(ctx context.Context, c Check) (Verdict, error) {
	c.For, c.Stuck = cmp.Or(c.For, 10*time.Second), cmp.Or(c.Stuck, time.Minute)
	if fault, err := compiles(ctx, c.Files); fault != "" || err != nil {
		return Verdict{Fault: fault}, err
	}
	clock := micropython.NewClock(time.Now())
	w := &witness{event: c.Event, changed: make(chan struct{}, 1), verdict: Verdict{Values: map[string]roost.Value{}}}
	t, err := NewTrial(TrialConfig{
		Files: c.Files, Profile: c.Profile, ESP8266: c.ESP8266, Clock: clock, Event: w.see,
		Settings: map[string]any{"worker_interval": 5, "management_interval": 5},
	})
	if err != nil {
		return Verdict{}, err
	}
	defer t.Close()
	for pin, value := range c.Inputs {
		t.Board().SetADC(pin, value)
	}
	limit, cancel := context.WithTimeout(ctx, c.Stuck)
	defer cancel()
	err = w.run(limit, t, clock, c)
	v := w.told()
	v.Worker = t.Board().Thing().View().Parts["worker"]
	_, most := t.Board().Held()
	v.Held = max(0, most-micropython.ESP8266StandIns)
	switch {
	case err != nil && ctx.Err() != nil:
		return v, ctx.Err()
	case v.Fault != "":
	case errors.Is(err, context.DeadlineExceeded):
		v.Fault = stuckText
	case err != nil:
		v.Fault = err.Error()
	}
	if v.Fault == "" && v.Held > micropython.ESP8266Heap {
		v.Fault = fmt.Sprintf(tooLarge, kB(v.Held), kB(micropython.ESP8266Heap))
	}
	v.Healthy = v.Fault == ""
	return v, nil
}

// compiles gives FILE:LINE: why for all Python files that do not compile, a line each.
func compiles(ctx context.Context, files map[string]string) (fault string, err error) {
	compiler, err := micropython.NewCompiler(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, compiler.Close()) }()
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".py") {
			continue
		}
		line, _, text, err := compiler.Check(ctx, name, []byte(files[name]))
		if err != nil {
			return "", fmt.Errorf("check %s: %w", name, err)
		}
		if text != "" {
			faults = append(faults, fmt.Sprintf("%s:%d: %s", name, line, text))
		}
	}
	return strings.Join(faults, "\n"), nil
}

// witness keeps what happens to an app.
type witness struct {
	event   func(TrialEvent)
	changed chan struct{}

	mu      sync.Mutex
	state   string
	verdict Verdict
}

func (w *witness) see(e TrialEvent) {
	if w.event != nil {
		w.event(e)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	v := &w.verdict
	switch e.Type {
	case TrialState:
		w.state = e.State
		if e.State == TrialCrashed && v.Fault == "" {
			v.Fault = strings.TrimRight(e.Text, "\n")
		}
	case TrialLog:
		v.Log = append(v.Log, e.Level+" "+e.Text)
	case TrialMessage:
		v.Messages = append(v.Messages, e.Data)
	case TrialValues:
		maps.Copy(v.Values, e.Values)
	}
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *witness) told() Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.verdict
}

// run waits until the app has run long enough, or has failed.
func (w *witness) run(ctx context.Context, t *Trial, clock *micropython.Clock, c Check) error {
	thing := t.Board().Thing()
	if _, err := thing.Wait(ctx, "the app's import", func(View) bool { return w.is(TrialRunning, TrialCrashed) }); err != nil {
		return err
	}
	t.Board().ForgetHeld()
	began := clock.Now()
	over := make(chan struct{})
	stop := clock.At(began.Add(c.For), func() { close(over) })
	defer stop()
	if c.Message != nil {
		answer, err := t.Message(ctx, *c.Message)
		if err != nil {
			return err
		}
		w.mu.Lock()
		w.verdict.Answer = answer
		w.mu.Unlock()
	}
	err := w.until(ctx, over)
	if err == nil && w.told().Fault == "" { // what it said last is under way
		_, err = thing.Wait(ctx, "the last words", func(v View) bool { return !w.worker(c) || v.Parts["worker"] || w.is(TrialCrashed) })
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.verdict.Seconds = clock.Now().Sub(began).Seconds()
	return err
}

// is tells whether the app is in one of these states.
func (w *witness) is(states ...string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(states, w.state)
}

// until waits for the end of the time, or for a fault.
func (w *witness) until(ctx context.Context, over <-chan struct{}) error {
	for !w.is(TrialCrashed) {
		select {
		case <-over:
			return nil
		case <-w.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// worker tells that the app has a worker task.
func (w *witness) worker(c Check) bool {
	_, has := c.Files["worker_task.py"]
	return has
}
