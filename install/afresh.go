package install

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// whatRuns asks for the platform and for what is loaded there: 0 nothing of ours and nothing
// that lies in a partition, 1 something, 2 with a watchdog that has begun.
const whatRuns = `import sys
_m=sys.modules
print('\x02'+sys.platform+'\n'+str(2 if getattr(_m.get('rt.hal'),'_wdt',None) is not None else int(any(getattr(x,'__file__','')[:2] in ('/_','/r') for x in _m.values())))+'\x03')`

// A program that cannot be interrupted before it has a watchdog is out of the way while the
// chip starts.
const (
	chipReset = "import machine\nmachine.reset()"
	setAside  = "import os\nos.rename('/main.py','/_s/main')\n"
	putBack   = "import os\ntry:\n os.rename('/_s/main','/main.py')\nexcept OSError:\n pass"
)

const (
	resets   = 3                     // of a chip, until it has no watchdog
	bootWait = 5 * time.Second       // silence of boot.py
	knock    = 50 * time.Millisecond // between interrupts of a board that starts
	knocks   = 400
)

// clear empties an ESP8266: what runs there leaves no room for what this package asks of it,
// and must not be in the way when the flash that it runs from is written. Other boards stay
// as they are.
func (b *Board) clear(ctx context.Context) error {
	for n := range resets + 1 {
		v, err := b.call(ctx, 2, whatRuns)
		if err != nil {
			return fmt.Errorf("ask what runs there: %w", err)
		}
		if v[0] != esp8266 {
			return nil
		}
		if v[1] != "2" {
			return b.cleared(ctx, v[1] == "0")
		}
		if n == resets {
			break
		}
		if err := b.hardReset(ctx, n > 0); err != nil {
			return err
		}
	}
	return errors.New("the board's watchdog begins before its program can be interrupted: press RESET just before you start this")
}

// cleared ends what is loaded, and puts main.py where it belongs.
func (b *Board) cleared(ctx context.Context, empty bool) error {
	if !empty {
		if err := b.softReset(ctx); err != nil {
			return err
		}
	}
	if _, err := b.exec(ctx, putBack); err != nil {
		return fmt.Errorf("put its program back: %w", err)
	}
	return nil
}

// softReset starts MicroPython anew, with boot.py and without main.py, and comes back to the raw prompt.
func (r *repl) softReset(ctx context.Context) error {
	if err := r.write(ctx, []byte(ctrlD)); err != nil {
		return err
	}
	_, _, err := r.until(ctx, bootWait, rawPrompt)
	if errors.Is(err, errSilent) {
		return r.enter(ctx)
	}
	return err
}

// hardReset resets the chip and interrupts it as soon as it starts. aside: its main.py does
// not start.
func (r *repl) hardReset(ctx context.Context, aside bool) error {
	source := chipReset
	if aside {
		source = setAside + chipReset
	}
	if err := r.send(ctx, source); err != nil {
		return fmt.Errorf("reset the board: %w", err)
	}
	for range knocks {
		if _, err := r.fill(ctx, knock); err != nil {
			return err
		}
		if strings.HasSuffix(string(r.in), ">>> ") {
			break
		}
		if err := r.write(ctx, []byte(ctrlC)); err != nil {
			return err
		}
	}
	return r.enter(ctx)
}
