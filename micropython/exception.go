package micropython

import (
	"errors"
	"fmt"
	"strings"
)

// Exception is a Python exception that nobody in the program caught.
type Exception struct {
	Class     string // "ValueError"
	Traceback string // as MicroPython prints it, with its last line
}

// Error gives the traceback without the last line's end.
func (e *Exception) Error() string { return strings.TrimRight(e.Traceback, "\n") }

// Report gives the exception as PythingsOS reports it: class, text, and the
// traceback in parentheses.
func (e *Exception) Report() string {
	trace := e.Error()
	last := trace[strings.LastIndexByte(trace, '\n')+1:]
	text := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(last, e.Class), ":"))
	return fmt.Sprintf("%s %s (%s\n)", e.Class, text, trace)
}

// ErrReboot is what a call answers when the program asked for a reboot.
var ErrReboot = errors.New("the board reboots")

// errOff is what a board answers that was closed or not started.
var errOff = errors.New("the board is switched off")
