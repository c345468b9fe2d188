package pythings_test

import (
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/pythings"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/release"
)

// M01, M02, M03, M04, M08
func TestMessagesComeOneByOneAfterTheFirstReport(t *testing.T) {
	h := build(t, plan{})
	d := h.ready("listener")
	text := h.send(d.ref(), roost.Tell, `"status"`)
	object := h.send(d.ref(), roost.Tell, `{"led": [1, 2.50], "b": null}`)
	d.settings() // before the loop
	if c := h.find(roost.Home, text); c.State != roost.Queued {
		t.Errorf("state %s", c.State)
	}
	d.mustReport("management", "OK", nil)

	a := d.message(text)
	if string(a.Msg) != `"status"` || a.Type != "APP" {
		t.Errorf("told %+v", a)
	}
	if c := h.find(roost.Home, text); c.State != roost.Sent {
		t.Errorf("state %s", c.State)
	}
	d.mustReport("management", "OK", map[string]any{"mid": text, "rep": "Got status"})
	if c := h.find(roost.Home, text); c.State != roost.Done || c.Result != `"Got status"` {
		t.Errorf("command %+v", c)
	}
	if a := d.message(object); string(a.Msg) != `{"led":[1,2.50],"b":null}` {
		t.Errorf("told %s", a.Msg)
	}
	d.mustReport("management", "OK", map[string]any{"mid": object, "rep": nil})
	if c := h.find(roost.Home, object); c.State != roost.Done || c.Result != "" {
		t.Errorf("command %+v", c)
	}
	d.settings()
}

// M05
func TestReplyToNothingIsNothing(t *testing.T) {
	h := build(t, plan{})
	d := h.running("talker")
	id := h.send(d.ref(), roost.Tell, `"x"`)
	want(t, "unknown", d.report("management", "OK", map[string]any{"mid": "0a2d9598-ce48-465a-8253-6ae83b79d84b", "rep": 1}), 200, "")
	other := h.running("other")
	d.message(id)
	want(t, "another thing's", other.report("management", "OK", map[string]any{"mid": id, "rep": "mine"}), 200, "")
	if c := h.find(roost.Home, id); c.State != roost.Sent {
		t.Errorf("command %+v", c)
	}
}

// M06, M07
func TestShellLine(t *testing.T) {
	h := build(t, plan{})
	d := h.running("shell")
	for line, output := range map[string]string{
		"print(1+1)": "2\n",
		"1/0":        "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\nZeroDivisionError: division by zero\n",
	} {
		id := h.send(d.ref(), roost.Shell, roost.Text(line))
		a := d.message(id)
		if a.Type != "CMD" || roost.Value(a.Msg).AsText() != line {
			t.Errorf("told %+v", a)
		}
		d.mustReport("management", "OK", map[string]any{"mid": id, "rep": output})
		if c := h.find(roost.Home, id); c.State != roost.Done || c.Result.AsText() != output {
			t.Errorf("command %+v", c)
		}
	}
}

// M09
func TestNamesakeOfAnotherProjectHearsNothing(t *testing.T) {
	const other = roost.ProjectID("other")
	h := build(t, plan{seed: func(rooms *roomtest.Rooms) {
		ctx, stop := roomtest.Soon()
		defer stop()
		if err := rooms.Store.SaveProject(ctx, roost.Project{ID: other, Name: "Other", Created: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}})
	ctx, stop := roomtest.Soon()
	defer stop()
	app, err := h.releases.CreateApp(ctx, other, release.NewApp{Name: "Theirs", By: "eve"})
	if err != nil {
		t.Fatal(err)
	}
	d := h.running("A4CF12B3D5E6")
	theirs := h.device("A4CF12B3D5E6")
	theirs.aid = string(app.ID)
	theirs.mustRegister()
	id := h.send(roost.Ref{Project: other, Thing: "A4CF12B3D5E6"}, roost.Shell, `"import os"`)
	d.settings() // without a message
	d.mustReport("management", "OK", map[string]any{"mid": id, "rep": "stolen"})
	if c := h.find(other, id); c.State != roost.Queued {
		t.Errorf("command %+v", c)
	}
	theirs.settings()
	theirs.mustReport("management", "OK", nil)
	if c := h.find(other, id); c.State != roost.Queued {
		t.Errorf("command %+v", c)
	}
}

// M10
func TestFaultOfATaskStaysInSight(t *testing.T) {
	h := build(t, plan{})
	d := h.running("faulty")
	id := h.send(d.ref(), roost.Tell, `"boom"`)
	d.message(id)
	const fault = "ValueError boom (Traceback (most recent call last):\n  File \"management.py\", line 7\nValueError: boom\n)"
	d.mustReport("management", "KO", fault)
	d.mustReport("management", "OK", map[string]any{"mid": id, "rep": nil})
	if c := h.find(roost.Home, id); c.State != roost.Failed || !strings.Contains(c.Error, "ValueError boom") {
		t.Errorf("command %+v", c)
	}
	run, _ := h.releases.CurrentRun(d.ref())
	if s := run.Statuses[roost.PartManagement]; !s.OK || s.Error != fault {
		t.Errorf("status %+v", s)
	}
	lines := h.log(d.ref())
	last := lines[len(lines)-1]
	if last.Level != "error" || last.Text != "management KO: ValueError boom" || !strings.HasPrefix(last.Detail, "Traceback (most recent") || !strings.HasSuffix(last.Detail, "ValueError: boom") {
		t.Errorf("log %s %q, %q", last.Level, last.Text, last.Detail)
	}
}

// A fault of the run before says nothing of a message that came later.
func TestNullIsAReplyAfterAnEarlierFault(t *testing.T) {
	h := build(t, plan{})
	d := h.running("forgiven")
	d.mustReport("management", "KO", "ValueError boom")
	reported := time.Now()
	roomtest.Eventually(t, "another millisecond begins", func() bool { return time.Since(reported) > 2*time.Millisecond })
	id := h.send(d.ref(), roost.Tell, `"x"`)
	d.message(id)
	d.mustReport("management", "OK", map[string]any{"mid": id, "rep": nil})
	if c := h.find(roost.Home, id); c.State != roost.Done {
		t.Errorf("command %+v", c)
	}
}

// The server restarts between the fault and the report that all is well.
func TestFaultOverAMessageOutlivesTheServer(t *testing.T) {
	h := build(t, plan{})
	d := h.running("faulty")
	id := h.send(d.ref(), roost.Tell, `"boom"`)
	d.message(id)
	d.mustReport("management", "KO", "ValueError boom")
	h = h.again(plan{})
	d.h = h
	d.mustReport("management", "OK", map[string]any{"mid": id, "rep": nil})
	if c := h.find(roost.Home, id); c.State != roost.Failed || !strings.Contains(c.Error, "ValueError boom") {
		t.Errorf("command %+v", c)
	}
}

// A task that cannot be imported is told after the first report; a shell line is what
// people look for the fault with.
func TestMessagesComeWhenATaskFails(t *testing.T) {
	h := build(t, plan{})
	d := h.running("broken")
	d.mustReport("management", "KO", "SyntaxError invalid syntax")
	id := h.send(d.ref(), roost.Shell, `"print(1)"`)
	d.message(id)
}

// A failing update is told as a fault of management as well: nothing goes out then.
func TestNoMessageWhileAnUpdateFails(t *testing.T) {
	h := build(t, plan{})
	d := h.device("stuck")
	d.mustRegister() // without the app
	d.settings()
	d.mustReport("management", "KO", "OSError 28")
	h.send(d.ref(), roost.Tell, `"x"`)
	for range 3 {
		d.settings()
		d.mustReport("management", "KO", "OSError 28")
	}
}

// S15
func TestMessageWaitsForChangedSettings(t *testing.T) {
	h := build(t, plan{})
	d := h.running("busy")
	id := h.send(d.ref(), roost.Tell, `"x"`)
	h.pool(recordedApp, "development", roost.SettingsChange{Worker: p(9)})
	d.settings()
	d.mustReport("pythings", "OK", "Resetting due to Settings update")
	d.mustRegister()
	d.settings()
	d.mustReport("management", "OK", nil)
	d.message(id)
}

func TestRetryOfTheDeviceGetsTheSameMessage(t *testing.T) {
	h := build(t, plan{})
	d := h.running("retry")
	first, second := h.send(d.ref(), roost.Tell, `"one"`), h.send(d.ref(), roost.Tell, `"two"`)
	d.message(first)
	d.message(first) // 3 s later, in life
	d.mustReport("management", "OK", map[string]any{"mid": first, "rep": 1})
	d.message(second)
}

func TestRetryAfterAChangeGetsNoMessage(t *testing.T) {
	h := build(t, plan{})
	d := h.running("retry")
	id := h.send(d.ref(), roost.Tell, `"one"`)
	d.message(id)
	h.pool(recordedApp, "development", roost.SettingsChange{Worker: p(9)})
	d.settings()
	if c := h.find(roost.Home, id); c.State != roost.Queued {
		t.Errorf("command %+v", c)
	}
}

func TestUnansweredMessageEnds(t *testing.T) {
	h := build(t, plan{})
	d := h.running("forgetful")
	ids := []string{h.send(d.ref(), roost.Tell, `"one"`), h.send(d.ref(), roost.Tell, `"two"`), h.send(d.ref(), roost.Tell, `"three"`)}
	d.message(ids[0])
	d.mustReport("management", "OK", nil) // an answer to nothing
	d.message(ids[1])
	if c := h.find(roost.Home, ids[0]); c.State != roost.Failed || !strings.Contains(c.Error, "came back without answering") {
		t.Errorf("first: %+v", c)
	}
	d.mustRegister() // it restarted
	if c := h.find(roost.Home, ids[1]); c.State != roost.Failed {
		t.Errorf("second: %+v", c)
	}
	d.settings()
	d.mustReport("management", "OK", nil)
	d.message(ids[2])
}

// The server restarted between the delivery and the reply, or before the next delivery.
func TestMessagesOutliveTheServer(t *testing.T) {
	h := build(t, plan{})
	d := h.running("steady")
	first, second := h.send(d.ref(), roost.Tell, `"one"`), h.send(d.ref(), roost.Tell, `"two"`)
	d.message(first)
	h = h.again(plan{})
	d.h = h
	d.mustReport("management", "OK", map[string]any{"mid": first, "rep": "done"})
	if c := h.find(roost.Home, first); c.State != roost.Done || c.Result != `"done"` {
		t.Errorf("first: %+v", c)
	}
	d.settings() // what it was told last is not known any more
	d.mustReport("management", "OK", nil)
	d.message(second)
}

// M11
func TestLongWorkerValueIsRefused(t *testing.T) {
	h := build(t, plan{change: func(c *pythings.Config) { c.MaxMessage = 512 }})
	d := h.running("long")
	value := func(size int) string { return strings.Repeat("x", size-2) }
	want(t, "512", d.worker(value(512)), 200, "")
	want(t, "513", d.worker(value(513)), 400, "at most 512")
	if n := len(h.messages(d.ref())); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// M12, and what becomes of objects.
func TestWorkerValuesAreKeptAsTheyAre(t *testing.T) {
	h := build(t, plan{})
	d := h.running("worker")
	post := func(msg string) {
		t.Helper()
		want(t, msg, h.post("apps/worker/", `{"msg": `+msg+`, "token": "`+d.token+`"}`), 200, "")
	}
	values := []string{`"hello"`, `[1,2]`, `20.50`, `{"temperature_C": 20.50, "on": true, "name": "caf\u00e9", "deep": {"a": 1}, "list": [1], "none": null}`}
	for _, v := range values {
		post(v)
	}
	all := h.messages(d.ref())
	if len(all) != len(values) {
		t.Fatalf("%d messages", len(all))
	}
	for i, m := range all {
		if string(m.Data) != values[i] || m.App != recordedApp {
			t.Errorf("message %+v, want %s", m, values[i])
		}
	}
	_, resources, _ := h.rooms.Registry.Get(d.ref())
	var got []string
	for _, r := range resources {
		got = append(got, r.Name+"="+string(r.Value))
	}
	if s := strings.Join(got, " "); s != `temperature_C=20.50 on=true name="caf\u00e9"` {
		t.Errorf("resources %s", s)
	}
}

// M13
func TestEmptyWorkerValueIsRefused(t *testing.T) {
	h := build(t, plan{})
	d := h.running("empty")
	for _, v := range []any{0, nil, "", false, []int{}, map[string]any{}} {
		want(t, "worker", d.worker(v), 400, "msg missing")
	}
	want(t, "no msg", d.call("apps/worker/", map[string]any{}), 400, "msg missing")
}

// M14
func TestWorkerNamesItsTime(t *testing.T) {
	h := build(t, plan{})
	d := h.running("late")
	for _, ts := range []any{1700000000.25, "1700000000.25"} {
		want(t, "worker", d.call("apps/worker/", map[string]any{"msg": map[string]any{"n": 1}, "ts": ts}), 200, "")
	}
	all := h.messages(d.ref())
	if len(all) != 2 {
		t.Fatalf("%d messages of one time", len(all))
	}
	for _, m := range all {
		if got := m.At.UTC().Format("2006-01-02T15:04:05.000000Z"); got != "2023-11-14T22:13:20.250000Z" {
			t.Errorf("at %s", got)
		}
	}
}

// M15: who sends too much is refused, and still heard.
func TestFloodOfWorkerValuesIsRefused(t *testing.T) {
	h := build(t, plan{change: func(c *pythings.Config) { c.MaxRate = 1 }})
	d := h.running("flood")
	refused := 0
	for range 60 {
		if r := d.worker(map[string]any{"n": 1}); r.status == 401 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("60 values came through in a moment, where 10 may")
	}
	want(t, "report", d.report("worker", "OK", nil), 200, "")
}

func TestSetIsRefusedWithAWayOut(t *testing.T) {
	h := build(t, plan{})
	d := h.running("set")
	id := h.set(d.ref(), "led", "1")
	roomtest.Eventually(t, "the command ends", func() bool { return h.find(roost.Home, id).State.Final() })
	if c := h.find(roost.Home, id); c.State != roost.Failed || !strings.Contains(c.Error, "send it a message") {
		t.Errorf("command %+v", c)
	}
}
