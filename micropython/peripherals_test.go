package micropython

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/sha1"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHashesAndCiphersAreGos(t *testing.T) {
	need(t)
	key, iv := []byte("0123456789abcdef"), []byte("an initial value")
	text := []byte(strings.Repeat("a secret message", 3))
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	ecb, cbc := make([]byte, len(text)), make([]byte, len(text))
	for at := 0; at < len(text); at += aes.BlockSize {
		block.Encrypt(ecb[at:], text[at:])
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(cbc, text)
	want := fmt.Sprintf("%x\n%x\n%x\n%x\nTrue True True\nValueError ValueError ValueError\n", md5.Sum(text), sha1.Sum(text), ecb, cbc)

	got := ran(t, BoardConfig{}, `
import hashlib, cryptolib
from binascii import hexlify
key, iv, text = b'0123456789abcdef', b'an initial value', b'a secret message' * 3
for h in (hashlib.md5, hashlib.sha1):
    d = h(text[:5]); d.update(text[5:]); print(hexlify(d.digest()).decode())
ecb = cryptolib.aes(key, 1).encrypt(text)
c = cryptolib.aes(key, 2, iv); cbc = c.encrypt(text[:16]) + c.encrypt(text[16:])
print(hexlify(ecb).decode()); print(hexlify(cbc).decode())
c = cryptolib.aes(key, 2, iv)
b = bytearray(text); cryptolib.aes(key, 1).encrypt(b, b)
print(cryptolib.aes(key, 1).decrypt(ecb) == text, c.decrypt(cbc[:32]) + c.decrypt(cbc[32:]) == text, b == ecb)
def fails(f, *a):
    try: f(*a)
    except Exception as e: return type(e).__name__
print(fails(cryptolib.aes, b'short', 1), fails(cryptolib.aes, key, 6), fails(cryptolib.aes(key, 1).encrypt, b'odd'))
`)
	if got != want {
		t.Errorf("printed %s\nwant    %s", got, want)
	}
}

func TestPinsAndPixelsAreSeenFromOutside(t *testing.T) {
	need(t)
	d := onDesk(t, BoardConfig{
		ADC: func(pin int) int { return 10 * pin },
		Flash: NewFlash(map[string]string{"/main.py": `
import machine, neopixel, time
led, button = machine.Pin(2, machine.Pin.OUT), machine.Pin(0, machine.Pin.IN)
led.on()
machine.PWM(machine.Pin(5), freq=1000, duty=300)
lamp = neopixel.NeoPixel(machine.Pin(4), 2)
lamp[0] = (1, 2, 3); lamp.fill((9, 8, 7)); lamp[1] = (4, 5, 6); lamp.write()
print(machine.ADC(34).read(), machine.ADC(machine.Pin(3)).read_u16(), lamp[1], button.value())
while not button(): time.sleep_ms(1)
led.off()
print('pressed')
`}),
	})
	d.until("340 1920 (4, 5, 6) 0\r\n")
	if p := d.board.Pins(); p[2] != 1 || p[5] != 300 {
		t.Errorf("pins %v", p)
	}
	if p := d.board.Pixels(4); !slices.Equal(p, []byte{9, 8, 7, 4, 5, 6}) {
		t.Errorf("pixels %v", p)
	}
	d.board.SetPin(0, 1)
	d.until("pressed\r\n")
	if p := d.board.Pins(); p[2] != 0 {
		t.Errorf("pins %v", p)
	}
}

func TestWatchdogResetsABoardThatHangs(t *testing.T) {
	need(t)
	for _, hang := range []string{"while True: pass", "import time\ntime.sleep(1000)"} {
		got := ran(t, BoardConfig{}, `
import machine
print(machine.reset_cause())
if machine.reset_cause() == machine.PWRON_RESET:
    dog = machine.WDT(timeout=50)
    for i in range(3): dog.feed()
    `+strings.ReplaceAll(hang, "\n", "\n    "))
		if got != "1\n3\n" {
			t.Errorf("%q: printed %q", hang, got)
		}
	}
}

// With a Clock a board sleeps through a day at once.
func TestClockPassesWhereBoardsWait(t *testing.T) {
	need(t)
	clock := NewClock(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	got := ran(t, BoardConfig{Clock: clock}, `
import time
print(time.time(), time.ticks_ms())
for i in range(24): time.sleep(3600)
print(time.time(), time.ticks_ms())
`)
	if got != "1793534400.0 0\n1793620800.0 86400000\n" {
		t.Errorf("printed %q", got)
	}
	if at := clock.Now(); !at.Equal(time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("the clock stands at %v", at)
	}
}

func TestLittleMemoryIsAMemoryError(t *testing.T) {
	need(t)
	got := ran(t, BoardConfig{Memory: 64 << 10, Heap: 38 << 10}, `
import gc
free = gc.mem_free()
print(0 < free < 38 << 10)
kept = []
try:
    while True: kept.append(bytes(10000))
except MemoryError: print('full', 6 <= len(kept) < 300)
`)
	if got != "True\nfull True\n" {
		t.Errorf("printed %q", got)
	}
}

func TestSwitchedOffBoardsAreSwitchedOnAgain(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	var out strings.Builder
	running := make(chan struct{}, 1)
	b, err := NewBoard(BoardConfig{
		Flash: NewFlash(map[string]string{"/main.py": "import _host, machine\nprint(machine.reset_cause())\n_host.running()\nwhile True: pass"}),
		Print: func(text string) { out.WriteString(text) },
		Host: map[string]Func{"running": func(context.Context, []any) (any, error) {
			running <- struct{}{}
			return nil, nil
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		stop := make(chan struct{})
		go func() {
			defer close(stop)
			<-running
			cancel()
		}()
		if err := b.Run(ctx); err == nil || ctx.Err() == nil {
			t.Errorf("ended with %v", err)
		}
		<-stop
	}
	if out.String() != "1\n1\n" {
		t.Errorf("printed %q", out.String())
	}
}

// One operation is a board's start, with an empty main.py, to its end.
func BenchmarkBoard(b *testing.B) {
	need(b)
	keep(b, vmEngine)
	board, err := NewBoard(BoardConfig{Flash: NewFlash(map[string]string{"/main.py": "import asyncio, network"})})
	if err != nil {
		b.Fatal(err)
	}
	report := cpuTime(b)
	for b.Loop() {
		if err := board.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	report()
}

// One operation is 1,000 turns of asyncio's scheduler.
func BenchmarkAsyncio(b *testing.B) {
	need(b)
	keep(b, vmEngine)
	board, err := NewBoard(BoardConfig{Flash: NewFlash(map[string]string{"/main.py": fmt.Sprintf("import asyncio\nasync def main():\n  for i in range(%d): await asyncio.sleep_ms(0)\nasyncio.run(main())", 1000*b.N)})})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	if err := board.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func TestTimersAreCalledWhileTheProgramWaits(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	clock := NewClock(time.UnixMilli(1_800_000_000_000))
	got, err := play(t, BoardConfig{ROM: NewROM(0, nil), Clock: clock}, `
import asyncio, machine, time
seen = []
def start(): return time.ticks_ms()
began = start()
t = machine.Timer(-1)
t.init(period=1000, callback=lambda t: seen.append(time.ticks_diff(time.ticks_ms(), began)))
once = machine.Timer(-1, mode=machine.Timer.ONE_SHOT, period=2500, callback=lambda t: seen.append('once'))
time.sleep(3.2)
print(seen, time.ticks_diff(time.ticks_ms(), began))
asyncio.run(asyncio.sleep(2))
print(seen[-1], time.ticks_diff(time.ticks_ms(), began))
t.deinit()
time.sleep(5)
print(len(seen))
machine.Timer(-1).init(period=10, mode=0, callback=lambda t: 1 // 0)
time.sleep(1)
`)
	const want = "[1000, 2000, 'once', 3000] 3200\n5000 5200\n6\nTraceback (most recent call last):\n"
	if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "ZeroDivisionError: divide by zero\n") || err != nil {
		t.Errorf("printed %q, %v", got, err)
	}
}

// On an ESP8266 a timer feeds the watchdog, until it does not.
func TestTimerFeedsTheWatchdog(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	got, err := play(t, BoardConfig{ROM: NewROM(0, nil)}, `
import machine, time
print(machine.reset_cause())
if machine.reset_cause() != machine.WDT_RESET:
    fed = 0
    w = machine.WDT(timeout=2000)
    def feed(t):
        global fed
        fed += 1
        if fed < 9: w.feed()
    machine.Timer(-1).init(period=50, callback=feed)
    while fed < 9: time.sleep_ms(20)
    print('fed')
    while True: time.sleep_ms(20)
`)
	if got != "1\nfed\n3\n" || err != nil {
		t.Errorf("printed %q, %v", got, err)
	}
}
