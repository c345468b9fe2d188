package sim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/roost-iot/roost/sim"
)

func TestMessagesAreExecuted(t *testing.T) {
	c := startCloud(t)
	d := c.newRunning(t)
	for message, want := range map[string]string{
		`,"msg":"status","mid":"m1","type":"APP"`:     `"msg": {"mid": "m1", "rep": "Got status"}`,
		`,"msg":"caff\u00e8","mid":"m2"`:              `"msg": {"mid": "m2", "rep": "Got caff\u00e8"}`,
		`,"msg":"print(1)","mid":"m3","type":"CMD"`:   `"msg": {"mid": "m3", "rep": "ran print(1)"}`,
		`,"msg":"without an id","type":"APP"`:         `"msg": null`,
		`,"msg":"a \u0026 b","mid":"m4","type":"APP"`: `"msg": {"mid": "m4", "rep": "Got a & b"}`,
	} {
		c.mu.Lock()
		c.message = message
		c.mu.Unlock()
		before := len(c.bodies("/things/report/"))
		steps(t, d, "TTT") // one of them is a management run
		if said := strings.Join(c.bodies("/things/report/")[before:], "\n"); !strings.Contains(said, `"what": "management", "status": "OK", `+want) {
			t.Errorf("%s: %s", message, said)
		}
	}
}

// The first management call of a session finds no task.
func TestEarlyMessageIsAnsweredWithNothing(t *testing.T) {
	c := startCloud(t)
	d := c.device()
	steps(t, d, "bb")
	c.message = `,"msg":"status","mid":"m1","type":"APP"`
	steps(t, d, "B")
	c.wantLast(t, "/things/report/", `"msg": {"mid": "m1", "rep": null}`)
}

func TestMessageWithAnUpdateIsLost(t *testing.T) {
	c := startCloud(t)
	d := c.newRunning(t)
	c.set("worker_interval", "7")
	c.message = `,"msg":"status","mid":"lost","type":"APP"`
	steps(t, d, "tBT")
	for _, body := range c.bodies("/things/report/") {
		if strings.Contains(body, "lost") {
			t.Errorf("%s", body)
		}
	}
}

func TestFaultsOfTasksAreReported(t *testing.T) {
	boom := errors.New("Traceback (most recent call last):\n  File \"worker_task.py\", line 9, in call\nValueError: boom\n")
	c := startCloud(t)
	c.set("management_interval", "1")
	c.set("worker_interval", "1")
	app := &failing{err: boom}
	d := c.newRunning(t, func(p *sim.PythingsConfig) { p.Runner = app })
	steps(t, d, "T")
	reports := c.bodies("/things/report/")
	said := reports[len(reports)-3:]
	for i, want := range []string{
		`"what": "management", "status": "KO", "msg": "ValueError boom (Traceback (most recent call last):\n  File \"worker_task.py\", line 9, in call\nValueError: boom\n)"`,
		`"what": "management", "status": "OK", "msg": null`,
		`"what": "worker", "status": "KO", "msg": "ValueError boom (Traceback`,
	} {
		if !strings.Contains(said[i], want) {
			t.Errorf("report %d: %s, want %s", i, said[i], want)
		}
	}
}

// failing is an app whose tasks raise.
type failing struct {
	sensorApp
	err, loading error
}

func (f *failing) Load(map[string]string) error { return f.loading }

func (f *failing) Worker(context.Context) (string, error) { return "", f.err }

func (f *failing) Management(context.Context, string) (string, error) { return "", f.err }

func TestTasksThatCanNotBeImported(t *testing.T) {
	c := startCloud(t)
	broken := errors.Join(
		errors.New("Traceback (most recent call last):\n  File \"worker_task.py\", line 1\nSyntaxError: invalid syntax"),
		errors.New("Traceback (most recent call last):\n  File \"management_task.py\", line 1\nSyntaxError: invalid syntax"),
	)
	d := c.newRunning(t, func(p *sim.PythingsConfig) { p.Runner = &failing{loading: broken} })
	c.message = `,"msg":"status","mid":"m1","type":"APP"`
	steps(t, d, "T")
	all := strings.Join(c.bodies("/things/report/"), "\n")
	for _, want := range []string{
		`"what": "worker", "status": "KO", "msg": "SyntaxError invalid syntax (Traceback`, `"what": "management", "status": "KO", "msg": "SyntaxError invalid syntax (Traceback`,
		`"what": "worker", "status": "OK"`, `"rep": null`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not in\n%s", want, all)
		}
	}
	if sent := c.bodies("/apps/worker/"); len(sent) > 0 {
		t.Errorf("values: %s", sent)
	}
}

func TestOnlyTrueValuesAreSent(t *testing.T) {
	for value, sent := range map[string]int{"": 0, "null": 0, "0": 0, `""`: 0, "{}": 0, "[]": 0, "false": 0, "1": 1, `"x"`: 1, `{"a":0}`: 1} {
		c := startCloud(t)
		d := c.newRunning(t, func(p *sim.PythingsConfig) { p.Runner = valued(value) })
		steps(t, d, "T")
		if n := len(c.bodies("/apps/worker/")); n != sent {
			t.Errorf("%q is sent %d times", value, n)
		}
	}
}

// S03: what a backend must not let people enter.
func TestDeviceCrashesWithBadIntervals(t *testing.T) {
	for _, bad := range []any{"auto", "0", 0, "1.5", "", []any{}} {
		c := startCloud(t)
		d := c.newRunning(t)
		c.set("worker_interval", bad)
		steps(t, d, "t")
		if running, err := d.Boot(t.Context()); err != nil {
			t.Fatal(err)
		} else if running {
			steps(t, d, "t")
		}
		c.wantLast(t, "/things/report/", `"what": "pythings", "status": "KO"`, "Error")
		c.set("worker_interval", 5) // a number does, too
		steps(t, d, "bBT")
	}
}

// T08
func TestMicroPythonCountsCharacters(t *testing.T) {
	c := startCloud(t)
	d := c.newRunning(t, func(p *sim.PythingsConfig) {
		p.Platform, p.Runner = "esp32", valued(`{"place": "caff\u00e8 \ud83d\ude00", "n": [1.50, "\n"]}`)
	})
	steps(t, d, "T")
	var length int
	calls := c.heard()
	var got heard
	for _, h := range calls {
		if strings.HasSuffix(h.path(), "/apps/worker/") {
			got = h
		}
	}
	_, head, _ := strings.Cut(got.raw, "content-length: ")
	if _, err := fmt.Sscanf(head, "%d", &length); err != nil {
		t.Fatalf("%q: %v", got.raw, err)
	}
	body := got.body()
	if !strings.Contains(body, `"caffè 😀"`) || !strings.Contains(body, `[1.50, "\n"]`) || length != utf8.RuneCountInString(body) || !json.Valid([]byte(body)) {
		t.Errorf("content-length %d for %s", length, body)
	}
}

// valuedApp is an app whose worker returns that.
type valuedApp struct {
	sensorApp
	value string
}

func (v *valuedApp) Worker(context.Context) (string, error) { return v.value, nil }

func valued(value string) sim.Runner { return &valuedApp{value: value} }

// S16
func TestRedirectionBeginsAfterTheFirstManagementCall(t *testing.T) {
	first, second := startCloud(t), startCloud(t)
	for _, c := range []*cloud{first, second} {
		c.set("backend", second.addr)
	}
	d := first.device(func(p *sim.PythingsConfig) { p.BuiltIn, p.Backend = p.Backend, "" })
	steps(t, d, "bbBT")
	if n := len(second.bodies("/things/register/")); n != 0 || len(first.bodies("/things/register/")) != 3 {
		t.Errorf("%d registrations at the second host", n)
	}
	if len(second.bodies("/apps/management/")) != 1 || len(second.bodies("/apps/worker/")) != 1 || len(first.bodies("/apps/worker/")) != 0 {
		t.Error("the loop does not go to the second host")
	}
	second.wantLast(t, "/apps/worker/", `"token": "t-1"`)
}

func TestDeviceWithoutAnAIDSleeps(t *testing.T) {
	c := startCloud(t)
	d := c.device(func(p *sim.PythingsConfig) { p.AID = "" })
	if _, err := d.Boot(t.Context()); !errors.Is(err, sim.ErrNoAID) || len(c.heard()) > 0 {
		t.Errorf("%v, %d calls", err, len(c.heard()))
	}
}
