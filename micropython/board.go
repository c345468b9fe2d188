package micropython

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// BoardConfig is what a Board is made of; its zero value works.
type BoardConfig struct {
	Flash  *Flash            // nil: an empty one
	ROM    *ROM              // makes it an ESP8266; nil: it has none
	Memory int               // bytes that Python may have; 0: 8 MB. The least is 64 kB
	Heap   int               // what gc.mem_free() starts from; 0: 128 kB, with a ROM ESP8266Heap and ESP8266StandIns
	Limit  bool              // with a ROM: tasks that hold more than Heap get a MemoryError
	Now    func() time.Time  // its clock; nil: time.Now
	Print  func(text string) // all that it writes to its console; nil: dropped

	// Serial is the other end of its serial line: programs read and write it,
	// Ctrl-C interrupts them, and when they have ended there is the REPL, raw
	// mode and raw paste included. Run closes it. nil: there is none, and Run
	// returns when the programs have ended.
	Serial io.ReadWriteCloser

	// Dial and Listen are the network around the board; a policy or a test
	// decides what is in reach. Dial gets names as the program wrote them. An
	// error that is an Errno becomes that OSError. Without one of them nothing
	// can be dialled, listened on, or sent by UDP. They are called as those of
	// net.Dialer and net.ListenConfig.
	Dial         func(ctx context.Context, network, address string) (net.Conn, error)
	Listen       func(ctx context.Context, network, address string) (net.Listener, error)
	ListenPacket func(ctx context.Context, network, address string) (net.PacketConn, error)

	WiFi  *WiFi  // the air around it; nil: every network is there, with any password
	ID    string // machine.unique_id() and the MAC address, 12 hex digits; "": 726f6f737400
	Clock *Clock // in place of Now and of real waiting; nil: none

	ADC func(pin int) int // what an analogue input reads, 0 to 1023; nil: daylight

	Modules map[string]string // modules that are built in beside the usual ones
	Host    map[string]Func   // functions of module _host beside the usual ones
}

// Board is a whole board as it lies on a desk: it runs /boot.py and /main.py of
// its flash on the real MicroPython, then its REPL, and reboots when it is told to.
type Board struct {
	config BoardConfig
	serial *serial // nil without a line
	cause  int     // of the last reset, machine.reset_cause()
	raw    bool    // a soft reset out of the raw REPL comes back to it

	// Only Run's goroutine uses these.
	vm        *VM
	sockets   *sockets
	station   station
	collectAt time.Time
	watchdog  watchdog
	timers    timers
	full      bool      // the program holds more than it may
	failed    time.Time // when a task was told so last, in real time

	mu     sync.Mutex
	live   int // what is held, at last and at most
	most   int
	pins   map[int]int
	pixels map[int][]byte
}

// Causes of a reset, as in module machine.
const (
	causePower    = 1
	causeHard     = 2
	causeWatchdog = 3
	causeSoft     = 5
)

const (
	boardHeap = 128 << 10
	boardID   = "726f6f737400"
)

// errSoftReboot is a reboot that keeps the REPL's mode: machine.soft_reset(),
// exit() or Ctrl-D.
var errSoftReboot = errors.New("the board reboots softly")

// NewBoard gives a board that is switched off. ErrUnavailable without
// MicroPython in the build.
func NewBoard(config BoardConfig) (*Board, error) {
	if !Available() {
		return nil, ErrUnavailable
	}
	if config.Flash == nil {
		config.Flash = NewFlash(nil)
	}
	if config.Heap == 0 {
		config.Heap = boardHeap
		if config.ROM != nil {
			config.Heap = ESP8266Heap + ESP8266StandIns
		}
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Clock != nil {
		config.Now = config.Clock.Now
	}
	if config.ADC == nil {
		config.ADC = func(pin int) int { return Daylight(config.Now(), pin) }
	}
	if id, err := hex.DecodeString(config.ID); err != nil || len(id) != 6 {
		config.ID = boardID
	}
	if config.Print == nil {
		config.Print = func(string) {}
	}
	return &Board{config: config, pins: map[int]int{}, pixels: map[int][]byte{}}, nil
}

// Run switches the board on, and off again when it returns: when ctx ends (with
// its error), when the programs have ended and the serial line, if there is
// one, has, too (nil), or at a power cut (with the error of
// Flash.Before). It reboots as often as it is told to. A board that was
// switched off can be switched on again, unless it had a serial line.
func (b *Board) Run(ctx context.Context) error {
	if err := vmEngine.hold(ctx); err != nil { // a reboot is not to compile MicroPython again
		return err
	}
	defer vmEngine.drop()
	if b.config.Serial != nil {
		b.serial = newSerial(b.config.Serial)
		defer b.serial.close()
		defer context.AfterFunc(ctx, func() { _ = b.config.Serial.Close() })() // a write may wait for ever
	}
	b.cause, b.raw = causePower, false
	for {
		err := b.session(ctx)
		switch {
		case errors.Is(err, ErrReboot):
			b.cause, b.raw = causeHard, false
		case errors.Is(err, errWatchdog):
			b.cause, b.raw = causeWatchdog, false
		case errors.Is(err, errSoftReboot):
			b.cause = causeSoft
			b.write("MPY: soft reboot\n")
		default:
			return err
		}
	}
}

// session is the board's life from one reset to the next.
func (b *Board) session(ctx context.Context) (err error) {
	b.station, b.watchdog, b.timers, b.collectAt, b.full = station{}, watchdog{}, timers{}, time.Time{}, false
	b.failed = time.Time{}
	b.sockets = newSockets(&b.config, b.online)
	defer b.sockets.close()
	defer b.config.WiFi.watch(b)()
	b.mu.Lock()
	clear(b.pins)
	clear(b.pixels)
	b.mu.Unlock()
	b.vm, err = NewVM(ctx, VMConfig{
		Flash: b.config.Flash, Memory: b.config.Memory, Now: b.config.Now,
		Print: b.write, Modules: b.modules(), Host: b.functions(), serial: b.serial, rom: b.config.ROM,
	})
	if err != nil {
		return err
	}
	defer b.vm.Close()
	b.vm.tick = b.watchdog.check
	if err := b.vm.Exec(ctx, b.startUp()); err != nil {
		return err
	}
	if err := b.vm.Exec(ctx, fmt.Sprintf(runProgram, strconv.Quote(showCalls), "_calls")); err != nil {
		return err
	}
	if b.config.ROM != nil {
		if err := b.countHeap(ctx); err != nil {
			return err
		}
	}
	programs := []string{"boot.py", "main.py"}
	if b.raw {
		programs = programs[:1]
	}
	for _, name := range programs {
		if err := b.program(ctx, name); err != nil {
			return err
		}
	}
	if b.serial == nil {
		return nil
	}
	return b.repl(ctx)
}

// startUp brings up what a board has before its own programs run.
func (b *Board) startUp() string {
	if b.config.ROM != nil {
		return "import _board, _rom\nimport " + strings.Join(romFirmware, ", ") + "\ndel _board, _rom, " + strings.Join(romFirmware, ", ")
	}
	return "import _board, asyncio\ndel _board, asyncio"
}

// runProgram runs source under a name that tracebacks show.
const runProgram = "exec(compile(%s, '%s', 'exec'))"

// program runs a file of the flash in __main__, if it is there. What it does
// not catch goes to the console.
func (b *Board) program(ctx context.Context, name string) error {
	if _, ok := b.config.Flash.ReadFile("/" + name); !ok {
		return nil
	}
	b.vm.program = true
	defer func() { b.vm.program = false }()
	err := b.vm.Exec(ctx, fmt.Sprintf(runProgram, "open('/"+name+"').read()", name))
	var raised *Exception
	if !errors.As(err, &raised) {
		return err
	}
	if raised.Class == "SystemExit" {
		return errSoftReboot
	}
	b.write(withoutCaller(raised.Traceback))
	return nil
}

// write is the console.
func (b *Board) write(text string) {
	b.config.Print(text)
	if b.serial != nil {
		b.serial.write(text)
	}
}
