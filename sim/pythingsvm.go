package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/roost-iot/roost/micropython"
)

// MaxMicroPython is how many devices of a Fleet run their apps at most: each has a
// MicroPython of its own, some MB. Larger fleets are Scripted.
const MaxMicroPython = 200

// MicroPython gives what makes the interpreters of a Fleet of that many devices: a
// real MicroPython for each, on a board with a light sensor, PWM and pins. It is nil,
// for Scripted, when there would be too many or this build has no MicroPython in it.
func MicroPython(count int, log *slog.Logger) func(tid string) (Runner, error) {
	if count > MaxMicroPython || !micropython.Available() {
		return nil
	}
	return func(tid string) (Runner, error) {
		log := log.With("thing", tid, "protocol", "pythings")
		r, err := micropython.NewRunner(micropython.RunnerConfig{
			Print: func(text string) { log.Debug("printed", "text", text) },
			Log:   func(level, text string) { log.Debug("logged", "level", level, "text", text) },
		})
		if err != nil {
			return nil, fmt.Errorf("start MicroPython: %w", err)
		}
		return &vmRunner{Runner: r}, nil
	}
}

// vmRunner is a Runner on MicroPython.
type vmRunner struct {
	*micropython.Runner
	off bool // code asked for a reboot
}

func (r *vmRunner) Load(files map[string]string) error {
	r.off = false
	return r.Runner.Load(files)
}

func (r *vmRunner) Worker(ctx context.Context) (string, error) {
	value, err := r.Runner.Worker(ctx)
	return value, rebooting(err)
}

func (r *vmRunner) Management(ctx context.Context, message string) (string, error) {
	reply, err := r.Runner.Management(ctx, message)
	return reply, rebooting(err)
}

func (r *vmRunner) Exec(ctx context.Context, source string) string {
	output := r.Runner.Exec(ctx, source)
	r.off = strings.HasSuffix(output, micropython.ErrReboot.Error()+"\n")
	return output
}

// Rebooted tells that a shell line asked for a reboot.
func (r *vmRunner) Rebooted() bool { return r.off }

func rebooting(err error) error {
	if errors.Is(err, micropython.ErrReboot) {
		return fmt.Errorf("%w: %w", ErrReboot, err)
	}
	return err
}
