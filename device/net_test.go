package device_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/micropython"
)

// patience is how long a test waits for what must come.
const patience = 3 * time.Minute

// box is a board with modules of the runtime on it and a main.py of the test's, on
// loopback: what it opens at port 80 or 53 is found by reach.
type box struct {
	t     *testing.T
	air   *micropython.WiFi
	board *micropython.Board
	flash *micropython.Flash
	off   func() // cuts its power

	mu      sync.Mutex
	changed chan struct{} // closed when something changed
	text    strings.Builder
	ports   map[string]string // "tcp 80" to where that is
}

// lead is what stands before a test's program: paths, a loop that never ends by itself.
const lead = `
import sys
sys.path[:] = ['/_f', '.frozen', '/lib', '']
import asyncio
from rt import hal, conf, log, net, nets, wifi
net.leave = lambda: None
wifi.SOON, wifi.TRY = 100, 3000
wifi.pause = lambda n: 20
`

// boxed gives a board that is off. files are over those of the runtime.
func boxed(t *testing.T, air *micropython.WiFi, program string, files map[string]string) *box {
	t.Helper()
	return boxedAt(t, air, nil, program, files)
}

// boxedAt is boxed with a clock.
func boxedAt(t *testing.T, air *micropython.WiFi, clock *micropython.Clock, program string, files map[string]string) *box {
	t.Helper()
	needVM(t)
	all := map[string]string{"/main.py": lead + program, "/_s/profile": "full"}
	for name, text := range modules(t) {
		all["/_f/"+name] = text
	}
	for name, text := range files {
		all[name] = text
	}
	b := &box{t: t, air: air, flash: micropython.NewFlash(all), changed: make(chan struct{}), ports: map[string]string{}}
	var err error
	b.board, err = micropython.NewBoard(micropython.BoardConfig{
		Flash: b.flash, WiFi: air, ID: "28cdc1001a2b", Print: b.print, Clock: clock,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if !strings.HasPrefix(address, "127.") {
				return nil, micropython.Errno(113)
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
		Listen: func(ctx context.Context, network, address string) (net.Listener, error) {
			l, err := (&net.ListenConfig{}).Listen(ctx, network, "127.0.0.1:0")
			if err == nil {
				b.opened("tcp", address, l.Addr())
			}
			return l, err
		},
		ListenPacket: func(ctx context.Context, network, address string) (net.PacketConn, error) {
			c, err := (&net.ListenConfig{}).ListenPacket(ctx, network, "127.0.0.1:0")
			if err == nil {
				b.opened("udp", address, c.LocalAddr())
			}
			return c, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// modules are the files of the folder, by their names below _f.
func modules(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"rt/*.py", "platform.py"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.ToSlash(name)] = string(text)
		}
	}
	return files
}

func (b *box) note(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *box) print(text string) { b.note(func() { b.text.WriteString(text) }) }

func (b *box) opened(network, asked string, at net.Addr) {
	_, port, _ := net.SplitHostPort(asked)
	b.note(func() { b.ports[network+" "+port] = at.String() })
}

// on switches the board on, until off or the end of the test.
func (b *box) on() {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := b.board.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			b.t.Errorf("the board ended: %v", err)
		}
	}()
	b.off = sync.OnceFunc(func() {
		cancel()
		<-done
		b.note(func() { clear(b.ports) })
	})
	b.t.Cleanup(b.off)
}

// until waits for something that a change brings.
func (b *box) until(what string, ok func() bool) {
	b.t.Helper()
	late := time.After(patience)
	for {
		b.mu.Lock()
		done, changed := ok(), b.changed
		b.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-late:
			b.mu.Lock()
			defer b.mu.Unlock()
			b.t.Fatalf("never: %s; printed\n%s", what, b.text.String())
		}
	}
}

// says waits until the board has printed text, and gives all it printed until then.
func (b *box) says(text string) string {
	b.t.Helper()
	b.until("says "+text, func() bool { return strings.Contains(b.text.String(), text) })
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// forget drops what was printed.
func (b *box) forget() { b.note(b.text.Reset) }

// reach waits until the board has opened a port, and gives where that is.
func (b *box) reach(network string, port int) string {
	b.t.Helper()
	name := network + " " + strconv.Itoa(port)
	b.until("opens "+name, func() bool { return b.ports[name] != "" })
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ports[name]
}

func (b *box) file(name string) string {
	text, _ := b.flash.ReadFile(name)
	return string(text)
}

// stays prints the network each time that it changes, and takes one when one is pushed.
const stays = `
async def main():
    print('up', await net.up())
    was = None
    while True:
        ssid = network() if net.ok() else None
        if ssid != was:
            was = ssid
            print('on', ssid, '.')
        try:
            pushed = conf.load('pushed')
            if pushed:
                conf.drop('pushed')
                net.take(pushed)
                print('took')
        except OSError:
            pass
        await hal.sleep_ms(20)
def network():
    return net.sta._settings[0]['essid']
asyncio.run(main())
`

const wifi = `[{"ssid": "house", "password": "correct horse"}]`

func TestPushedNetworkWithAWrongPasswordIsGivenUp(t *testing.T) {
	air := micropython.NewWiFi(map[string]string{"house": "correct horse", "shed": "battery staple"})
	b := boxed(t, air, stays, map[string]string{"/wifi.json": wifi})
	b.on()
	b.says("on house .")
	b.forget()
	b.flash.WriteFile("/pushed.json", []byte(`[{"ssid": "shed", "password": "wrong wrong"}]`))
	b.says("took")
	b.says("on house .")
	if printed := b.says("Wi-Fi house"); !strings.Contains(printed, "Wi-Fi shed cannot be joined") {
		t.Errorf("printed %s", printed)
	}
	const want = `[{"ssid": "house", "password": "correct horse"}, {"ssid": "shed", "password": "wrong wrong"}]`
	if got := b.file("/wifi.json"); !alike(t, got, want) {
		t.Errorf("keeps %s", got)
	}
	if got := b.file("/settings.json"); !strings.Contains(got, `"wifi_failed": "shed"`) {
		t.Errorf("settings %s", got)
	}
	b.forget()
	b.flash.WriteFile("/pushed.json", []byte(`[{"ssid": "shed", "password": "wrong wrong"}]`))
	b.says("took")
	if printed := b.says("took"); strings.Contains(printed, "on") {
		t.Errorf("the same one again was tried: %s", printed)
	}
	// The right one is taken, and nothing has failed any more.
	b.flash.WriteFile("/pushed.json", []byte(`[{"ssid": "shed", "password": "battery staple"}]`))
	b.says("info Wi-Fi shed")
	if got := b.file("/wifi.json"); !alike(t, got, `[{"ssid": "shed", "password": "battery staple"}, {"ssid": "house", "password": "correct horse"}]`) {
		t.Errorf("keeps %s", got)
	}
	if got := b.file("/settings.json"); strings.Contains(got, "shed") {
		t.Errorf("settings %s", got)
	}
}

// A network that can be joined but does not lead to Roost is given up, too.
func TestPushedNetworkThatLeadsNowhereIsGivenUp(t *testing.T) {
	air := micropython.NewWiFi(map[string]string{"house": "correct horse", "shed": ""})
	b := boxed(t, air, `
syncs = 0
net.heard = lambda: syncs
wifi.REACH = 2
`+stays, map[string]string{"/wifi.json": wifi})
	b.on()
	b.says("on house .")
	b.flash.WriteFile("/pushed.json", []byte(`{"ssid": "shed"}`))
	b.says("on shed .")
	b.forget()
	b.says("on house .")
	if got := b.file("/settings.json"); !strings.Contains(got, `"wifi_failed": "shed"`) {
		t.Errorf("settings %s", got)
	}
}

func TestNetworkGoesAndComesBack(t *testing.T) {
	air := micropython.NewWiFi(map[string]string{"house": "correct horse"})
	b := boxed(t, air, stays, map[string]string{"/wifi.json": `[{"ssid": "gone", "password": "12345678"}, {"ssid": "house", "password": "correct horse"}]`})
	b.on()
	b.says("info Wi-Fi house")
	if got := b.file("/wifi.json"); !strings.HasPrefix(got, `[{"ssid": "house"`) && !strings.HasPrefix(got, `[{"password": "correct horse"`) {
		t.Errorf("what works does not stand first: %s", got)
	}
	b.forget()
	air.Drop("house")
	b.says("on None .")
	b.says("house cannot be joined")
	b.forget()
	air.Set("house", "correct horse")
	b.says("on house .")
	// It falls back to another one that it knows.
	b.forget()
	air.Set("gone", "12345678")
	air.Drop("house")
	b.says("on gone .")
}

func TestFormsOfWiFiFiles(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"one object": {"/wifi.json": `{"ssid": "house", "password": "correct horse"}`},
		"PythingsOS": {"/wifi": "house\ncorrect horse\n"},
		"garbage":    {"/wifi.json": `[7, null, {"password": "x"}, {"ssid": ""}, {"ssid": "house", "password": "correct horse"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			b := boxed(t, micropython.NewWiFi(map[string]string{"house": "correct horse"}), stays, files)
			b.on()
			b.says("on house .")
		})
	}
}

func TestBackOffHasJitterWithinBounds(t *testing.T) {
	program := strings.Replace(lead, "wifi.pause = lambda n: 20", "", 1) + `
for n, base in ((1, 2000), (2, 4000), (8, 256000), (50, 256000)):
    all = [wifi.pause(n) for _ in range(200)]
    print(n, min(all) >= base // 2, max(all) < base * 3 // 2, len(set(all)) > 20)
print('over')
`
	b := boxed(t, nil, "", map[string]string{"/main.py": program})
	b.on()
	got := b.says("over")
	if want := "1 True True True\n2 True True True\n8 True True True\n50 True True True\nover"; !strings.HasPrefix(got, want) {
		t.Errorf("printed %s", got)
	}
}

// Hours without the Wi-Fi: the board tries again and again, at times that nobody can
// foretell within bounds, and is back soon after the Wi-Fi is.
func TestHoursWithoutWiFi(t *testing.T) {
	air := micropython.NewWiFi(nil)
	program := strings.Replace(lead, "wifi.SOON, wifi.TRY = 100, 3000\nwifi.pause = lambda n: 20", "", 1) + `
tries = []
attempt = wifi.attempt
async def tried(w, ms=None):
    tries.append(hal.ticks_ms())
    return await attempt(w, ms)
wifi.attempt = tried
async def main():
    await net.up()
    await hal.sleep_ms(6 * 3600 * 1000)
    print('after hours', net.ok())
    waits = [hal.ticks_diff(b, a) - 4400 for a, b in zip(tries, tries[1:])]
    good = [(500 << min(n + 1, 8)) <= w + 800 and w <= (1500 << min(n + 1, 8)) + 800 for n, w in enumerate(waits)]
    print('bounds', all(good), 'waits', 50 < len(waits) < 150, 'differ', len(set(waits)) > len(waits) // 2)
    print('gone', 21100000 < net.gone < 21700000 or net.gone)
    while not net.ok():
        await hal.sleep_ms(1000)
    print('back', net.gone >= 0, 'over')
asyncio.run(main())
`
	b := boxedAt(t, air, micropython.NewClock(time.Unix(1_800_000_000, 0)), "", map[string]string{"/main.py": program, "/wifi.json": wifi})
	b.on()
	b.says("gone ")
	air.Set("house", "correct horse")
	got := b.says("over")
	if at := strings.Index(got, "after"); at < 0 || !strings.Contains(got, "after hours False\nbounds True waits True differ True\ngone True\n") {
		t.Errorf("printed %s", got[max(at, 0):])
	}
}

// When a board wants to be set up, by how it was started.
func TestReasonsForSetUp(t *testing.T) {
	const ask = "\nasync def main():\n    print('wants', net.wants_setup(), '.')\n    await hal.sleep_ms(100000)\nasyncio.run(main())\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no network", nil, "no network"},
		{"nothing", map[string]string{"/wifi.json": wifi}, "None"},
		{"asked", map[string]string{"/wifi.json": wifi, "/settings.json": `{"setup": 1}`}, "asked"},
		{"button", map[string]string{"/wifi.json": wifi, "/settings.json": `{"setup_pin": 4}`}, "button"},
		{"button to 3.3 V, not held", map[string]string{"/wifi.json": wifi, "/settings.json": `{"setup_pin": -4}`}, "None"},
		{"lean", map[string]string{"/wifi.json": wifi, "/_s/profile": "lean"}, "power-on"},
		{"lean, planned", map[string]string{"/wifi.json": wifi, "/_s/profile": "lean", "/_s/why": "update"}, "None"},
		{"lean, switched off", map[string]string{"/wifi.json": wifi, "/_s/profile": "lean", "/settings.json": `{"setup_timeout": "0"}`}, "None"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := boxed(t, micropython.NewWiFi(nil), ask, c.files)
			b.on()
			b.says("wants " + c.want + " .")
		})
	}
	t.Run("three power-ons", func(t *testing.T) {
		b := boxed(t, micropython.NewWiFi(nil), ask, map[string]string{"/wifi.json": wifi})
		for _, want := range []string{"None", "None", "three power-ons", "None"} {
			b.forget()
			b.on()
			b.says("wants " + want + " .")
			b.off()
		}
	})
	t.Run("three slow power-ons", func(t *testing.T) {
		b := boxed(t, micropython.NewWiFi(nil), "\nfrom rt import want\nwant.QUICK = 1\n"+strings.Replace(ask, "await hal.sleep_ms(100000)", "await hal.sleep_ms(50)\n    print('over')", 1),
			map[string]string{"/wifi.json": wifi})
		for range 4 {
			b.forget()
			b.on()
			if got := b.says("over"); !strings.Contains(got, "wants None .") {
				t.Fatal(got)
			}
			b.off()
		}
	})
	t.Run("ten minutes without Wi-Fi", func(t *testing.T) {
		for _, allowed := range []int{0, 1} {
			b := boxed(t, micropython.NewWiFi(nil), "\nprint('at first', net.wants_setup(), hal.why, '.')\nnet.gone = 600001\n"+ask, map[string]string{
				"/wifi.json": wifi, "/_s/why": "update", "/settings.json": fmt.Sprintf(`{"setup_offline": %d}`, allowed),
			})
			b.on()
			b.says([]string{"wants None .", "at first asked no Wi-Fi for 10 minutes ."}[allowed])
		}
	})
}

// alike compares two JSON texts by what they mean.
func alike(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Fatalf("%q, %q: %v", a, b, err)
	}
	return reflect.DeepEqual(x, y)
}
