package web

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
)

// playedTrial is a trial without a board: it says what it is told.
type playedTrial struct {
	event func(desk.TrialEvent)
	once  sync.Once
}

func playTrial(files map[string]string, event func(desk.TrialEvent)) (Trial, error) {
	if _, ok := files["none.py"]; ok {
		return nil, micropython.ErrUnavailable
	}
	event(desk.TrialEvent{Type: desk.TrialState, State: desk.TrialStarting})
	return &playedTrial{event: event}, nil
}

func (p *playedTrial) Message(_ context.Context, data roost.Value) (roost.Value, error) {
	return data, nil
}

func (p *playedTrial) Shell(_ context.Context, line string) (string, error) {
	p.event(desk.TrialEvent{Type: desk.TrialPrint, Text: line})
	return line, nil
}
func (p *playedTrial) Files(map[string]string) error { return nil }
func (p *playedTrial) Inputs(map[int]int)            {}
func (p *playedTrial) Close() {
	p.once.Do(func() { p.event(desk.TrialEvent{Type: desk.TrialState, State: desk.TrialStopped}) })
}

// watched is a trial's stream of events, read by a browser that takes gzip.
type watched struct {
	t     *testing.T
	res   *http.Response
	lines *bufio.Scanner
}

func (b *browser) watch(t *testing.T, id, after string) *watched {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", b.url+apiRoot+"/trials/"+id+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	res, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Content-Encoding") != "" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	return &watched{t: t, res: res, lines: bufio.NewScanner(res.Body)}
}

// next gives the next event; nil at the end.
func (w *watched) next() *desk.TrialEvent {
	w.t.Helper()
	for w.lines.Scan() {
		if text, ok := strings.CutPrefix(w.lines.Text(), "data: "); ok {
			var e desk.TrialEvent
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				w.t.Fatal(err)
			}
			return &e
		}
	}
	return nil
}

// until waits for an event.
func (w *watched) until(is func(desk.TrialEvent) bool) desk.TrialEvent {
	w.t.Helper()
	var seen []string
	for e := w.next(); e != nil; e = w.next() {
		if is(*e) {
			return *e
		}
		seen = append(seen, e.Type+" "+e.String())
	}
	w.t.Fatalf("it did not come; seen: %q", seen)
	return desk.TrialEvent{}
}

func TestATrialIsWatched(t *testing.T) {
	h := open(t)
	ada := h.owner()
	id := ada.want(201, "POST", "/trials", map[string]any{"files": map[string]string{"app.py": "x"}})["id"].(string)
	w := ada.watch(t, id, "")
	if e := w.next(); e == nil || e.State != desk.TrialStarting {
		t.Fatalf("began with %+v", e)
	}
	ada.want(200, "POST", "/trials/"+id+"/shell", map[string]any{"line": "one"})
	if e := w.next(); e == nil || e.Text != "one" { // it came at once, not when the answer ended
		t.Fatalf("then %+v", e)
	}
	late := ada.watch(t, id, "1")
	if e := late.next(); e == nil || e.Text != "one" {
		t.Errorf("after event 1 came %+v", e)
	}
	ada.want(204, "DELETE", "/trials/"+id, nil)
	for _, x := range []*watched{w, late} {
		if e := x.next(); e == nil || e.State != desk.TrialStopped || x.next() != nil {
			t.Errorf("ended with %+v", e)
		}
	}
	ada.want(404, "DELETE", "/trials/"+id, nil)
	ada.want(404, "GET", "/trials/"+id+"/events", nil)
}

func TestTrialsAreBounded(t *testing.T) {
	h := open(t)
	ada := h.owner()
	files := map[string]any{"files": map[string]string{"app.py": "x"}}
	var last string
	for range mostTrials {
		last = ada.want(201, "POST", "/trials", files)["id"].(string)
	}
	full := ada.want(429, "POST", "/trials", files)
	if said := full["detail"].(string); !strings.Contains(said, "5 of those that run now are yours") || !strings.Contains(said, "within 15 min") {
		t.Errorf("full: %s", said)
	}
	ada.want(204, "DELETE", "/trials/"+last, nil)
	ada.want(503, "POST", "/trials", map[string]any{"files": map[string]string{"none.py": "x"}})
	ada.want(201, "POST", "/trials", files)
	ada.want(422, "POST", "/trials", map[string]any{"files": map[string]string{}})
	h.as(ada, "viewer").want(403, "POST", "/trials", files)
	w := ada.watch(t, ada.anyTrial(h), "")
	h.server.Close() // ends them, and who watches
	w.until(func(e desk.TrialEvent) bool { return e.State == desk.TrialStopped })
	ada.want(503, "POST", "/trials", files)
}

func (b *browser) anyTrial(h *house) string {
	h.server.trials.mu.Lock()
	defer h.server.trials.mu.Unlock()
	for id := range h.server.trials.by {
		return id
	}
	return ""
}

// An app that is tried runs on the real MicroPython, answers, and is replaced.
func TestAnAppIsTriedOnABoard(t *testing.T) {
	if !micropython.Available() {
		t.Skip("MicroPython is not built in: make vm, then go test -tags vm (make test does both)")
	}
	release, err := micropython.Keep(t.Context()) // a slow machine may take longer for it than anybody waits for an answer
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	h := open(t, func(c *Config) { c.TryApp = nil })
	ada := h.owner()
	app := "import asyncio, machine, platform\nprint('hello')\nplatform.on_message(lambda m: m + 1)\nled = machine.Pin(2, machine.Pin.OUT)\n" +
		"async def run():\n    led.on()\n    while True:\n        platform.report(light=machine.ADC(0).read())\n        platform.send({'here': 1})\n        await asyncio.sleep_ms(100)\n"
	id := ada.want(201, "POST", "/trials", map[string]any{"files": map[string]string{"app.py": app}})["id"].(string)
	w := ada.watch(t, id, "")
	w.until(func(e desk.TrialEvent) bool { return e.Type == desk.TrialPrint && e.Text == "hello" })
	w.until(func(e desk.TrialEvent) bool { return e.State == desk.TrialRunning })
	w.until(func(e desk.TrialEvent) bool { return e.Type == desk.TrialMessage })
	if v := ada.want(200, "POST", "/trials/"+id+"/message", map[string]any{"data": 41})["answer"]; v != 42.0 {
		t.Errorf("answered %v", v)
	}
	if v := ada.want(200, "POST", "/trials/"+id+"/shell", map[string]any{"line": "6*7"})["output"]; strings.TrimSpace(v.(string)) != "42" {
		t.Errorf("printed %q", v)
	}
	ada.want(204, "POST", "/trials/"+id+"/inputs", map[string]any{"adc": map[string]int{"0": 777}})
	ada.want(422, "POST", "/trials/"+id+"/inputs", map[string]any{"adc": map[string]int{"0": 7777}})
	ada.want(204, "POST", "/trials/"+id+"/files", map[string]any{"files": map[string]string{"app.py": "import asyncio\nasync def run():\n    1 // 0\n"}})
	if e := w.until(func(e desk.TrialEvent) bool { return e.State == desk.TrialCrashed }); !strings.Contains(e.Text, "ZeroDivisionError") {
		t.Errorf("crashed: %+v", e)
	}
	ada.want(204, "DELETE", "/trials/"+id, nil)
}

// A stream that nobody reads ends; so does, later, the trial whose last reader has gone.
func TestReadersOfATrialComeAndGo(t *testing.T) {
	h := open(t)
	ada := h.owner()
	id := ada.want(201, "POST", "/trials", map[string]any{"files": map[string]string{"app.py": "x"}})["id"].(string)
	tried, err := h.server.trials.of(id)
	if err != nil {
		t.Fatal(err)
	}
	readers := func() int { tried.mu.Lock(); defer tried.mu.Unlock(); return tried.readers }
	w := ada.watch(t, id, "")
	w.next()
	if n := readers(); n != 1 {
		t.Errorf("%d readers", n)
	}
	_ = w.res.Body.Close()
	eventually(t, "the reader is seen to be gone", func() bool { return readers() == 0 })
	again := ada.watch(t, id, "")
	again.next()
	tried.mu.Lock()
	tried.ends = time.Now()
	tried.mu.Unlock()
	last := ada.watch(t, id, "") // who comes sees to it that it ends at its time
	for e := last.next(); e != nil; e = last.next() {
	}
	ada.want(404, "DELETE", "/trials/"+id, nil)
}
