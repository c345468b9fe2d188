package device_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/wire/agent"
)

// What stands in a board's small files is what somebody typed, a Roost of another version set, or a flash made of it.
// None of it may keep the app from running or the board from Roost.
func TestNoSettingIsABrick(t *testing.T) {
	url := map[string]any{"server": desk.URL}
	for name, c := range map[string]desk.BoardConfig{
		"settings": {Settings: map[string]any{
			"web_port": 99999, "pyaiot": 5, "setup_pin": "D4", "watchdog": 1e30, "sync_interval": []int{1}, "_move": "http://h:abc",
			"_of": 5, "trial": "soon", "worker_interval": -1, "setup_timeout": map[string]int{}, "led_pin": "x", "led_on": []int{},
		}},
		"server":      {Files: map[string]string{"settings.json": `{"server":"http://h:abc","backend":7}`, "_s/at": text(t, map[string]any{"url": desk.URL})}},
		"no settings": {Files: map[string]string{"settings.json": "", "_s/at": text(t, map[string]any{"url": desk.URL})}},
		"lists": {Settings: url, Files: map[string]string{
			"_s/trial": `["os"]`, "_s/crash": `[1]`, "_s/runs": `[3]`, "_s/wait": `{}`, "_s/why": "crash", "config.json": "[]", "device_id.json": "[",
		}},
		"other types": {Settings: url, Files: map[string]string{
			"_s/trial": `{"os":[],"foo":{}}`, "_s/crash": `{"part":5,"ver":[],"text":{},"at":"x"}`, "_s/runs": `{"ver":"0","n":"x"}`, "_s/why": "crash",
		}},
		"lost": {Settings: url, Files: map[string]string{
			"_s/why": "no Roost", "_s/lost": `{"ver":"1","n":99,"at":"x"}`, "_s/q": `{"q":[[1800000000001,"tele","{\"x\":1}"],[1800000000002,"msg","{"],["y",1,{}],5]}`,
		}},
		"no text": {Settings: url, Files: map[string]string{"_s/profile": "\xff\xfe", "_s/why": "\xff\xfe", "_s/ons": "\xff"}},
		"networks": {
			WiFi:  micropython.NewWiFi(map[string]string{"attic": "12345678"}),
			Files: map[string]string{"wifi.json": `[{"ssid":7,"new":1},{"ssid":["a"],"password":{}},{"ssid":"attic","password":12345678}]`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := coreServer(t, desk.ServerConfig{})
			c.App = coreCounter(1)
			b := coreBoard(t, s, c)
			coreWait(t, b.Thing(), "the app", func(v desk.View) bool { return len(v.Messages()) > 0 && v.Syncs > 0 })
			coreOffer(t, b.Thing(), desk.App("2", coreCounter(2)))
			coreWait(t, b.Thing(), "the next app", func(v desk.View) bool { return v.App() == "2" && len(v.Messages()) > 1 })
		})
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// An app that takes the line away is not good, however well it runs: it says itself whether it is on trial still.
func TestAppWithoutTheLineIsNotConfirmed(t *testing.T) {
	thing, _ := coreLinux(t, coreCounter(1)["app.py"], httptest.NewServer, nil)
	coreWait(t, thing, "the first app", func(v desk.View) bool { return len(v.Messages()) == 1 })
	coreOffer(t, thing, desk.App("2", map[string]string{"app.py": `
import asyncio, platform
from rt import link as call, slots
good = call.Link.sealed
def broken(*_):
    raise OSError(5)
call.Link.sealed = broken
async def run():
    await asyncio.sleep(6)
    platform.send({"tried": "try" in slots.load("app")})
    call.Link.sealed = good
`}))
	v := coreWait(t, thing, "it confirmed", func(v desk.View) bool { return v.Reported("app", "2", agent.Confirmed) && len(v.Messages()) > 1 })
	if !strings.Contains(text(t, v.Messages()), `"tried":true`) {
		t.Errorf("it was confirmed without the line: %s", text(t, v.Messages()))
	}
}

// A folder is run once, whoever starts it twice; and what an app does to its process does not end the thing.
func TestLinuxThingIsStartedAgainWhateverEndsIt(t *testing.T) {
	thing, run := coreLinux(t, `
import os
async def run():
    for name, end in (("a", lambda: os._exit(0)), ("b", lambda: exec("raise KeyboardInterrupt"))):
        if not os.path.exists(name):
            open(name, "w").close()
            end()
    import platform
    platform.send({"survived": 1})
`, httptest.NewServer, nil)
	coreWait(t, thing, "the third start", func(v desk.View) bool { return len(v.Messages()) > 0 })
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	again := exec.CommandContext(ctx, "/bin/sh", run.Args[1])
	kill := grouped(again)
	again.Cancel = func() error { kill(); return nil } // with the Python that it may have started
	second, err := again.CombinedOutput()
	if err != nil || !strings.Contains(string(second), "runs already") {
		t.Errorf("the second run.sh: %v\n%s", err, second)
	}
}
