package desk

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/roost-iot/roost/micropython"
)

// mostConsole is how much of what a board printed is kept, in bytes.
const mostConsole = 256 << 10

// console is what a board printed last, and a channel that is closed at the next print.
type console struct {
	text    []byte
	changed chan struct{}
}

// last is what is kept of it.
func (c *console) last() []byte { return c.text[max(0, len(c.text)-mostConsole):] }

// Start switches the board on. It goes on until Stop, a power cut that its flash was told
// of, or the end of its programs.
func (b *Board) Start() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stop != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	off := make(chan struct{})
	b.stop, b.off = stop, off
	go func() { // Stop waits for it
		err := b.board.Run(ctx)
		b.mu.Lock()
		b.ended, b.stop = err, nil
		b.mu.Unlock()
		stop()
		close(off)
	}()
}

// Stop switches the board off, as pulling the plug does, and waits until it is. The error
// is why it had stopped by itself, if it had.
func (b *Board) Stop() error {
	b.mu.Lock()
	stop, off := b.stop, b.off
	b.mu.Unlock()
	if off == nil {
		return nil
	}
	if stop != nil {
		stop()
	}
	<-off
	b.mu.Lock()
	defer b.mu.Unlock()
	if errors.Is(b.ended, context.Canceled) {
		return nil
	}
	return b.ended
}

// PowerCut switches the board off and on again.
func (b *Board) PowerCut() {
	_ = b.Stop() // why it was off is no matter
	b.Start()
}

// Off is closed when the board is off; nil before its first Start.
func (b *Board) Off() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.off
}

// Wait waits until the board has stopped by itself: nil when its programs have ended,
// micropython.ErrPowerCut at one. Before the first Start it waits for ctx, whose error it
// gives.
func (b *Board) Wait(ctx context.Context) error {
	select {
	case <-b.Off():
		return b.Stop()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *Board) print(text string) {
	b.mu.Lock()
	c := &b.console
	c.text = append(c.text, text...)
	if len(c.text) > 2*mostConsole { // not with each print: apps print in loops
		c.text = append(c.text[:0], c.last()...)
	}
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
	b.mu.Unlock()
	if b.config.Print != nil {
		b.config.Print(text)
	}
}

// Console is what the board printed last.
func (b *Board) Console() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.console.last())
}

// Printed waits until a text is in what the board printed last. The error, when ctx ends
// before, has all that it printed.
func (b *Board) Printed(ctx context.Context, text string) error {
	for {
		b.mu.Lock()
		if bytes.Contains(b.console.last(), []byte(text)) {
			b.mu.Unlock()
			return nil
		}
		if b.console.changed == nil {
			b.console.changed = make(chan struct{})
		}
		changed := b.console.changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.New("the board has not printed " + text + "; it printed:\n" + b.Console())
		}
	}
}

// SetADC gives an analogue input a value, 0 to 1023.
func (b *Board) SetADC(pin, value int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.adc[pin] = value
}

func (b *Board) readADC(pin int) int {
	b.mu.Lock()
	value, is := b.adc[pin]
	b.mu.Unlock()
	switch {
	case is:
		return value
	case b.config.ADC != nil:
		return b.config.ADC(pin)
	}
	return micropython.Daylight(b.now(), pin)
}

func (b *Board) now() time.Time {
	if c := b.config.Clock; c != nil {
		return c.Now()
	}
	return time.Now()
}

// Held is what the programs hold of Python's heap now and at most, bytes; only a board with
// a ROM tells (see micropython.Board).
func (b *Board) Held() (now, most int) { return b.board.Held() }

// ForgetHeld has Held count the most from here on.
func (b *Board) ForgetHeld() { b.board.ForgetHeld() }

// SetPin gives a pin a value from outside, as a button does.
func (b *Board) SetPin(pin, value int) { b.board.SetPin(pin, value) }

// Pins gives the state of all pins that were set: 0 or 1, or the duty of a PWM, 0 to 1023.
func (b *Board) Pins() map[int]int { return b.board.Pins() }

// Pixels gives what the NeoPixels on a pin show: a byte of red, green and blue for each,
// and of white if they have four colours.
func (b *Board) Pixels(pin int) []byte { return b.board.Pixels(pin) }

// Client calls the board's own web server, at any address.
func (b *Board) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			b.mu.Lock()
			front := b.front
			b.mu.Unlock()
			return front.dial(ctx)
		},
	}}
}
