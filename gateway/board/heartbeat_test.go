package board_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/board"
	"github.com/roost-iot/roost/internal/roomtest"
)

func (h *house) register(body object) object {
	h.t.Helper()
	all := object{"device_id": id, "mac": mac, "app_type": "meter", "device_type": "pico_w", "firmware": "1.2.0", "ip": "10.0.0.7", "version": "7"}
	for k, v := range body {
		all[k] = v
	}
	return h.ok("/iot/register", all)
}

func (h *house) values() map[string]string {
	h.t.Helper()
	_, rs, _ := h.rooms.Registry.Get(ref)
	all := map[string]string{}
	for _, r := range rs {
		all[r.Name] = string(r.Value)
	}
	return all
}

func TestRegisteredBoardIsKnown(t *testing.T) {
	h, app := meterHouse(t, plan{})
	h.boot(meter)
	a := h.register(object{"meta": object{"name": "Barn", "leds": 12}})
	if a["ok"] != true || a["heartbeat_ms"] != 300000.0 {
		t.Errorf("answer %v", a)
	}
	h.register(nil) // without meta: what was said stays
	if name := h.values()["name"]; name != `"Barn"` {
		t.Errorf("it calls itself %s", name)
	}
	check := func() {
		t.Helper()
		b, ok := h.door.Board(ref)
		want := roost.Board{
			Ref: ref, MAC: "28cdc1010203", AppType: "meter", DeviceType: "pico_w", Firmware: "1.2.0", Version: "7", IP: "10.0.0.7",
			Meta: `{"leds":12,"name":"Barn"}`,
		}
		got := b
		got.Files, got.Booted = nil, time.Time{}
		if !ok || fmt.Sprint(got) != fmt.Sprint(want) || len(b.Files) != 3 || b.Booted.IsZero() {
			t.Errorf("board %+v, %v", b, ok)
		}
	}
	check()
	h = h.again(plan{})
	check()
	if run, ok := h.releases.CurrentRun(ref); !ok || run.App != app.ID || run.Version != h.commits(app)[0].ID {
		t.Errorf("run %+v, %v", run, ok)
	}
	if said := h.log(); !strings.Contains(said, "booted: its files are right") || !strings.Contains(said, "registered: firmware 1.2.0") {
		t.Errorf("log %q", said)
	}
}

func TestTelemetryBecomesResources(t *testing.T) {
	h, _ := meterHouse(t, plan{})
	h.boot(meter)
	a := h.beat(object{"distance_mm": 120.5, "ok": true, "name": "Bärn", "list": []int{1, 2}, "none": nil, "": 1, strings.Repeat("n", 65): 1})
	if epoch, _ := a["epoch"].(float64); a["ok"] != true || epoch < 1.7e9 || len(a) != 2 {
		t.Errorf("answer %v", a)
	}
	want := map[string]string{
		"distance_mm": "120.5", "ok": "true", "name": `"Bärn"`, "list": "[1,2]", "uptime_ms": "1000", "free_mem": "90000", "rssi": "-61",
	}
	if got := h.values(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("values %v, want %v", got, want)
	}
	h.beat(object{"led": 1})
	if _, rs, _ := h.rooms.Registry.Get(ref); slices.ContainsFunc(rs, func(r roost.Resource) bool { return r.Writable }) {
		t.Errorf("a board is offered to be written to: %+v", rs)
	}
	h.beat(object{"rssi": "weak"})
	if got := h.values()["rssi"]; got != `"weak"` {
		t.Errorf("the app's own rssi is %s", got)
	}
}

func TestCallsOfStrangers(t *testing.T) {
	h, _ := meterHouse(t, plan{})
	h.boot(meter)
	for _, path := range []string{"/iot/register", "/iot/heartbeat"} {
		for _, c := range []struct {
			body   any
			status int
			says   string
		}{
			{`{"device_id":`, 400, "not JSON"},
			{object{}, 400, "device_id"},
			{object{"device_id": 7}, 400, "device_id"},
			{object{"device_id": "meter-000000000000"}, 404, "no board"},
			{object{"device_id": "../../x"}, 404, "no board"},
			{object{"device_id": id, "mac": "00:00:00:00:00:01"}, 409, "another MAC"},
		} {
			status, a := h.post(path, c.body)
			if said, _ := a["error"].(string); status != c.status || !strings.Contains(said, c.says) {
				t.Errorf("%s %v: %d %v, want %d with %q", path, c.body, status, a, c.status, c.says)
			}
		}
	}
	status, a := h.post("/iot/heartbeat", object{"device_id": id, "telemetry": []int{1}})
	if said, _ := a["error"].(string); status != http.StatusBadRequest || !strings.Contains(said, "telemetry") {
		t.Errorf("%d %v", status, a)
	}
}

func TestBoardKeepsTheIntervalOfItsPool(t *testing.T) {
	h, _ := meterHouse(t, plan{})
	h.boot(meter)
	every := 20
	if err := h.releases.Override(t.Context(), ref, roost.SettingsChange{Management: &every}); err != nil {
		t.Fatal(err)
	}
	if a := h.register(nil); a["heartbeat_ms"] != 20000.0 {
		t.Errorf("answer %v", a)
	}
}

// listening notes how long the things that arrive may be silent.
type listening struct {
	gateway.Core
	mu      sync.Mutex
	silence time.Duration
}

func (l *listening) Arrive(ctx context.Context, a gateway.Arrival) (gateway.Standing, error) {
	l.mu.Lock()
	l.silence = a.Silence
	l.mu.Unlock()
	return l.Core.Arrive(ctx, a)
}

// want tells when the board may not be silent for as long as it should.
func (l *listening) want(t *testing.T, what string, d time.Duration) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.silence != d {
		t.Errorf("%s: it may be silent for %v, want %v", what, l.silence, d)
	}
}

// A board is here until 2.5 heartbeats of silence. Its own interval, if it tells one,
// counts when it is longer.
func TestBoardMayBeSilentForHeartbeats(t *testing.T) {
	var l listening
	h, _ := meterHouse(t, plan{change: func(c *board.Config) { l.Core = c.Core; c.Core = &l }})
	want := func(what string, d time.Duration) { t.Helper(); l.want(t, what, d) }
	h.boot(meter)
	want("after its first boot", 750*time.Second)
	every := 20
	if err := h.releases.Override(t.Context(), ref, roost.SettingsChange{Management: &every}); err != nil {
		t.Fatal(err)
	}
	h.beat(nil)
	want("told 20 s", 50*time.Second)
	for range 2 { // the first tells it
		h.ok("/iot/heartbeat", object{"device_id": id, "heartbeat_ms": 600000})
	}
	want("with 10 min of its own", 1500*time.Second)
	for range 2 {
		h.ok("/iot/heartbeat", object{"device_id": id, "heartbeat_ms": 1e300})
	}
	want("with nonsense", 1500*time.Second)
}

func TestRestartIsDoneWhenTheBoardHasBooted(t *testing.T) {
	h, _ := meterHouse(t, plan{})
	h.boot(meter)
	cmd, err := h.rooms.Commands.Submit(t.Context(), command.Request{Ref: ref, Kind: roost.Restart, By: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	state := func() roost.CommandState {
		c, err := h.rooms.Commands.Find(t.Context(), roost.Home, cmd.ID)
		if err != nil {
			t.Fatal(err)
		}
		return c.State
	}
	if state() != roost.Queued {
		t.Errorf("before a heartbeat it is %s", state())
	}
	for range 2 { // one whose answer is lost is given again
		if a := h.beat(nil); a["restart"] != true {
			t.Errorf("answer %v", a)
		}
		if state() != roost.Sent {
			t.Errorf("given, it is %s", state())
		}
	}
	h.boot(meter)
	if state() != roost.Done {
		t.Errorf("booted, it is %s", state())
	}
	if a := h.beat(nil); a["restart"] != nil {
		t.Errorf("answer %v", a)
	}
}

func TestBoardTakesNothingElse(t *testing.T) {
	h, _ := meterHouse(t, plan{})
	h.boot(meter)
	set, err := h.rooms.Commands.Submit(t.Context(), command.Request{Ref: ref, Resource: "led", Value: `1`, By: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	tell, err := h.rooms.Commands.Submit(t.Context(), command.Request{Ref: ref, Kind: roost.Tell, Value: `"x"`, By: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	h.beat(nil)
	for _, c := range []string{set.ID, tell.ID} {
		roomtest.Eventually(t, "it fails", func() bool {
			got, err := h.rooms.Commands.Find(t.Context(), roost.Home, c)
			return err == nil && got.State == roost.Failed && got.Error != ""
		})
	}
}

// Roost was killed between giving a message to the board and refusing it.
func TestRestartIsNotHeldUpByWhatABoardDoesNotTake(t *testing.T) {
	h, _ := meterHouse(t, plan{})
	h.boot(meter)
	tell, err := h.rooms.Commands.Submit(t.Context(), command.Request{Ref: ref, Kind: roost.Tell, Value: `"x"`, By: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	if cmd, ok := h.rooms.Commands.Fetch(t.Context(), ref); !ok || cmd.ID != tell.ID {
		t.Fatalf("given %+v, %v", cmd, ok)
	}
	if _, err := h.rooms.Commands.Submit(t.Context(), command.Request{Ref: ref, Kind: roost.Restart, By: "ada"}); err != nil {
		t.Fatal(err)
	}
	if a := h.beat(nil); a["restart"] != true {
		t.Errorf("answer %v", a)
	}
	if got, err := h.rooms.Commands.Find(t.Context(), roost.Home, tell.ID); err != nil || got.State != roost.Failed {
		t.Errorf("message %+v, %v", got, err)
	}
}

// The heartbeat that tells a longer interval is the last for that long.
func TestIntervalCountsAsSoonAsItIsTold(t *testing.T) {
	var l listening
	h, _ := meterHouse(t, plan{change: func(c *board.Config) { l.Core = c.Core; c.Core = &l }})
	want := func(what string, d time.Duration) { t.Helper(); l.want(t, what, d) }
	h.boot(meter)
	h.register(object{"heartbeat_ms": 1_800_000})
	want("registered with 30 min", 75*time.Minute)
	h.beat(nil)
	want("which it does not repeat", 75*time.Minute)
	h.ok("/iot/heartbeat", object{"device_id": id, "heartbeat_ms": 3_600_000})
	want("told 1 h", 150*time.Minute)
}

// deleting forgets the board each time that it arrives, as somebody does who deletes the
// thing while it calls.
type deleting struct {
	gateway.Core
	forget func()
}

func (d *deleting) Arrive(ctx context.Context, a gateway.Arrival) (gateway.Standing, error) {
	s, err := d.Core.Arrive(ctx, a)
	d.forget()
	return s, err
}

func TestCallOfABoardThatIsBeingDeletedLeavesNothing(t *testing.T) {
	d := &deleting{forget: func() {}}
	h, _ := meterHouse(t, plan{change: func(c *board.Config) { d.Core = c.Core; c.Core = d }})
	h.boot(meter)
	d.forget = func() {
		if err := h.door.Forget(context.Background(), ref); err != nil {
			t.Error(err)
		}
	}
	for path, body := range map[string]object{
		"/iot/heartbeat": {"device_id": id, "firmware": "9"},
		"/iot/register":  {"device_id": id, "firmware": "9"},
		"/iot/boot":      {"mac": mac, "app_type": "meter", "hashes": object{}},
	} {
		if status, a := h.post(path, body); status != http.StatusNotFound {
			t.Errorf("%s: %d %v", path, status, a)
		}
		if all, err := h.rooms.Store.Boards(t.Context()); err != nil || len(all) != 0 {
			t.Errorf("%s left %+v, %v", path, all, err)
		}
	}
}
