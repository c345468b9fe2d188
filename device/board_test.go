package device_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
)

// corePatience is how long a board may take for one step on a slow machine.
const corePatience = 4 * time.Minute

// coreBoard is a board with the runtime at a server, switched on.
func coreBoard(t *testing.T, s *desk.Server, c desk.BoardConfig) *desk.Board {
	t.Helper()
	needVM(t)
	c.Server = s
	b, err := desk.NewBoard(c)
	if err != nil {
		t.Fatal(err)
	}
	b.Start()
	t.Cleanup(func() {
		if err := b.Stop(); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the board ended: %v", err)
		}
		if t.Failed() {
			t.Log(b.Console())
		}
	})
	return b
}

// coreServer is a server with a clock that passes when nobody works.
func coreServer(t *testing.T, c desk.ServerConfig) *desk.Server {
	t.Helper()
	if c.Clock == nil {
		c.Clock = micropython.NewClock(time.Unix(1_800_000_000, 0))
	}
	s := desk.NewServer(c)
	t.Cleanup(s.Close)
	return s
}

// coreWait waits until a thing is seen to be so.
func coreWait(t *testing.T, thing *desk.Thing, what string, is func(desk.View) bool) desk.View {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	v, err := thing.Wait(ctx, what, is)
	if err != nil {
		t.Fatalf("%v; the thing said %+v", err, v)
	}
	return v
}

const coreApp = `
import asyncio, platform
DEVICE_TYPE = "esp32"
FIRMWARE = "1.2.3"
META = {"room": "attic"}
async def run():
    n = 0
    while True:
        n += 1
        platform.report(count=n)
        await asyncio.sleep(5)
`

func TestBoardComesToRoost(t *testing.T) {
	for _, profile := range []string{"full", "lean"} {
		t.Run(profile, func(t *testing.T) {
			s := coreServer(t, desk.ServerConfig{})
			b := coreBoard(t, s, desk.BoardConfig{Profile: profile, App: map[string]string{"app.py": coreApp}})
			v := coreWait(t, b.Thing(), "the app's meta and value", func(v desk.View) bool {
				return strings.Contains(string(v.Register.Meta), "attic") && v.Values["count"] != ""
			})
			r := v.Register
			if r.MAC != b.MAC() || r.App != "1" || r.Slots.App.Run != "_p" || r.Slots.OS.From != "factory" || r.Files["app.py"] == "" || v.Boots != 1 {
				t.Errorf("registered %+v, boots %d", r, v.Boots)
			}
		})
	}
}
