package device_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/wire/agent"
)

// growthApp says how much heap is in use, the least of some looks.
const growthApp = `
import asyncio, gc, platform
async def run():
    while True:
        await asyncio.sleep(3)
        platform.report(x=1)
        raise ValueError("on purpose")

@platform.on_message
async def said(body):
    if body == "raise":
        raise ValueError("as asked")
    if body != "mem":
        return body
    least = 1 << 30
    for i in range(40):
        gc.collect()
        await asyncio.sleep(0.05)
        least = min(least, gc.mem_alloc())
    return least
`

// What comes and goes leaves nothing behind: commands, faults, lost connections and sessions, updates that are refused.
func TestHeapDoesNotGrow(t *testing.T) {
	needVM(t)
	for name, c := range map[string]desk.BoardConfig{
		"full":        {},
		"lean in ROM": {ROM: micropython.NewROM(0, nil), Settings: map[string]any{"setup_at_start": 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s := coreServer(t, desk.ServerConfig{})
			c.App = map[string]string{"app.py": growthApp}
			b := coreBoard(t, s, c)
			coreWait(t, b.Thing(), "a value", func(v desk.View) bool { return v.Values["x"] != "" })
			held := func() int { // the least of some: what is under way differs by up to 4.4 kB
				least := 1 << 30
				for range 4 {
					n, err := strconv.Atoi(string(sends(t, b, "message", "mem").Body))
					if err != nil {
						t.Fatal(err)
					}
					least = min(least, n)
				}
				return least
			}
			n := 0
			rounds := func(more int) {
				for range more {
					n++
					growthRound(t, s, b, n)
				}
			}
			rounds(30 / slotSparse)
			before := held()
			rounds(growthRounds / slotSparse)
			after := held()
			t.Logf("%d bytes in use, after %d rounds more %d", before, growthRounds/slotSparse, after)
			if after > before+8192 || b.Thing().View().Boots > 1 {
				t.Errorf("%d bytes in use at first, %d after %d rounds; %d boots", before, after, n, b.Thing().View().Boots)
			}
		})
	}
}

// growthRounds are enough to see 40 bytes that stay in each; 2,400 have been run.
const growthRounds = 240

func growthRound(t *testing.T, s *desk.Server, b *desk.Board, n int) {
	t.Helper()
	sends(t, b, "message", fmt.Sprint("round ", n))
	switch n % 5 {
	case 0:
		sends(t, b, "message", "raise")
	case 1:
		sends(t, b, "shell", "x = "+fmt.Sprint(n)+"; x + 1")
	case 2:
		s.Forget()
	case 3:
		cut := 0
		s.Break(func(*http.Request) desk.Fault {
			if cut++; cut == 1 {
				return desk.Fault{Cut: -1}
			}
			return desk.Fault{}
		})
	case 4:
		if b.ROM() != nil {
			return // it restarts for each
		}
		ver := fmt.Sprint("9.", n)
		coreOffer(t, b.Thing(), desk.App(ver, map[string]string{"a b": strings.Repeat("x", 100)}))
		coreWait(t, b.Thing(), "it refused", func(v desk.View) bool { return v.Reported("app", ver, agent.Refused) })
	}
}
