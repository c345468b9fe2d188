package desk

import (
	"strings"
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
	for _, profile := range []string{"full", "lean", "lean in a ROM"} {
		t.Run(profile, func(t *testing.T) {
			need(t)
			profile, _, in := strings.Cut(profile, " ")
			clock := micropython.NewClock(time.UnixMilli(1_800_000_000_000))
			s := NewServer(ServerConfig{Clock: clock})
			defer s.Close()
			c := BoardConfig{Server: s, Profile: profile}
			if in {
				c.ROM = micropython.NewROM(0, nil)
			}
			b := board(t, c)
			b.SetADC(0, 321)
			if err := b.Thing().Offer(App("1795240653", map[string]string{"app.py": blink})); err != nil {
				t.Fatal(err)
			}
			b.Start()
			v, err := b.Thing().Wait(limited(t), "the app's values", func(v View) bool { return v.Values["light"] == "321" && v.App() == "1795240653" })
			if err != nil {
				t.Fatalf("%v\n%s", err, b.Console())
			}
			if v.Register.Profile != profile || (v.Register.Platform == "esp8266") != in || in && v.Register.ROM != micropython.ROMSize/3&^4095 {
				t.Errorf("registered as %q on %q with %d bytes of ROM", v.Register.Profile, v.Register.Platform, v.Register.ROM)
			}
			if _, is := b.Flash().ReadFile("/_f/rt/__init__.py"); is == in {
				t.Errorf("the runtime lies on the flash: %v", is)
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
