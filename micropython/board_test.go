package micropython

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is what a slow machine under the race detector may take.
const patience = 2 * time.Minute

// desk is a board that runs, with a serial line in hand.
type desk struct {
	t     testing.TB
	board *Board
	line  net.Conn
	mu    sync.Mutex
	came  []byte
	new   chan struct{}
}

// onDesk switches a board on until the test ends.
func onDesk(t testing.TB, c BoardConfig) *desk {
	t.Helper()
	need(t)
	keep(t, vmEngine)
	mine, boards := net.Pipe()
	c.Serial = boards
	b, err := NewBoard(c)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, board: b, line: mine, new: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		if err := b.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("the board ended: %v", err)
		}
	})
	all.Go(d.read)
	t.Cleanup(func() {
		cancel()
		all.Wait()
		_ = mine.Close()
	})
	return d
}

func (d *desk) read() {
	chunk := make([]byte, 512)
	for {
		n, err := d.line.Read(chunk)
		d.mu.Lock()
		d.came = append(d.came, chunk[:n]...)
		d.mu.Unlock()
		signal(d.new)
		if err != nil {
			return
		}
	}
}

func (d *desk) send(text string) {
	d.t.Helper()
	if _, err := d.line.Write([]byte(text)); err != nil {
		d.t.Fatal(err)
	}
}

// until takes what the board wrote, up to and with end.
func (d *desk) until(end string) string {
	d.t.Helper()
	late := time.After(patience)
	for {
		d.mu.Lock()
		at := bytes.Index(d.came, []byte(end))
		text := string(d.came)
		if at >= 0 {
			text = text[:at+len(end)]
			d.came = d.came[at+len(end):]
		}
		d.mu.Unlock()
		if at >= 0 {
			return text
		}
		select {
		case <-d.new:
		case <-late:
			d.t.Fatalf("%q did not come, but %q", end, text)
		}
	}
}

// raw runs code in the raw REPL.
func (d *desk) raw(code string) (out, failed string) {
	d.t.Helper()
	d.send(code + "\x04")
	d.until("OK")
	out = strings.TrimSuffix(d.until("\x04"), "\x04")
	failed = strings.TrimSuffix(d.until("\x04>"), "\x04>")
	return out, failed
}

func TestREPLRunsLines(t *testing.T) {
	need(t)
	d := onDesk(t, BoardConfig{Flash: NewFlash(map[string]string{"/boot.py": "print('boot')\n", "/main.py": "print('main', __name__)\n1//0\n"})})
	if got := d.until("ZeroDivisionError: divide by zero\r\n"); got != "boot\r\nmain __main__\r\nTraceback (most recent call last):\r\n  File \"main.py\", line 2, in <module>\r\nZeroDivisionError: divide by zero\r\n" {
		t.Errorf("the start wrote %q", got)
	}
	d.until(">>> ")
	d.send("1 + 1\r")
	if got := d.until(">>> "); got != "1 + 1\r\n2\r\n>>> " {
		t.Errorf("wrote %q", got)
	}
	d.send("\x04")
	d.until("MPY: soft reboot\r\nboot\r\nmain __main__\r\n")
	d.until(">>> ")
	d.send("import machine; machine.reset_cause()\r")
	d.until("\r\n5\r\n>>> ")
	d.send("machine.reset()\r")
	d.until("\r\nboot\r\n")
	d.until(">>> ")
	d.send("import machine; machine.reset_cause()\r")
	d.until("\r\n2\r\n>>> ")
	d.send("x = input('name? ')\r")
	d.until("name? ")
	d.send("Ada\r")
	d.until(">>> ")
	d.send("print(x.strip(), len(x))\r")
	d.until("Ada ")
}

func TestInstallerPutsAFileThroughTheRawREPL(t *testing.T) {
	need(t)
	flash := NewFlash(map[string]string{"/main.py": "import time\nprint('running')\nwhile True: time.sleep(100)\n"})
	d := onDesk(t, BoardConfig{Flash: flash})
	d.until("running\r\n")
	d.send("\r\x03\x03")
	d.until("KeyboardInterrupt: \r\n")
	d.until(">>> ")
	d.send("\r\x01")
	d.until("raw REPL; CTRL-B to exit\r\n>")

	file := bytes.Repeat([]byte("0123456789abcdef\n"), 300)
	d.raw("f = open('/app.new', 'wb')\nw = f.write")
	for at := 0; at < len(file); at += 256 {
		if out, failed := d.raw(fmt.Sprintf("print(w(%s))", pythonBytes(file[at:min(at+256, len(file))]))); failed != "" {
			t.Fatal(out, failed)
		}
	}
	d.raw("f.close()\nimport os\nos.rename('/app.new', '/app.py')")
	out, failed := d.raw("import hashlib\nfrom binascii import hexlify\nprint(hexlify(hashlib.sha256(open('/app.py', 'rb').read()).digest()).decode())")
	if want := fmt.Sprintf("%x\r\n", sha256.Sum256(file)); out != want || failed != "" {
		t.Errorf("read back %q %q, want %q", out, failed, want)
	}
	if got, _ := flash.ReadFile("/app.py"); !bytes.Equal(got, file) {
		t.Errorf("%d bytes are on the flash", len(got))
	}
	if out, failed := d.raw("1//0"); out != "" || !strings.HasSuffix(failed, "ZeroDivisionError: divide by zero\r\n") {
		t.Errorf("a fault came as %q, %q", out, failed)
	}
	d.send("\x04") // a soft reset: boot.py, but not main.py, and the raw REPL again
	d.until("OK\r\nMPY: soft reboot\r\nraw REPL; CTRL-B to exit\r\n>")
	d.send("\x02")
	d.until(">>> ")
	d.send("\x04")
	d.until("running\r\n")
}

func pythonBytes(b []byte) string {
	var text strings.Builder
	for _, c := range b {
		fmt.Fprintf(&text, "\\x%02x", c)
	}
	return "b'" + text.String() + "'"
}

func TestCtrlCEndsBusyPrograms(t *testing.T) {
	need(t)
	for _, program := range []string{
		"while True: pass",
		"import time\nwhile True: time.sleep_ms(1)",
		"import time\ntime.sleep(1000)",
		"input()",
		"import sys\nwhile True: sys.stdin.read(1)",
	} {
		d := onDesk(t, BoardConfig{Flash: NewFlash(map[string]string{"/main.py": "print('running')\n" + program})})
		d.until("running\r\n")
		d.send("\x03")
		d.until("KeyboardInterrupt")
		d.until(">>> ")
	}
}

func TestRawPasteHasFlowControl(t *testing.T) {
	need(t)
	d := onDesk(t, BoardConfig{})
	d.until(">>> ")
	d.send("\x01")
	d.until("CTRL-B to exit\r\n>")
	for range 2 {
		d.send("\x05A\x01")
		d.until("R\x01")
		window := []byte(d.until("\x00"))
		if len(window) != 2 {
			t.Fatalf("window %x", window)
		}
		code := "x = '''" + strings.Repeat("a long text\n", 100) + "'''\nprint(len(x))\n"
		credit := int(window[0])
		for len(code) > 0 {
			if credit == 0 {
				d.until("\x01")
				credit = int(window[0])
			}
			n := min(credit, len(code))
			d.send(code[:n])
			code, credit = code[n:], credit-n
		}
		d.send("\x04")
		if got := d.until("\x04>"); !strings.HasSuffix(got, "\x041200\r\n\x04\x04>") {
			t.Errorf("wrote %q", got)
		}
	}
}

func TestBoardsWithoutALineEndWithTheirPrograms(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	var out strings.Builder
	b, err := NewBoard(BoardConfig{
		Flash: NewFlash(map[string]string{"/main.py": "import machine\nprint(machine.reset_cause())\nif machine.reset_cause() == 1: machine.reset()\nprint(open('/main.py').read(6))"}),
		Print: func(text string) { out.WriteString(text) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Run(t.Context()); err != nil || out.String() != "1\n2\nimport\n" {
		t.Errorf("%v, printed %q", err, out.String())
	}
}

// Whatever comes over the line, the board lives until it ends.
func FuzzSerialLine(f *testing.F) {
	for _, seed := range []string{"\x01print(1)\x04\x02", "\x01\x05A\x01print(1)\n\x04", "\x01\x05A\x02\x05\x05\x05", "\x03\x04x = 1\r\x03", "def f():\r\ty = 2\r\x1b[A\x7f", "\x05paste\x04", "\x01\x04\x04\xff\xfe\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, came []byte) {
		need(t)
		keep(t, vmEngine)
		b, err := NewBoard(BoardConfig{Serial: &deadLine{rest: came[:min(len(came), 4096)]}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		err = b.Run(ctx)
		var stopped *endedError
		if err != nil && !errors.As(err, &stopped) && ctx.Err() == nil {
			t.Error(err)
		}
	})
}

// deadLine is a line that gives what it has, and ends.
type deadLine struct{ rest []byte }

func (l *deadLine) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (*deadLine) Write(p []byte) (int, error) { return len(p), nil }
func (*deadLine) Close() error                { return nil }
