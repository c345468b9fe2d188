package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Runner is the interpreter of a PythingsOS device: it runs an app's code. It is used
// by one goroutine. Errors are tracebacks as Python prints them.
type Runner interface {
	// Load imports the tasks from their files anew, as after a reboot: worker_task.py
	// and management_task.py. What can not be imported is an error, or two that are
	// joined; a task that could be imported then runs all the same.
	Load(files map[string]string) error
	// Worker calls the worker task and gives what it returned as JSON; "" is nothing.
	// ErrReboot: its code asked for that.
	Worker(ctx context.Context) (value string, err error)
	// Management calls the management task with a message, JSON or "" for none.
	Management(ctx context.Context, message string) (reply string, err error)
	// Exec executes a shell line and gives what it printed.
	Exec(ctx context.Context, source string) (output string)
	Close()
}

// Scripted gives a Runner that executes nothing: whatever the files say, it answers as
// the default app does when the line that returns its number is taken in.
func Scripted(seed uint64) Runner {
	return &scripted{number: 21, rng: newRand(seed)}
}

type scripted struct {
	number int
	rng    *rand.Rand
}

func (s *scripted) Load(map[string]string) error { return nil }

func (s *scripted) Worker(context.Context) (string, error) {
	s.number += s.rng.IntN(3) - 1
	return fmt.Sprintf(`{"temperature": %d}`, s.number), nil
}

func (s *scripted) Management(_ context.Context, message string) (string, error) {
	if message == "" {
		return "", nil
	}
	var text string
	if json.Unmarshal([]byte(message), &text) != nil {
		text = message
	}
	reply, err := json.Marshal(`Got "` + text + `"`)
	return string(reply), err
}

func (s *scripted) Exec(context.Context, string) string {
	return "This simulated device executes no code.\n"
}

func (s *scripted) Close() {}

// fault writes an error as devices report it: class, text, and the traceback.
func fault(err error) string {
	if known, ok := errors.AsType[interface {
		error
		Report() string
	}](err); ok {
		return known.Report()
	}
	trace := strings.TrimRight(err.Error(), "\n")
	last := trace[strings.LastIndexByte(trace, '\n')+1:]
	class, text, found := strings.Cut(last, ": ")
	if !found || strings.ContainsAny(class, " \t") {
		class, text = "Exception", last
	}
	if !strings.HasPrefix(trace, "Traceback") {
		trace = "Traceback (most recent call last):\n" + class + ": " + text
	}
	return class + " " + text + " (" + trace + "\n)"
}

// faults takes joined errors apart.
func faults(err error) []error {
	if joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
