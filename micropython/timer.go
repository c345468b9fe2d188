package micropython

import (
	"context"
	"time"
)

// timers is when the next machine.Timer is due; its callbacks are called where the program
// waits, not between any two of its steps as on a chip.
type timers struct {
	at     time.Time // by the board's clock; zero: there is none
	firing bool
	looked time.Time // when the program waited last, in real time
}

// stuckTimers is how long the watchdog forgives a program that lets no timer feed it: on a
// chip they would.
const stuckTimers = 30 * time.Second

// timer is timer(milliseconds) until the next one; below zero: none.
func (b *Board) timer(_ context.Context, args []any) (any, error) {
	b.timers.at = time.Time{}
	if ms, _ := args[0].(float64); ms >= 0 {
		b.timers.at = b.config.Now().Add(time.Duration(ms * float64(time.Millisecond)))
	}
	return nil, nil
}

// pause waits milliseconds (below zero: for ever) or until wake, and calls timers.
func (b *Board) pause(ctx context.Context, args []any, wake chan struct{}) (any, error) {
	ms, _ := args[0].(float64)
	end := b.config.Now().Add(time.Duration(ms * float64(time.Millisecond)))
	for {
		b.fire(ctx)
		left := ms
		if t := &b.timers; !t.at.IsZero() && !t.firing && ms != 0 {
			until := max(0.01, float64(t.at.Sub(b.config.Now()))/float64(time.Millisecond))
			if ms < 0 || until < ms {
				left = until
			}
		}
		interrupted, err := b.pauseOnce(ctx, left, wake)
		if err != nil || interrupted == true || left == ms || wake != nil {
			b.fire(ctx)
			return interrupted, err
		}
		if ms = float64(end.Sub(b.config.Now())) / float64(time.Millisecond); ms <= 0 {
			return interrupted, nil
		}
	}
}

// fire calls the timers that are due. What Python raises there it has printed itself.
func (b *Board) fire(ctx context.Context) {
	t := &b.timers
	if t.at.IsZero() || t.firing {
		return
	}
	if now := time.Now(); now.Sub(t.looked) > time.Second { // it computed: they would have been called
		b.watchdog.forgive(now)
	}
	if !t.at.After(b.config.Now()) {
		t.firing = true
		defer func() { t.firing = false }()
		b.callBack(ctx, "_timers")
	}
	t.looked = time.Now()
	b.watchdog.patient = t.looked.Add(stuckTimers)
}
