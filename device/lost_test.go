package device_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/wire/agent"
)

// lostApp takes the line away a minute after its start, and tells something then.
const lostApp = `
import asyncio, platform
from rt import http
async def gone(*a, **k):
    raise OSError(113)
async def run():
    platform.send({"starts": 1})
    await asyncio.sleep(90)
    http.Http.request = gone
    platform.send({"kept": 1})
    while True:
        await asyncio.sleep(60)
`

// lostQuick is rt/lost.py with hours of so many milliseconds.
func lostQuick(t *testing.T, hour string) map[string]string {
	t.Helper()
	source, err := os.ReadFile("rt/lost.py")
	if err != nil {
		t.Fatal(err)
	}
	quick := strings.Replace(string(source), "const(3600000)", "const("+hour+")", 1)
	if quick == string(source) {
		t.Fatal("rt/lost.py has no hour")
	}
	return map[string]string{"_f/rt/lost.py": quick}
}

// lostTold are the crashes that a thing told of the line.
func lostTold(v desk.View) (told []agent.Crash) {
	for _, c := range v.Crashes {
		if c.Part == "app" && strings.Contains(c.Text, "Roost could not be reached while app 1 ran") {
			told = append(told, c)
		}
	}
	return told
}

// An app that takes the line away after it worked is found out by a restart, ever more seldom. What waited is not lost.
func TestAppThatLosesTheLineIsTold(t *testing.T) {
	const hour = 2 * time.Minute
	for _, profile := range []string{"full", "lean"} {
		t.Run(profile, func(t *testing.T) {
			b := coreBoard(t, coreServer(t, desk.ServerConfig{}), desk.BoardConfig{
				Profile: profile, App: map[string]string{"app.py": lostApp}, Files: lostQuick(t, "120000"),
			})
			v := coreWait(t, b.Thing(), "two crashes", func(v desk.View) bool { return len(lostTold(v)) == 2 && len(v.Messages()) == 5 })
			var starts []int64
			for _, e := range v.Entries {
				if e.Kind == agent.EntryMessage && strings.Contains(string(e.Body), "starts") {
					starts = append(starts, e.At)
				}
			}
			if len(starts) != 3 || v.Doubled > 0 {
				t.Fatalf("%d starts, %d entries twice", len(starts), v.Doubled)
			}
			for i, least := range []time.Duration{hour, 2 * hour} {
				if took := time.Duration(starts[i+1]-starts[i]) * time.Millisecond; took < least+90*time.Second {
					t.Errorf("start %d came after %v", i+2, took)
				}
			}
			if v.Register.Reset != "planned" || v.Register.Why != "no Roost" || v.App() != "1" {
				t.Errorf("it started %q, %q, app %s", v.Register.Reset, v.Register.Why, v.App())
			}
		})
	}
}

// When Roost itself is gone one restart is in vain, and it is no fault of the app's: that runs on.
func TestRoostThatIsGoneIsNoFaultOfTheApp(t *testing.T) {
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{Files: lostQuick(t, "120000"), App: map[string]string{"app.py": `
import asyncio, platform
async def run():
    platform.send({"starts": 1})
    n = 0
    while True:
        await asyncio.sleep(120)
        n += 1
        print("it runs for %d hours" % n)
`}})
	coreWait(t, b.Thing(), "the app", func(v desk.View) bool { return len(v.Messages()) == 1 })
	s.Break(func(*http.Request) desk.Fault { return desk.Fault{Cut: -1} })
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	if err := b.Printed(ctx, "it runs for 12 hours"); err != nil {
		t.Fatalf("%v\n%s", err, b.Console())
	}
	s.Break(nil)
	coreWait(t, b.Thing(), "Roost again", func(v desk.View) bool { return v.Boots == 2 && len(v.Messages()) == 2 })
	if a := sends(t, b, "shell", "1 + 1"); !a.OK {
		t.Errorf("answered %+v", a)
	}
	if v := b.Thing().View(); len(v.Crashes) > 0 || v.Boots != 2 || v.App() != "1" {
		t.Errorf("%d boots, app %s, crashes %+v", v.Boots, v.App(), v.Crashes)
	}
	if n := strings.Count(b.Console(), "info Roost's runtime"); n != 2 {
		t.Errorf("it started %d times", n)
	}
	if state, _ := b.Flash().ReadFile("/_s/lost"); !strings.Contains(string(state), `"n": 5`) {
		t.Errorf("the next restart is not a day off: %s", state)
	}
}

// On a computer, whose time cannot be played, an hour is a second.
func TestComputerFindsOutTheAppThatLosesTheLine(t *testing.T) {
	thing, _ := coreLinux(t, strings.Replace(lostApp, "sleep(90)", "sleep(4)", 1), httptest.NewServer, lostQuick(t, "1000"))
	v := coreWait(t, thing, "a crash", func(v desk.View) bool { return len(lostTold(v)) > 0 })
	if v.Register.Why != "no Roost" {
		t.Errorf("it started %q, %q", v.Register.Reset, v.Register.Why)
	}
}
