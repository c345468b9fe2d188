package micropython

import "testing"

// A boot program that sets sys.path, as bootloaders with slots do, still has what is built in.
func TestModulesAreBuiltInWhateverThePath(t *testing.T) {
	need(t)
	got := ran(t, BoardConfig{Flash: NewFlash(map[string]string{
		"/boot.py":     "import sys\nsys.path[:] = ['/_a', '.frozen', '/lib', '']\n",
		"/_a/there.py": "x = 1", "/lib/neopixel.py": "own = 2",
	})}, `
import machine, there, asyncio, network, socket, neopixel, os
async def main():
    await asyncio.sleep_ms(1)
    print(machine.Pin(1).value(), there.x, neopixel.own, hasattr(asyncio, 'start_server'), os.listdir('/lib'))
asyncio.run(main())
`)
	if got != "0 1 2 True ['neopixel.py']\n" {
		t.Errorf("printed %q", got)
	}
}
