package install

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// intoLoader resets the chip with the pin pulled that makes its ROM stay in the
// loader. RTS pulls reset, DTR the other, both low when on; on most boards two
// transistors see to it that both at once pull neither. Boards whose capacitor
// is small or large like another pace: late.
func (w *wire) intoLoader(ctx context.Context, late bool) error {
	hold := 50 * time.Millisecond
	if late {
		hold = 550 * time.Millisecond
	}
	return w.lines(ctx,
		step{dtr: false, rts: true, wait: 100 * time.Millisecond},
		step{dtr: true, rts: false, wait: hold},
		step{dtr: false, rts: false})
}

// Reset starts what is on the flash.
func (l *Loader) Reset(ctx context.Context) error {
	return l.lines(ctx, step{rts: true, wait: 100 * time.Millisecond}, step{})
}

// step is a state of the control lines and how long it lasts.
type step struct {
	dtr, rts bool
	wait     time.Duration
}

func (w *wire) lines(ctx context.Context, steps ...step) error {
	for _, s := range steps {
		// DTR first: the pin that chooses is pulled when the reset is let go.
		if err := errors.Join(w.line.SetDTR(s.dtr), w.line.SetRTS(s.rts)); err != nil {
			return fmt.Errorf("work the control lines: %w", err)
		}
		if err := pause(ctx, s.wait); err != nil {
			return err
		}
	}
	return nil
}

// sync makes the loader and us find each other: it learns our rate from the
// many 55, and answers several times.
func (l *Loader) sync(ctx context.Context) error {
	data := []byte{0x07, 0x07, 0x12, 0x20}
	for range 32 {
		data = append(data, 0x55)
	}
	_, _, err := l.do(ctx, syncUp, 500*time.Millisecond, 0, data)
	if err != nil {
		return err
	}
	return l.drop(ctx, 2*slice)
}

// OpenLoader resets the chip into its ROM loader and finds out which it is.
// chip is a name of Chips or "auto". The line stays the caller's.
func OpenLoader(ctx context.Context, line Line, chip string) (*Loader, error) {
	l := &Loader{wire: wire{line: line}, baud: Usual}
	if err := l.connect(ctx); err != nil {
		return nil, err
	}
	found, err := l.detect(ctx)
	if err != nil {
		return nil, err
	}
	if chip != "" && chip != "auto" {
		wanted, err := chipNamed(chip)
		if err != nil {
			return nil, err
		}
		if wanted != found {
			return nil, fmt.Errorf("the chip is %s, not %s; nothing was written", found.Name, wanted.Name)
		}
	}
	l.chip = found
	return l, l.attach(ctx)
}

// connect gets the loader's first answer.
func (l *Loader) connect(ctx context.Context) error {
	const resets, syncs = 6, 4
	for reset := range resets {
		if err := l.intoLoader(ctx, reset%2 == 1); err != nil {
			return err
		}
		l.in = l.in[:0]
		for range syncs {
			err := l.sync(ctx)
			if _, refused := errors.AsType[*RefusedError](err); err == nil || !refused && !errors.Is(err, errSilent) {
				return err
			}
		}
	}
	return fmt.Errorf("%w as a loader: hold its button BOOT (FLASH, GPIO0) down, press RESET (EN) shortly, and try again with BOOT still held", errSilent)
}

// attach makes the flash reachable and learns its size.
func (l *Loader) attach(ctx context.Context) error {
	var err error
	if l.chip.old {
		_, _, err = l.do(ctx, flashBegin, romWait, 0, words(0, 0, block, 0)) // which attaches it
	} else {
		_, _, err = l.do(ctx, spiAttach, romWait, 0, words(0, 0))
	}
	if err != nil {
		return fmt.Errorf("reach the flash: %w", err)
	}
	if l.size, err = l.flashSize(ctx); err != nil || l.chip.old {
		return err
	}
	size := l.size
	if size == 0 {
		size = 4 << 20
	}
	_, _, err = l.do(ctx, spiSetParams, romWait, 0, words(0, uint32(size), 64<<10, sector, 256, 0xffff))
	return err
}

// Chip is the name of the family, as in Chips.
func (l *Loader) Chip() string { return l.chip.Name }

// FlashSize is that of the flash, bytes; 0: it did not tell.
func (l *Loader) FlashSize() int64 { return l.size }

// SetRate changes how fast both talk, in bits per second. The ESP8266's loader
// stays at the rate of the beginning.
func (l *Loader) SetRate(ctx context.Context, baud int) error {
	if baud == l.baud {
		return nil
	}
	if l.chip.old {
		return fmt.Errorf("the loader of the ESP8266 cannot change its rate; leave it at %d", l.baud)
	}
	if _, _, err := l.do(ctx, changeBaud, romWait, 0, words(uint32(baud), 0)); err != nil {
		return err
	}
	if err := l.line.SetBaud(baud); err != nil {
		return fmt.Errorf("change the rate: %w", err)
	}
	if err := l.drop(ctx, slice); err != nil {
		return err
	}
	if _, _, err := l.do(ctx, readReg, romWait, 0, words(magicAt)); err != nil {
		return fmt.Errorf("at %d bits per second the board is not understood; try a lower rate: %w", baud, err)
	}
	l.baud = baud
	return nil
}
