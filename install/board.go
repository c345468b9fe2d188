package install

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// helpers are the functions that every statement below calls; they stay on the
// board until it restarts.
//
//go:embed board.py
var helpers string

// Board is a board with MicroPython at the end of a line.
type Board struct {
	repl
	about About
	rom   int64 // bytes of its partition for a read-only file system; 0: none
}

// About is what a board says of itself.
type About struct {
	Implementation string // micropython, circuitpython
	Version        string // 1.22.2
	Platform       string // esp8266, esp32, rp2
	Machine        string // "Generic ESP32 module with ESP32"
	// FileSystem is the type of the one at the root: VfsLfs2, VfsLfs, VfsFat, or
	// "" when the board does not tell.
	FileSystem  string
	Size, Space int64 // of the file system, bytes; -1: not known
}

// Sturdy tells whether a file that is renamed over another is there whole, old
// or new, at every moment: littlefs promises it.
func (a About) Sturdy() bool { return strings.Contains(a.FileSystem, "Lfs") }

// OpenBoard interrupts the program that runs and asks the board what it is. The
// line stays the caller's.
func OpenBoard(ctx context.Context, l Line) (*Board, error) {
	b := &Board{repl: repl{wire: wire{line: l}}}
	if err := b.enter(ctx); err != nil {
		return nil, err
	}
	if err := b.clear(ctx); err != nil {
		return nil, err
	}
	if _, err := b.exec(ctx, helpers); err != nil {
		return nil, fmt.Errorf("prepare the board: %w", err)
	}
	if err := b.ask(ctx); err != nil {
		return nil, fmt.Errorf("ask what board it is: %w", err)
	}
	return b, nil
}

// About tells what was found at the start.
func (b *Board) About() About { return b.about }

func (b *Board) ask(ctx context.Context) error {
	about, err := b.call(ctx, 4, "_about()")
	if err != nil {
		return err
	}
	b.about = About{Implementation: about[0], Version: about[1], Platform: about[2], Machine: about[3]}
	fs, err := b.call(ctx, 1, "_fs()")
	if err != nil {
		return err
	}
	b.about.FileSystem = strings.Trim(fs[0], "<>")
	b.about.Size, b.about.Space, err = b.space(ctx)
	return err
}

// space asks for the size of the file system and what is free of it, in bytes.
func (b *Board) space(ctx context.Context) (size, free int64, err error) {
	v, err := b.call(ctx, 2, "_free()")
	if err != nil {
		return 0, 0, err
	}
	if free, err = strconv.ParseInt(v[0], 10, 64); err != nil {
		return 0, 0, oddAnswer("_free()", v)
	}
	if size, err = strconv.ParseInt(v[1], 10, 64); err != nil {
		return 0, 0, oddAnswer("_free()", v)
	}
	return size, free, nil
}

// call runs a statement whose answer is n lines between two marks, so that what
// else the board prints meanwhile (its network does) is not taken for it.
func (b *Board) call(ctx context.Context, n int, statement string) ([]string, error) {
	out, err := b.exec(ctx, statement)
	if err != nil {
		return nil, err
	}
	lines, ok := answerIn(out)
	if !ok || n > 0 && len(lines) != n {
		return nil, oddAnswer(statement, lines)
	}
	return lines, nil
}

// answerIn finds the lines between the marks.
func answerIn(out string) (lines []string, ok bool) {
	_, out, begun := strings.Cut(out, "\x02")
	out, _, ended := strings.Cut(out, "\x03")
	return strings.Split(strings.ReplaceAll(out, "\r", ""), "\n"), begun && ended
}

func oddAnswer(statement string, lines []string) error {
	return fmt.Errorf("the board answered %q to %s", lines, statement)
}

// quote writes text as Python does, in ASCII.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		switch {
		case r == '\'' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r >= ' ' && r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// Restart starts MicroPython anew, without resetting the chip, and gives what
// the board says to tell until it is silent for quiet or most has passed.
func (b *Board) Restart(ctx context.Context, quiet, most time.Duration, tell func(text []byte)) error {
	if err := b.leave(ctx); err != nil {
		return err
	}
	if err := b.drop(ctx, 4*slice); err != nil {
		return err
	}
	if err := b.write(ctx, []byte(ctrlD)); err != nil {
		return err
	}
	for end := time.Now().Add(most); time.Now().Before(end); {
		more, err := b.fill(ctx, min(quiet, time.Until(end)))
		if err != nil || !more {
			return err
		}
		tell(b.in)
		b.in = b.in[:0]
	}
	return nil
}

// Reset resets the chip and gives what the board says to tell, as Restart does. A board
// whose own USB the line is ends the line with it, which is no fault.
func (b *Board) Reset(ctx context.Context, most time.Duration, tell func(text []byte)) error {
	if err := b.send(ctx, chipReset); err != nil {
		return fmt.Errorf("reset the board: %w", err)
	}
	for end := time.Now().Add(most); time.Now().Before(end); {
		more, err := b.fill(ctx, time.Until(end))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || !more {
			return nil
		}
		tell(b.in)
		b.in = b.in[:0]
	}
	return nil
}

// Leave lets the board wait at its prompt.
func (b *Board) Leave(ctx context.Context) error { return b.leave(ctx) }
