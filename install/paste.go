package install

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Raw paste: the board says how much it takes at once and gives a credit each
// time it has room again.
//
//	us    05 41 01
//	board 52 01 window(2, little endian) 01    knows it
//	      52 00                                knows of it, has it not
//	      "raw REPL; CTRL-B to exit\r\n>"      is older (before 1.14)
//	us    source, at most a window ahead of the credits (01), then 04
//	board 04                                   has it all

const pasteWait = 2 * time.Second

// paste asks for it; 0 is no.
func (r *repl) paste(ctx context.Context) (window int, err error) {
	if err := r.write(ctx, []byte(ctrlE+"A"+ctrlA)); err != nil {
		return 0, err
	}
	_, answer, err := r.until(ctx, pasteWait, "R\x01", "R\x00", rawPrompt)
	switch {
	case errors.Is(err, errSilent):
		return 0, r.enter(ctx)
	case err != nil:
		return 0, err
	case answer != "R\x01":
		return 0, nil
	}
	for len(r.in) < 2 {
		if more, err := r.fill(ctx, pasteWait); err != nil || !more {
			return 0, errors.Join(err, fmt.Errorf("learn the board's window: %w", errSilent))
		}
	}
	window = int(r.in[0]) | int(r.in[1])<<8
	r.in = r.in[2:]
	if window == 0 {
		return 0, errors.New("the board has a window of nothing")
	}
	return window, nil
}

// sendPaste gives the source in the board's own measure.
func (r *repl) sendPaste(ctx context.Context, source []byte, window int) error {
	room := window
	for len(source) > 0 {
		for len(r.in) > 0 || room == 0 {
			if len(r.in) == 0 {
				if more, err := r.fill(ctx, answerWait); err != nil || !more {
					return errors.Join(err, fmt.Errorf("send a statement: %w", errSilent))
				}
			}
			c := r.in[0]
			r.in = r.in[1:]
			switch c {
			case 0x01:
				room += window
			case 0x04: // it wants no more; why stands in its answer
				return r.write(ctx, []byte(ctrlD))
			}
		}
		n := min(room, len(source))
		if err := r.write(ctx, source[:n]); err != nil {
			return err
		}
		source, room = source[n:], room-n
	}
	if err := r.write(ctx, []byte(ctrlD)); err != nil {
		return err
	}
	if _, _, err := r.until(ctx, answerWait, ctrlD); err != nil {
		return fmt.Errorf("send a statement: %w", err)
	}
	return nil
}
