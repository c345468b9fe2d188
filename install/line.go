package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"go.bug.st/serial"
)

// Usual is the rate, in bits per second, at which boards talk after a start.
const Usual = 115200

// Line is a serial line with a board at its end. It is used by one goroutine at
// a time; Close may come from another and ends a Read.
type Line interface {
	io.ReadWriteCloser
	// SetReadTimeout bounds a Read, which gives 0 and no error when it is over.
	SetReadTimeout(time.Duration) error
	// SetBaud changes the rate, in bits per second.
	SetBaud(int) error
	// SetDTR and SetRTS work the control lines; on boards with Espressif's chips
	// RTS pulls the reset pin and DTR the one that chooses the ROM loader.
	SetDTR(bool) error
	SetRTS(bool) error
}

// Open takes a serial port of this machine. What hangs there must not be reset
// by it, which depends on the kind of port: see Port.
func Open(p Port) (Line, error) {
	mode := &serial.Mode{BaudRate: Usual, DataBits: 8}
	if p.bridge() {
		// Neither pin pulled. Ports that are the chip's own USB talk only to
		// somebody who holds DTR, as the default has it.
		mode.InitialStatusBits = &serial.ModemOutputBits{}
	}
	port, err := serial.Open(p.Name, mode)
	if fault, is := errors.AsType[*serial.PortError](err); is && fault.Code() == serial.InvalidSerialPort && mode.InitialStatusBits != nil {
		mode.InitialStatusBits = nil // a line that is played by a program has no pins
		port, err = serial.Open(p.Name, mode)
	}
	if err != nil {
		return nil, openFault(p.Name, err)
	}
	return &realLine{port}, nil
}

type realLine struct{ serial.Port }

func (l *realLine) SetBaud(rate int) error {
	return l.SetMode(&serial.Mode{BaudRate: rate, DataBits: 8})
}

// openFault says what people can do about a port that does not open.
func openFault(name string, err error) error {
	hint := ""
	if fault, is := errors.AsType[*serial.PortError](err); is {
		switch fault.Code() {
		case serial.PermissionDenied:
			hint = "; on Linux your user must be in the group dialout or uucp: sudo usermod -aG dialout $USER, then sign in anew"
		case serial.PortBusy:
			hint = "; another program has it: a terminal, an editor, ModemManager"
		case serial.PortNotFound:
			hint = "; roost install --list shows which there are"
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		hint = "; roost install --list shows which there are"
	}
	return fmt.Errorf("open %s: %w%s", name, err, hint)
}

// slice is how long a Read waits before the context is looked at again.
const slice = 50 * time.Millisecond

// wire reads a line up to a mark, with a bound on silence.
type wire struct {
	line Line
	in   []byte // has come and was not taken yet
}

const (
	// most is what a board may say without the mark that is waited for, bytes.
	most = 4 << 20
	// mostTalk is how long a board is listened to for it to fall silent.
	mostTalk = 3 * time.Second
)

// errSilent is what waits for a board end with.
var errSilent = errors.New("the board does not answer")

// fill reads what is there. It gives false when nothing came for quiet.
func (w *wire) fill(ctx context.Context, quiet time.Duration) (bool, error) {
	end := time.Now().Add(quiet)
	var buf [4096]byte
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		left := min(time.Until(end), slice)
		if left <= 0 {
			return false, nil
		}
		if err := w.line.SetReadTimeout(left); err != nil {
			return false, fmt.Errorf("read the line: %w", err)
		}
		n, err := w.line.Read(buf[:])
		if n > 0 {
			w.in = append(w.in, buf[:n]...)
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("read the line: %w", err)
		}
	}
}

func (w *wire) write(ctx context.Context, p []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := w.line.Write(p); err != nil {
		return fmt.Errorf("write to the line: %w", err)
	}
	return nil
}

// drop throws away what has come, until the board is silent for quiet. One that talks
// without end is listened to for mostTalk.
func (w *wire) drop(ctx context.Context, quiet time.Duration) error {
	for end := time.Now().Add(mostTalk); time.Now().Before(end); {
		w.in = w.in[:0]
		more, err := w.fill(ctx, quiet)
		if err != nil || !more {
			return err
		}
		if quiet > slice { // what a busy board says has ever shorter pauses to end in
			quiet -= time.Millisecond
		}
	}
	w.in = w.in[:0]
	return nil
}

// pause waits, but not longer than the context lives.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
