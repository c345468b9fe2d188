package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/roost-iot/roost/install"
)

// hangUp is Ctrl-], as of old.
const hangUp = 0x1d

// partingWords is how long a board is still listened to after somebody hung up.
const partingWords = 300 * time.Millisecond

// isTerminal tells whether w is one.
func isTerminal(w any) bool {
	f, is := w.(*os.File)
	return is && term.IsTerminal(int(f.Fd()))
}

// talk joins the board and whoever sits here, until Ctrl-] or the end of the
// input, if it is no terminal.
func talk(ctx context.Context, con console, line install.Line) error {
	fmt.Fprintln(con.err, "Ctrl-] ends this. Ctrl-C interrupts the program on the board, Ctrl-D restarts it.")
	if in, is := con.in.(*os.File); is && term.IsTerminal(int(in.Fd())) {
		before, err := term.MakeRaw(int(in.Fd()))
		if err != nil {
			return fmt.Errorf("take over the terminal: %w", err)
		}
		defer func() { _ = term.Restore(int(in.Fd()), before) }()
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// Reading a terminal cannot be ended: this goroutine lives until the next
	// key, or as long as the program, which ends here.
	go func() { stop(send(con.in, line)) }()
	if err := line.SetReadTimeout(100 * time.Millisecond); err != nil {
		return err
	}
	return listen(ctx, con.out, line)
}

// listen shows what the board says until ctx ends, and then its last words. The cause of
// ctx is the error, unless it is errHungUp.
func listen(ctx context.Context, out io.Writer, line io.Reader) error {
	var over time.Time // when ctx was seen to have ended
	buf := make([]byte, 4096)
	for {
		n, err := line.Read(buf)
		if n > 0 {
			if _, err := out.Write(buf[:n]); err != nil {
				return err
			}
		} else if err != nil {
			return fmt.Errorf("the board is gone: %w", err)
		}
		if ctx.Err() == nil {
			continue
		}
		if over.IsZero() {
			over = time.Now()
		}
		if n > 0 && time.Since(over) < partingWords {
			continue
		}
		if cause := context.Cause(ctx); !errors.Is(cause, errHungUp) {
			return cause
		}
		return nil
	}
}

var errHungUp = errors.New("hung up")

// send passes on what is typed.
func send(in io.Reader, line io.Writer) error {
	buf := make([]byte, 256)
	for {
		n, err := in.Read(buf)
		keys, _, ended := bytes.Cut(buf[:n], []byte{hangUp})
		if len(keys) > 0 {
			if _, err := line.Write(keys); err != nil {
				return fmt.Errorf("write to the line: %w", err)
			}
		}
		if ended || errors.Is(err, io.EOF) {
			return errHungUp
		}
		if err != nil {
			return fmt.Errorf("read what is typed: %w", err)
		}
	}
}
