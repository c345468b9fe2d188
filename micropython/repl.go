package micropython

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/tetratelabs/wazero/api"
)

// repl is MicroPython's own, which takes characters; here are its raw paste,
// and what it does when a program asked for a reset.
type repl struct {
	board *Board
	vm    *VM
	char  api.Function
	empty bool // nothing was typed since the raw prompt
}

// repl reads, evaluates and prints until the board reboots, or the line ends:
// then it gives nil.
func (b *Board) repl(ctx context.Context) error {
	r := &repl{board: b, vm: b.vm, char: b.vm.module.ExportedFunction("mp_js_repl_process_char"), empty: true}
	err := b.vm.run(ctx, r.run)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (r *repl) run(ctx context.Context) error {
	printed := r.capture(func() error { return r.start(ctx) })
	if !r.board.raw {
		printed = r.capture(func() error { return errors.Join(printed.err, r.feed(ctx, ctrlB)) })
	} else {
		printed = r.capture(func() error { return errors.Join(printed.err, r.feed(ctx, ctrlA)) })
	}
	r.board.write(strings.TrimPrefix(printed.text, "\r\n"))
	err := printed.err
	for err == nil {
		var c byte
		if c, err = r.next(ctx); err == nil {
			err = r.take(ctx, c)
		}
	}
	return err
}

// start brings the REPL up, and has it show how it calls functions (collect.go).
func (r *repl) start(ctx context.Context) error {
	if _, err := r.vm.module.ExportedFunction("mp_js_repl_init").Call(ctx); err != nil {
		return err
	}
	for _, c := range []byte("\x01" + showCalls + "\x04") {
		if err := r.feed(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (r *repl) next(ctx context.Context) (byte, error) {
	var one [1]byte
	_, err := r.board.serial.read(ctx, one[:])
	return one[0], err
}

// take handles one character. Which mode the REPL is in is read off its answer.
func (r *repl) take(ctx context.Context, c byte) error {
	switch {
	case r.board.raw && r.empty && c == ctrlE:
		return r.paste(ctx)
	case c == ctrlA || c == ctrlB:
		answer := r.capture(func() error { return r.feed(ctx, c) })
		r.board.write(answer.text)
		if strings.Contains(answer.text, "raw REPL") {
			r.board.raw = true
		} else if strings.Contains(answer.text, "help()") {
			r.board.raw = false
		}
		r.empty = true
		return answer.err
	}
	r.empty = c == ctrlC || c == ctrlD
	return r.feed(ctx, c)
}

// feed gives MicroPython a character.
func (r *repl) feed(ctx context.Context, c byte) error {
	stack := []uint64{uint64(c)}
	if err := r.char.CallWithStack(ctx, stack); err != nil {
		return err
	}
	const exit = 0x100
	if stack[0]&exit != 0 {
		return errSoftReboot
	}
	return nil
}

// paste is what follows Ctrl-E in the raw REPL: with "A" and Ctrl-A comes a
// program, in windows of pasteWindow bytes, which the board asks for.
func (r *repl) paste(ctx context.Context) error {
	const pasteWindow = 128
	var asked [2]byte
	for i := range asked {
		var err error
		if asked[i], err = r.next(ctx); err != nil {
			return err
		}
	}
	if asked != [2]byte{'A', ctrlA} {
		r.board.write("R\x00")
		return nil
	}
	r.board.write("R\x01" + string([]byte{pasteWindow, 0}))
	code, left := []byte{}, pasteWindow
	for {
		c, err := r.next(ctx)
		if err != nil {
			return err
		}
		if c == ctrlC || c == ctrlD {
			r.board.write("\x04")
			if c == ctrlC {
				code = nil
			}
			return r.pasted(ctx, code)
		}
		code = append(code, c)
		if left--; left == 0 {
			r.board.write("\x01")
			left = pasteWindow
		}
	}
}

// pasted runs what came as if it had been typed at the raw prompt, whose "OK"
// is not sent.
func (r *repl) pasted(ctx context.Context, code []byte) error {
	code = bytes.Map(func(c rune) rune {
		if c > 0 && c <= ctrlE {
			return ' '
		}
		return c
	}, append(code, '\n')) // nothing at all would be a soft reset
	skipped := ""
	r.vm.config.Print = func(text string) {
		skipped += text
		if strings.HasPrefix(skipped, "OK") {
			r.vm.config.Print = r.board.write
			r.board.write(skipped[len("OK"):])
		}
	}
	defer func() { r.vm.config.Print = r.board.write }()
	for _, c := range append(code, ctrlD) {
		if err := r.feed(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

type captured struct {
	text string
	err  error
}

// capture does something and keeps what it prints.
func (r *repl) capture(do func() error) (c captured) {
	r.vm.config.Print = func(text string) { c.text += text }
	defer func() { r.vm.config.Print = r.board.write }()
	c.err = do()
	return c
}

// interrupted raises KeyboardInterrupt in the program if a Ctrl-C came and it
// is not one for the REPL.
func (v *VM) interrupted(ctx context.Context) bool {
	s := v.config.serial
	if s == nil || v.nested || !s.interrupt.Load() || !v.interruptible(ctx) || !s.takeInterrupt() {
		return false
	}
	v.must(v.interruptFunc.CallWithStack(ctx, nil))
	return true
}

// interruptible tells that a Ctrl-C is one for a program.
func (v *VM) interruptible(ctx context.Context) bool {
	if v.program {
		return true
	}
	var char [1]uint64
	v.must(v.interruptChar.CallWithStack(ctx, char[:]))
	return char[0] == ctrlC
}

// readLine reads a byte of the serial line: one, or C's library would keep
// others from the REPL. At the line's end, or at a Ctrl-C, there is none.
func (v *VM) readLine(ctx context.Context, mem api.Memory, a []uint64) (n uint32) {
	s := v.config.serial
	if s == nil {
		return 0
	}
	vectors(mem, uint32(a[1]), uint32(a[2]), func(b []byte) bool {
		for len(b) > 0 && !v.interrupted(ctx) {
			got, err := s.take(b[:1])
			if got > 0 && b[0] == ctrlC && v.interruptible(ctx) { // it came since
				v.must(v.interruptFunc.CallWithStack(ctx, nil))
				break
			}
			if err != nil || got > 0 {
				n = uint32(got)
				break
			}
			s.wait(ctx)
			tick(ctx)
		}
		return len(b) == 0
	})
	return n
}

// poll is poll(descriptors, count, timeout), for the serial line alone.
func (v *VM) poll(mem api.Memory, a []uint64) (ready int32) {
	const in = 1
	for i := range uint32(a[1]) {
		at := uint32(a[0]) + 8*i
		fd, _ := mem.ReadUint32Le(at)
		asked, _ := mem.ReadUint16Le(at + 4)
		found := uint16(0)
		if fd == 0 && asked&in != 0 && v.config.serial != nil && v.config.serial.ready() {
			found = in
			ready++
		}
		mem.WriteUint16Le(at+6, found)
	}
	return ready
}

// withoutCaller takes the line of what ran a program off its traceback.
func withoutCaller(trace string) string {
	return strings.Replace(trace, "  File \"<stdin>\", line 1, in <module>\n", "", 1)
}
