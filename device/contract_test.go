package device_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
)

// contractApp goes through docs/app-contract.md and tells what is not as it is written there.
const contractApp = `
import asyncio, time, sys
import env, hal, api, logger
import platform
import place

DEVICE_TYPE = "esp32"
FIRMWARE = "1.0.0"
META = {"room": "attic"}
kept = [5]

def change(v):
    kept[0] = v

async def read():
    return kept[0]

async def handler(request):
    return {"path": request.path}

def checks():
    t = time.ticks_add(time.ticks_ms(), 5)
    yield "ticks", time.ticks_diff(t, time.ticks_ms()) <= 5
    time.sleep_ms(1)
    yield "system", sys.implementation.name == "micropython" or platform.system() == "Linux"
    yield "id", isinstance(platform.device_id, str) and len(platform.device_id) > 3
    yield "setting", platform.setting("trial", 3) == 1 and platform.setting("none", 3) == 3
    yield "config", platform.get_config() == {}
    yield "epoch", isinstance(env.chronos.epoch(), int) and env.chronos.epoch_s() > 1600000000
    yield "tid", len(hal.get_tid()) == 12 and hal.get_tid() == hal.get_tid().upper()
    yield "cause", hal.get_reset_cause() in ("power on", "planned", "unknown")
    api.report("x", "OK", "fine")
    logger.info("a", 1)
    logger.warning("b")
    platform.log("from the app")
    with open((place.top or "") + "/platform_log.txt") as f:
        yield "platform_log", "from the app" in f.read()
    try:
        platform.send("x" * 40000)
        yield "too long", False
    except ValueError:
        pass
    platform.send({"at": object(), "nan": float("nan")})
    platform.set_heartbeat_interval(1000)
    platform.register_routes([("get", "/reading", handler)])
    platform.resource("level", read, change)
    yield "decorator", callable(platform.on_message(answer))
    platform.report(celsius=21)
    yield "telemetry", platform._telemetry.get("celsius") == 21

async def answer(data):
    return ["got", data]

async def run():
    await asyncio.sleep_ms(10)
    bad = []
    try:
        for name, ok in checks():
            if not ok:
                bad.append(name)
    except Exception as e:
        bad.append(repr(e))
    platform.send(bad or "as it is written")
    while True:
        await asyncio.sleep(60)
`

const contractTop = `
from rt import hal
top = hal.ROOT
`

func TestAppsFindWhatTheContractSays(t *testing.T) {
	app := map[string]string{"app.py": contractApp, "place.py": contractTop}
	check := func(t *testing.T, thing *desk.Thing) {
		t.Helper()
		v := coreWait(t, thing, "what it found", func(v desk.View) bool {
			return len(v.Messages()) == 2 && v.Values["level"] == "5" && v.Values["celsius"] == "21" && strings.Contains(string(v.Register.Meta), "attic")
		})
		if got := v.Messages()[1]; got != `"as it is written"` {
			t.Errorf("not so: %s", got)
		}
		if got := string(v.Messages()[0]); !strings.Contains(got, `"nan":null`) && !strings.Contains(got, `"nan": null`) {
			t.Errorf("sent %s", got)
		}
	}
	for name, c := range map[string]desk.BoardConfig{
		"full": {}, "lean": {Profile: "lean"}, "lean in ROM": {ROM: micropython.NewROM(0, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			c.App, c.Settings = app, map[string]any{"trial": 1, "setup_at_start": 0}
			b := coreBoard(t, coreServer(t, desk.ServerConfig{}), c)
			check(t, b.Thing())
			if a := sends(t, b, "message", "hi"); !a.OK || !sameJSON([]byte(a.Body), []byte(`["got","hi"]`)) {
				t.Errorf("answered %+v", a)
			}
			if a := sends(t, b, "set", map[string]any{"name": "level", "value": 9}); !a.OK || string(a.Body) != "9" {
				t.Errorf("answered %+v", a)
			}
			if a := sends(t, b, "identify", nil); !a.OK {
				t.Errorf("answered %+v", a)
			}
			if a := sends(t, b, "shell", "1/0"); !strings.Contains(string(a.Body), "ZeroDivisionError") {
				t.Errorf("answered %+v", a)
			}
		})
	}
	t.Run("computer", func(t *testing.T) {
		thing, _ := coreLinux(t, contractApp, httptest.NewServer, map[string]string{"_p/place.py": contractTop})
		check(t, thing)
	})
}
