package device_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/wire/agent"
)

// The same apps through the whole runtime, at a server.

func sends(t *testing.T, b *desk.Board, kind string, body any) agent.Ack {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	a, err := b.Thing().Send(ctx, kind, body)
	if err != nil {
		t.Fatalf("%v; %s", err, b.Console())
	}
	return a
}

func TestTasksOfPythingsOSOverTheLine(t *testing.T) {
	for _, profile := range []string{"full", "lean"} {
		t.Run(profile, func(t *testing.T) {
			b := coreBoard(t, coreServer(t, desk.ServerConfig{}), desk.BoardConfig{
				Profile: profile, App: folder(t, "../sim/apps/luminosity"), ADC: func(int) int { return 321 },
				Settings: map[string]any{"worker_interval": "2"},
			})
			v := coreWait(t, b.Thing(), "three messages", func(v desk.View) bool { return len(v.Messages()) > 2 })
			if got := string(v.Messages()[0]); !sameJSON([]byte(got), []byte(`{"luminosity_au":321}`)) {
				t.Errorf("message %s", got)
			}
			coreWait(t, b.Thing(), "both tasks are well", func(v desk.View) bool { return v.Parts["worker"] && v.Parts["management"] })
			if a := sends(t, b, "message", "red:1000,green:100"); !a.OK || string(a.Body) != `"Executed"` || b.Pins()[15] != 1000 || b.Pins()[12] != 100 {
				t.Errorf("answered %+v, pins %v", a, b.Pins())
			}
			if a := sends(t, b, "shell", "6 * 7"); !a.OK || string(a.Body) != `"42\n"` {
				t.Errorf("answered %+v", a)
			}
			if a := sends(t, b, "dance", nil); a.OK {
				t.Errorf("answered %+v", a)
			}
		})
	}
}

func TestTaskThatFailsIsToldAndCalledAgain(t *testing.T) {
	b := coreBoard(t, coreServer(t, desk.ServerConfig{}), desk.BoardConfig{
		App: map[string]string{
			"worker_task.py":     "class WorkerTask:\n  n = 0\n  def call(self):\n    self.n += 1\n    if self.n < 3: raise ValueError('too early')\n    return self.n\n",
			"management_task.py": "class ManagementTask:\n  def call(self, data): return data / 2\n",
		},
		Settings: map[string]any{"worker_interval": 60, "management_interval": 600},
	})
	coreWait(t, b.Thing(), "KO", func(v desk.View) bool { is, told := v.Parts["worker"]; return told && !is })
	v := coreWait(t, b.Thing(), "the message", func(v desk.View) bool { return len(v.Messages()) > 0 && v.Parts["worker"] })
	if string(v.Messages()[0]) != "3" || v.Boots != 1 {
		t.Errorf("messages %s, %d boots", v.Messages(), v.Boots)
	}
	told := slices.DeleteFunc(v.Logs(), func(l string) bool { return !strings.Contains(l, "too early") })
	if len(told) != 1 || !strings.Contains(told[0], "worker_task.py") {
		t.Errorf("the log has %q", told)
	}
	if a := sends(t, b, "message", "x"); a.OK || !strings.Contains(string(a.Body), "TypeError") {
		t.Errorf("answered %+v", a)
	}
	if a := sends(t, b, "message", 5); !a.OK || string(a.Body) != "2.5" {
		t.Errorf("answered %+v", a)
	}
}

func TestBoardAppOverTheLine(t *testing.T) {
	for _, profile := range []string{"full", "lean"} {
		t.Run(profile, func(t *testing.T) {
			s := desk.NewServer(desk.ServerConfig{}) // in real time: who asks its own server has no other
			t.Cleanup(s.Close)
			b := coreBoard(t, s, desk.BoardConfig{
				Profile: profile, App: merged(folder(t, "testdata/apps/both"), folder(t, "testdata/apps/greenhouse")), Settings: map[string]any{"sync_interval": 1, "setup_at_start": 0},
			})
			v := coreWait(t, b.Thing(), "what it reported", func(v desk.View) bool { return v.Values["temperature"] != "" && len(v.Register.Meta) > 2 })
			var meta map[string]any
			if err := json.Unmarshal([]byte(v.Register.Meta), &meta); err != nil || meta["place"] != "north" || meta["firmware"] != "2.1.0" || meta["device_type"] != "esp32" {
				t.Errorf("meta %s", v.Register.Meta)
			}
			if string(v.Values["temperature"]) != "21.5" || string(v.Values["moisture"]) != "40" {
				t.Errorf("values %s", v.Values)
			}
			if a := sends(t, b, "message", "hello"); !a.OK || !strings.Contains(string(a.Body), "hello") {
				t.Errorf("answered %+v", a)
			}
			if profile == "lean" {
				return
			}
			if text := fetched(t, b, "/status"); !strings.Contains(text, `"device_id": "`+b.ID()+`"`) || !strings.Contains(text, `"moisture": 40`) {
				t.Errorf("status %s", text)
			}
			if text := fetched(t, b, "/logs/platform_log.txt"); !strings.Contains(text, "greenhouse at home") {
				t.Errorf("log %q", text)
			}
		})
	}
}

// On Linux the own server is at the port that the settings name. Here it asks for that one and gets a free one: who
// looks again and again whether somebody is at a port that nobody has may meet himself there.
func TestBoardAppOnLinuxOverTheLine(t *testing.T) {
	app := folder(t, "testdata/apps/greenhouse")["app.py"] + `
from rt import conf
conf.put("web_port", 8123)
serve = asyncio.start_server
async def on_a_free_port(answer, host, port):
    s = await serve(answer, "127.0.0.1", 0)
    platform.report(asked=port, at=s.sockets[0].getsockname()[1])
    return s
asyncio.start_server = on_a_free_port
`
	thing, _ := coreLinux(t, app, httptest.NewServer, map[string]string{
		"_p/management_task.py": folder(t, "testdata/apps/both")["management_task.py"],
	})
	v := coreWait(t, thing, "what it reported", func(v desk.View) bool { return v.Values["temperature"] != "" && len(v.Register.Meta) > 2 })
	if !strings.Contains(string(v.Register.Meta), "Greenhouse") {
		t.Errorf("meta %s", v.Register.Meta)
	}
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	for kind, want := range map[string]string{"message": `"asked"`, "identify": `"log"`, "shell": `"42\n"`} {
		if a, err := thing.Send(ctx, kind, "6 * 7"); err != nil || !a.OK || !strings.Contains(string(a.Body), want) {
			t.Errorf("%s: %+v %v", kind, a, err)
		}
	}
	v = coreWait(t, thing, "its server", func(v desk.View) bool { return v.Values["at"] != "" })
	if v.Values["asked"] != "8123" {
		t.Errorf("it asks for port %s", v.Values["asked"])
	}
	b := &appBench{t: t, web: "http://127.0.0.1:" + string(v.Values["at"])}
	if s := b.object("GET", "/status", ""); s["device_id"] != thing.ID || s["temperature"] != 21.5 || s["uptime_ms"] == nil {
		t.Errorf("status %v", s)
	}
}

func fetched(t *testing.T, b *desk.Board, path string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://board"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.Client().Do(r)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != http.StatusOK {
		t.Errorf("%s: %s %v", path, a.Status, err)
	}
	return string(text)
}

// Resources that an app registers late are announced, set and read.
func TestResourcesOverTheLine(t *testing.T) {
	b := coreBoard(t, coreServer(t, desk.ServerConfig{}), desk.BoardConfig{App: map[string]string{"app.py": `
import asyncio, platform
level = 1
def set(v):
    global level
    if v < 0: raise ValueError("below zero")
    level = v
async def run():
    await asyncio.sleep(20)
    platform.resource("level", lambda: level, set)
    await asyncio.sleep(100000)
`}})
	coreWait(t, b.Thing(), "the resource, and its value", func(v desk.View) bool {
		return slices.ContainsFunc(v.Register.Resources, func(r agent.Resource) bool { return r.Name == "level" && r.Set }) && string(v.Values["level"]) == "1"
	})
	if a := sends(t, b, "set", map[string]any{"name": "level", "value": 9}); !a.OK || string(a.Body) != "9" {
		t.Errorf("answered %+v", a)
	}
	coreWait(t, b.Thing(), "its new value", func(v desk.View) bool { return string(v.Values["level"]) == "9" })
	if a := sends(t, b, "set", map[string]any{"name": "level", "value": -1}); a.OK || !strings.Contains(string(a.Body), "below zero") {
		t.Errorf("answered %+v", a)
	}
}

// What run() raised is told with the next registration, and run() goes on meanwhile.
func TestCrashOfAnAppIsTold(t *testing.T) {
	b := coreBoard(t, coreServer(t, desk.ServerConfig{}), desk.BoardConfig{App: map[string]string{"app.py": `
import platform
tries = 0
async def run():
    global tries
    tries += 1
    platform.send(tries)
    raise OSError("the sensor is gone")
`}})
	coreWait(t, b.Thing(), "eight tries", func(v desk.View) bool { return len(v.Messages()) > 7 })
	if a := sends(t, b, "restart", nil); !a.OK {
		t.Errorf("answered %+v", a)
	}
	v := coreWait(t, b.Thing(), "the crash", func(v desk.View) bool { return len(v.Crashes) > 0 })
	if c := v.Crashes[0]; c.Part != "app" || c.Ver != "1" || !strings.Contains(c.Text, "the sensor is gone") || !strings.Contains(c.Text, "app.py") {
		t.Errorf("told %+v", c)
	}
	if n := strings.Count(strings.Join(v.Logs(), "\n"), "failed: OSError"); n > 3 { // in about 20 minutes of its clock
		t.Errorf("told %d times", n)
	}
}

func TestFactoryResetOverTheLine(t *testing.T) {
	b := coreBoard(t, coreServer(t, desk.ServerConfig{}), desk.BoardConfig{App: map[string]string{"app.py": ""}, Files: map[string]string{"config.json": "{}"}})
	coreWait(t, b.Thing(), "a sync", func(v desk.View) bool { return v.Syncs > 0 })
	if a := sends(t, b, "factory-reset", nil); !a.OK {
		t.Errorf("answered %+v", a)
	}
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	if err := b.Printed(ctx, "Set-up"); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for _, name := range []string{"/wifi.json", "/config.json"} {
		if _, ok := b.Flash().ReadFile(name); ok {
			t.Errorf("%s is still there", name)
		}
	}
}
