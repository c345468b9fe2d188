package desk

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/micropython"
)

// need skips a test in a build without MicroPython.
func need(t *testing.T) {
	t.Helper()
	if !micropython.Available() {
		t.Skip("MicroPython is not built in: make vm, then go test -tags vm (make test does both)")
	}
}

func board(t *testing.T, c BoardConfig) *Board {
	t.Helper()
	need(t)
	b, err := NewBoard(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Stop() })
	return b
}

// asking asks the server for the time as often as it is told, with a pause of a minute.
const asking = `
import asyncio, json, network, time
network.WLAN().active(True)
network.WLAN().connect('desk', 'on the desk')
async def ask(n):
    key = json.load(open('/_s/key'))
    r, w = await asyncio.open_connection('desk', 80)
    for i in range(n):
        body = json.dumps({'id': key['id'], 'nonce': '0' * 32})
        w.write('POST /d/1/time HTTP/1.1\r\nHost: desk\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body))
        await w.drain()
        length = 0
        while True:
            line = await r.readline()
            if line in (b'\r\n', b''): break
            name, _, value = line.decode().partition(':')
            if name.lower() == 'content-length': length = int(value)
        print(json.loads(await r.readexactly(length))['now'])
        await asyncio.sleep(60)
    w.close()
    await w.wait_closed()
`

// A connection that is open all the time does not keep a clock from passing.
func TestTimePassesWithAConnectionOpen(t *testing.T) {
	clock := micropython.NewClock(time.UnixMilli(1_800_000_000_000))
	s := NewServer(ServerConfig{Clock: clock})
	defer s.Close()
	b := board(t, BoardConfig{Server: s, Runtime: map[string]string{"main.py": asking + "asyncio.run(ask(100))\nprint('over')\n"}})
	b.Start()
	if err := b.Wait(limited(t)); err != nil {
		t.Fatal(err)
	}
	printed := strings.Fields(b.Console())
	if len(printed) != 101 || printed[0] != "1800000000000" || printed[100] != "over" {
		t.Fatalf("printed %d lines, %.200s", len(printed), b.Console())
	}
	if at := clock.Now().UnixMilli(); at < 1_800_000_000_000+6_000_000 || at > 1_800_000_000_000+6_100_000 {
		t.Errorf("the clock stands at %d", at)
	}
}

func TestBoardsAreSwitchedOffAndOn(t *testing.T) {
	s := NewServer(ServerConfig{})
	defer s.Close()
	b := board(t, BoardConfig{Server: s, Files: map[string]string{"main.py": "import time, machine\nprint('on', machine.ADC(3).read())\nwhile True: time.sleep(1)"}})
	b.SetADC(3, 99)
	b.Start()
	if err := b.Printed(limited(t), "on 99\n"); err != nil {
		t.Fatal(err)
	}
	b.SetADC(3, 100)
	b.PowerCut()
	if err := b.Printed(limited(t), "on 100\n"); err != nil {
		t.Fatal(err)
	}
	if err := b.Stop(); err != nil {
		t.Error(err)
	}
	b.Flash().Cut(1, micropython.CutBefore)
	b.Flash().WriteFile("/main.py", []byte("open('/x', 'w').close()"))
	b.Start()
	if err := b.Wait(limited(t)); !errors.Is(err, micropython.ErrPowerCut) {
		t.Errorf("ended with %v", err)
	}
}

func TestABoardIsFurnishedAsByAnInstaller(t *testing.T) {
	s := NewServer(ServerConfig{})
	defer s.Close()
	b := board(t, BoardConfig{Server: s, App: map[string]string{"app.py": "x"}, Settings: map[string]any{"pyaiot": "no"}})
	for name, want := range map[string]string{"/_p/app.py": "x", "/_s/app": `{"run":"_p","ver":"1","prev":"","pver":"","bad":[],"n":0}`, "/settings.json": `{"pyaiot":"no","server":"http://desk"}`} {
		if got, _ := b.Flash().ReadFile(name); string(got) != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	var key struct{ ID, Key string }
	text, _ := b.Flash().ReadFile("/_s/key")
	if json.Unmarshal(text, &key) != nil || key.ID != b.Thing().ID || key.Key != b.Thing().Key().String() {
		t.Errorf("key %s", text)
	}
	if _, ok := b.Flash().ReadFile("/_f/rt/hal.py"); !ok {
		t.Error("no runtime")
	}
	again := board(t, BoardConfig{Server: s, Flash: b.Flash()})
	if again.ID() != b.ID() || again.Key() != b.Key() {
		t.Error("another board on the same flash")
	}
}

func TestTheBoardsOwnServerIsReached(t *testing.T) {
	s := NewServer(ServerConfig{})
	defer s.Close()
	b := board(t, BoardConfig{Server: s, Runtime: map[string]string{"main.py": `
import asyncio
async def serve(r, w):
    while await r.readline() not in (b'\r\n', b''): pass
    w.write('HTTP/1.0 200 OK\r\n\r\nhere')
    await w.drain()
    w.close()
    await w.wait_closed()
async def main():
    await asyncio.start_server(serve, '0.0.0.0', 80)
    print('serves')
    await asyncio.sleep(1000)
asyncio.run(main())
`}})
	b.Start()
	if err := b.Printed(limited(t), "serves"); err != nil {
		t.Fatal(err)
	}
	answer, err := b.Client().Get("http://board/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if text, err := io.ReadAll(answer.Body); err != nil || string(text) != "here" {
		t.Errorf("%q, %v", text, err)
	}
}
