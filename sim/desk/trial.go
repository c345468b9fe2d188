package desk

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/wire/agent"
)

// Types of a TrialEvent.
const (
	TrialState   = "state"
	TrialLog     = "log"
	TrialPrint   = "print"
	TrialValues  = "values"
	TrialMessage = "message"
	TrialPins    = "pins"
)

// States of a Trial.
const (
	TrialStarting = "starting"
	TrialRunning  = "running" // the app is imported
	TrialCrashed  = "crashed" // it failed, and the runtime may start it anew; or the board has stopped
	TrialStopped  = "stopped"
)

// TrialEvent is one thing that happened; of its members those of its type are set.
type TrialEvent struct {
	Type   string                 `json:"type"`
	State  string                 `json:"state,omitempty"`
	At     int64                  `json:"at,omitempty"` // ms since 1970
	Level  string                 `json:"level,omitempty"`
	Text   string                 `json:"text"`
	Detail string                 `json:"detail,omitempty"`
	Values map[string]roost.Value `json:"values,omitempty"`
	Data   roost.Value            `json:"data,omitempty"`
	Pins   map[int]int            `json:"pins,omitempty"`
	Pixels map[int][]string       `json:"pixels,omitempty"`
}

// TrialConfig says what is tried.
type TrialConfig struct {
	Files    map[string]string // of the app, by name
	Profile  string            // "full" (the default) or "lean"
	ESP8266  bool              // on one with a ROM
	Settings map[string]any    // of the thing, such as worker_interval
	Clock    *micropython.Clock
	// Event is told of all that happens, in order and one at a time. It must not wait.
	Event func(TrialEvent)
	Log   *slog.Logger // of the board's requests; nil: none
}

// Trial is an app on a board on a desk, with nothing else in reach. Close it.
type Trial struct {
	config TrialConfig
	server *Server
	done   chan struct{}
	parts  sync.WaitGroup

	running sync.Mutex // of Files and Close: one board at a time
	board   *Board

	mu    sync.Mutex // of events
	state string
	seen  struct {
		boot     string
		twice    bool // it has registered again: the app is imported
		pins     map[int]int
		pixels   map[int][]string
		watching pinned
	}
	lines printed
}

// pinned is what of a board is looked at.
type pinned interface {
	Pins() map[int]int
	Pixels(pin int) []byte
}

// look is how often pins are looked at.
const look = 200 * time.Millisecond

// NewTrial switches a board with the app on.
func NewTrial(c TrialConfig) (*Trial, error) {
	t := &Trial{config: c, done: make(chan struct{}), server: NewServer(ServerConfig{Clock: c.Clock, Log: c.Log})}
	if err := t.Files(c.Files); err != nil {
		t.Close()
		return nil, err
	}
	t.parts.Go(t.watch)
	return t, nil
}

// Close switches the board off. It is called once.
func (t *Trial) Close() {
	t.running.Lock()
	defer t.running.Unlock()
	close(t.done)
	t.parts.Wait()
	err := t.end()
	t.server.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
	}
	t.change(TrialStopped, text)
}

// end switches the board off; running is held. The error is why it had stopped by itself.
func (t *Trial) end() error {
	if t.board == nil {
		return nil
	}
	t.mu.Lock()
	t.seen.watching = nil // what comes now is on purpose
	t.mu.Unlock()
	t.board.Thing().Tell(nil)
	err := t.board.Stop()
	t.server.drop(t.board.thing)
	return err
}

// Files puts another app onto a blank board in place of this one and switches that on.
func (t *Trial) Files(files map[string]string) error {
	t.running.Lock()
	defer t.running.Unlock()
	select {
	case <-t.done: // nobody would switch off what is switched on now
		return roost.Errorf(roost.NotFound, "The trial has ended.")
	default:
	}
	for name := range files {
		if !agent.PlainName(name) {
			return roost.Errorf(roost.Invalid, "A file cannot be called %q.", name)
		}
	}
	inputs := map[int]int{}
	if t.board != nil {
		_ = t.end() // it is over, whatever it did
		inputs = t.board.inputs()
	}
	c := BoardConfig{Server: t.server, Profile: t.config.Profile, App: files, Print: t.print}
	if t.config.ESP8266 {
		c.ROM = micropython.NewROM(0, nil)
		c.Settings = map[string]any{"setup_at_start": false}
	}
	board, err := NewBoard(c)
	if err != nil {
		return err
	}
	for pin, value := range inputs {
		board.SetADC(pin, value)
	}
	t.board = board
	if t.config.Settings != nil {
		board.Thing().Set(t.config.Settings)
	}
	t.mu.Lock()
	t.lines = printed{}
	t.seen.boot, t.seen.twice, t.seen.pins, t.seen.pixels, t.seen.watching = "", false, nil, nil, board
	t.change(TrialStarting, "")
	t.mu.Unlock()
	board.Thing().Tell(t.told)
	board.Start()
	off := board.Off()
	t.parts.Go(func() { t.outlive(board, off) })
	return nil
}

// outlive tells of a board that stops by itself, which no program of the runtime's does:
// nobody would hear of it any more.
func (t *Trial) outlive(board *Board, off <-chan struct{}) {
	select {
	case <-off:
	case <-t.done:
		return
	}
	why := "The programs on the board have ended."
	if err := board.Stop(); err != nil {
		why = err.Error()
	}
	t.mu.Lock()
	byItself := t.seen.watching == pinned(board)
	if byItself {
		t.change(TrialCrashed, why)
	}
	t.mu.Unlock()
	if byItself {
		t.server.drop(board.thing)
	}
}

// Board is the one on which the app runs now.
func (t *Trial) Board() *Board {
	t.running.Lock()
	defer t.running.Unlock()
	return t.board
}

// Message sends the app a message and gives its answer. An answer that is not ok is an
// error of kind Conflict with the text; Unavailable: none came before ctx ended.
func (t *Trial) Message(ctx context.Context, data roost.Value) (roost.Value, error) {
	return t.ask(ctx, "message", json.RawMessage(data))
}

// Shell runs a line in the board's shell and gives what it printed. Errors as of Message.
func (t *Trial) Shell(ctx context.Context, line string) (string, error) {
	v, err := t.ask(ctx, "shell", line)
	return v.AsText(), err
}

func (t *Trial) ask(ctx context.Context, kind string, body any) (roost.Value, error) {
	ack, err := t.Board().Thing().Send(ctx, kind, body)
	if err != nil {
		return "", roost.Errorf(roost.Unavailable, "The board does not answer.")
	}
	if !ack.OK {
		return "", roost.Errorf(roost.Conflict, "%s", ack.Body.AsText())
	}
	return ack.Body, nil
}

// change is called with mu held.
func (t *Trial) change(state, text string) {
	if t.state == state && text == "" {
		return
	}
	t.state = state
	t.event(TrialEvent{Type: TrialState, State: state, Text: text})
}

func (t *Trial) event(e TrialEvent) {
	if t.config.Event != nil {
		t.config.Event(e)
	}
}

// crashed is how the runtime's log tells that an app failed.
var crashed = regexp.MustCompile(`^app \S+ failed: |^The app failed`)

// told turns what the board says into events.
func (t *Trial) told(x Told) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case x.Register != nil:
		if t.seen.boot == x.Register.Boot && !t.seen.twice {
			t.seen.twice = true
			if t.state == TrialStarting {
				t.change(TrialRunning, "")
			}
		}
		if t.seen.boot != x.Register.Boot {
			t.seen.boot, t.seen.twice = x.Register.Boot, false
		}
	case x.Entry != nil:
		t.entry(x.Entry)
	}
	t.pins()
}

func (t *Trial) entry(e *agent.Entry) {
	switch e.Kind {
	case agent.EntryValues:
		values := map[string]roost.Value{}
		pairs, _ := e.Values()
		for _, p := range pairs {
			values[p.Name] = p.Value
		}
		t.event(TrialEvent{Type: TrialValues, At: e.At, Values: values})
	case agent.EntryMessage:
		t.event(TrialEvent{Type: TrialMessage, At: e.At, Data: e.Body})
	case agent.EntryLog:
		level, text, detail, _ := e.Line()
		t.event(TrialEvent{Type: TrialLog, At: e.At, Level: level, Text: text, Detail: detail})
		if level == "error" && crashed.MatchString(text) {
			t.change(TrialCrashed, cmp.Or(detail, text))
		}
	}
}

// watch looks at the pins, which say nothing by themselves.
func (t *Trial) watch() {
	every := time.NewTicker(look)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			t.mu.Lock()
			t.pins()
			t.mu.Unlock()
		case <-t.done:
			return
		}
	}
}

// pins tells of pins and NeoPixels that have changed; mu is held.
func (t *Trial) pins() {
	if t.seen.watching == nil {
		return
	}
	pins, pixels := t.seen.watching.Pins(), map[int][]string{}
	for pin := range 64 {
		if shown := colours(t.seen.watching.Pixels(pin)); shown != nil {
			pixels[pin] = shown
		}
	}
	if maps.Equal(pins, t.seen.pins) && maps.EqualFunc(pixels, t.seen.pixels, slices.Equal[[]string]) {
		return
	}
	t.seen.pins, t.seen.pixels = pins, pixels
	t.event(TrialEvent{Type: TrialPins, Pins: maps.Clone(pins), Pixels: pixels})
}

// colours gives each NeoPixel's in hex.
func colours(shown []byte) (all []string) {
	for ; len(shown) >= 3; shown = shown[3:] {
		all = append(all, hex.EncodeToString(shown[:3]))
	}
	return all
}

// print tells of what the app itself prints.
func (t *Trial) print(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, line := range t.lines.add(text) {
		t.event(TrialEvent{Type: TrialPrint, Text: line})
	}
}

// inputs are those that were set.
func (b *Board) inputs() map[int]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.adc)
}

// String is an event as a line for people.
func (e TrialEvent) String() string {
	switch e.Type {
	case TrialState:
		return strings.TrimSpace(e.State + " " + e.Text)
	case TrialLog:
		return strings.TrimRight(e.Level+": "+e.Text+"\n"+e.Detail, "\n")
	case TrialPrint:
		return e.Text
	case TrialMessage:
		return "sends " + string(e.Data)
	case TrialValues:
		b, _ := json.Marshal(e.Values)
		return "reports " + string(b)
	}
	b, _ := json.Marshal(e.Pixels)
	return fmt.Sprintf("pins %v, pixels %s", e.Pins, b)
}

// Inputs gives analogue inputs values, 0 to 1023; other files keep them.
func (t *Trial) Inputs(adc map[int]int) {
	board := t.Board()
	for pin, value := range adc {
		board.SetADC(pin, value)
	}
}
