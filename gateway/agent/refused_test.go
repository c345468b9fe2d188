package agent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
)

// What a thing cannot set it refuses with its reason, long before the command expires.
func TestSetOfWhatIsNotThereIsRefused(t *testing.T) {
	if !micropython.Available() {
		t.Skip("MicroPython is not built in: make vm, then go test -tags vm")
	}
	app := map[string]string{"app.py": `
import asyncio, platform
platform.resource("seen", lambda: 1)
def full(x):
    raise ValueError("it is full")
platform.resource("tank", set=full)
async def run():
    while True:
        platform.report(light=3)
        await asyncio.sleep(1)
`}
	for name, c := range map[string]desk.BoardConfig{
		"full": {App: app},
		"lean": {App: app, Profile: "lean", Settings: map[string]any{"setup_at_start": 0}},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, plan{})
			client := h.board("")
			c.URL, c.ID, c.Key = h.server.URL, client.ID, client.Key
			b, err := desk.NewBoard(c)
			if err != nil {
				t.Fatal(err)
			}
			b.Start()
			t.Cleanup(func() { _ = b.Stop() })
			ends := func(what string, is func() bool) {
				for end := time.Now().Add(3 * time.Minute); !is(); <-time.After(20 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("never: %s\n%s", what, b.Console())
					}
				}
			}
			ends("it is here", func() bool { k, _, _ := h.rooms.Registry.Get(ref(client)); return k.Online })
			for resource, why := range map[string]string{"nothing": "no resource nothing", "light": "no resource light", "seen": "seen can be read only", "tank": "it is full"} {
				cmd := h.submit(client, roost.Set, resource, "1")
				ends("the end of a set", func() bool {
					cmd, err = h.rooms.Commands.Find(t.Context(), roost.Home, cmd.ID)
					return err == nil && cmd.State.Final()
				})
				if cmd.State != roost.Failed || !strings.Contains(cmd.Error, why) {
					t.Errorf("%s: it is %s for %q", resource, cmd.State, cmd.Error)
				}
			}
		})
	}
}
