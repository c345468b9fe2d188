package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Control characters of MicroPython's prompt
// (https://docs.micropython.org/en/latest/reference/repl.html).
const (
	ctrlA = "\x01" // raw prompt
	ctrlB = "\x02" // friendly prompt
	ctrlC = "\x03" // interrupt
	ctrlD = "\x04" // run; on an empty line: soft reset
	ctrlE = "\x05" // with A and 1: raw paste
)

const (
	rawPrompt = "raw REPL; CTRL-B to exit\r\n>"

	enterTries = 16
	enterWait  = 700 * time.Millisecond // silence instead of the raw prompt after an interrupt
	enterTalk  = 5 * time.Second        // of a board that says other things instead
	enterMost  = 30 * time.Second       // after which no other try begins
	answerWait = 15 * time.Second       // silence of a board that works: flash is slow
)

// PythonError is what a statement raised on the board.
type PythonError struct{ Traceback string }

func (e *PythonError) Error() string {
	lines := strings.Split(strings.TrimSpace(e.Traceback), "\n")
	return "the board says: " + strings.TrimSpace(lines[len(lines)-1])
}

// repl is MicroPython's raw prompt on a line.
type repl struct {
	wire
	noPaste bool // the board knows no raw paste
}

// until reads up to the first of the ends and gives what stood before it. errSilent when
// nothing comes for quiet.
func (w *wire) until(ctx context.Context, quiet time.Duration, ends ...string) (before []byte, end string, err error) {
	longest := 0
	for _, e := range ends {
		longest = max(longest, len(e))
	}
	for seen := 0; ; {
		at := -1
		for _, e := range ends {
			if i := bytes.Index(w.in[seen:], []byte(e)); i >= 0 && (at < 0 || seen+i < at) {
				at, end = seen+i, e
			}
		}
		if at >= 0 {
			before = bytes.Clone(w.in[:at])
			w.in = w.in[at+len(end):]
			return before, end, nil
		}
		if len(w.in) > most {
			return nil, "", errors.New("the board talks without end")
		}
		seen = max(0, len(w.in)-longest) // an end may have begun
		more, err := w.fill(ctx, quiet)
		if err != nil {
			return nil, "", err
		}
		if !more {
			return nil, "", errSilent
		}
	}
}

// enter interrupts what runs and asks for the raw prompt. A program may be deaf
// for a while (a connection that is being made), so it is asked again and again.
func (r *repl) enter(ctx context.Context) error {
	end := time.Now().Add(enterMost)
	for try := 0; try < enterTries && time.Now().Before(end); try++ {
		if err := r.write(ctx, []byte("\r"+ctrlC+ctrlC)); err != nil {
			return err
		}
		if err := r.drop(ctx, 2*slice); err != nil {
			return err
		}
		if err := r.write(ctx, []byte("\r"+ctrlA)); err != nil {
			return err
		}
		err := r.awaitRaw(ctx)
		if err == nil {
			err = r.settle(ctx)
		}
		if !errors.Is(err, errSilent) {
			return err
		}
	}
	return fmt.Errorf("%w to an interrupt with MicroPython's prompt: is MicroPython on it (--flash puts it there), is it the right port, does another program hold it?", errSilent)
}

// awaitRaw waits for the raw prompt. What talks without end about other things counts as
// silent: it may be no MicroPython at all.
func (r *repl) awaitRaw(ctx context.Context) error {
	within, stop := context.WithTimeout(ctx, enterTalk)
	defer stop()
	_, _, err := r.until(within, enterWait, rawPrompt)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return errSilent
	}
	return err
}

// settle finds the end of what the board still has to say about earlier
// attempts, which a slow one answers all at once: it is where a statement that
// nobody sent before is answered.
func (r *repl) settle(ctx context.Context) error {
	word := fmt.Sprintf("roost%d", time.Now().UnixNano())
	if err := r.write(ctx, []byte("print('"+word+"')"+ctrlD)); err != nil {
		return err
	}
	for _, end := range []string{word, ctrlD, ctrlD, ">"} {
		if _, _, err := r.until(ctx, enterWait, end); err != nil {
			return err
		}
	}
	return nil
}

// leave goes back to the friendly prompt.
func (r *repl) leave(ctx context.Context) error {
	return r.write(ctx, []byte("\r"+ctrlB))
}

// exec runs statements on the board and gives what they printed.
func (r *repl) exec(ctx context.Context, source string) (string, error) {
	if err := r.send(ctx, source); err != nil {
		return "", err
	}
	out, _, err := r.until(ctx, answerWait, ctrlD)
	if err != nil {
		return "", fmt.Errorf("wait for the end of a statement: %w", err)
	}
	trace, _, err := r.until(ctx, answerWait, ctrlD)
	if err != nil {
		return "", fmt.Errorf("wait for the end of a statement: %w", err)
	}
	if _, _, err := r.until(ctx, answerWait, ">"); err != nil {
		return "", fmt.Errorf("wait for the prompt: %w", err)
	}
	if len(bytes.TrimSpace(trace)) > 0 {
		return string(out), &PythonError{Traceback: string(trace)}
	}
	return string(out), nil
}

// send gets the source onto the board and started.
func (r *repl) send(ctx context.Context, source string) error {
	if !r.noPaste {
		window, err := r.paste(ctx)
		if err != nil {
			return err
		}
		if window > 0 {
			return r.sendPaste(ctx, []byte(source), window)
		}
		r.noPaste = true
	}
	for rest := []byte(source); len(rest) > 0; {
		n := min(len(rest), 128) // the buffer of a UART, which has no flow control here
		if err := r.write(ctx, rest[:n]); err != nil {
			return err
		}
		if rest = rest[n:]; len(rest) > 0 {
			if err := pause(ctx, 10*time.Millisecond); err != nil {
				return err
			}
		}
	}
	if err := r.write(ctx, []byte(ctrlD)); err != nil {
		return err
	}
	if _, _, err := r.until(ctx, answerWait, "OK"); err != nil {
		return fmt.Errorf("send a statement: %w", err)
	}
	return nil
}
