package desk

import (
	"testing"
	"time"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/wire/agent"
)

const blink = `
import asyncio, machine, platform
META = {"what": "test"}
led = machine.Pin(2, machine.Pin.OUT)
platform.resource("led", lambda: led.value(), lambda v: led.value(v))
async def run():
    n = 0
    while True:
        n += 1
        platform.report(n=n, light=machine.ADC(0).read())
        await asyncio.sleep_ms(1000)
`

// The runtime as it is on a board, from power-on to a confirmed update, in no time.
func TestTheRuntimeRunsAnApp(t *testing.T) {
	for _, profile := range []string{"full", "lean"} {
		t.Run(profile, func(t *testing.T) {
			need(t)
			clock := micropython.NewClock(time.UnixMilli(1_800_000_000_000))
			s := NewServer(ServerConfig{Clock: clock})
			defer s.Close()
			b := board(t, BoardConfig{Server: s, Profile: profile})
			b.SetADC(0, 321)
			if err := b.Thing().Offer(App("1795240653", map[string]string{"app.py": blink})); err != nil {
				t.Fatal(err)
			}
			b.Start()
			v, err := b.Thing().Wait(limited(t), "the app's values", func(v View) bool { return v.Values["light"] == "321" && v.App() == "1795240653" })
			if err != nil {
				t.Fatalf("%v\n%s", err, b.Console())
			}
			if v.Register.Profile != profile {
				t.Errorf("registered as %q", v.Register.Profile)
			}
			if ack, err := b.Thing().Send(limited(t), "set", agent.SetBody{Name: "led", Value: "1"}); err != nil || !ack.OK || b.Pins()[2] != 1 {
				t.Errorf("set: %+v, %v, pins %v", ack, err, b.Pins())
			}
			if _, err := b.Thing().Wait(limited(t), "confirmation", func(v View) bool { return v.Reported("app", "1795240653", agent.Confirmed) }); err != nil {
				t.Errorf("%v\n%s", err, b.Console())
			}
		})
	}
}
