package roost

import "time"

// CommandState is where a command stands. A command is done only by the
// thing's own word.
type CommandState string

// Queued and Sent are open; the others are final.
const (
	Queued    CommandState = "queued"
	Sent      CommandState = "sent"
	Done      CommandState = "done"
	Failed    CommandState = "failed"
	Expired   CommandState = "expired"
	Cancelled CommandState = "cancelled"
)

// Final tells that nothing more will happen.
func (s CommandState) Final() bool { return s != Queued && s != Sent }

// CommandKind says what is asked of the thing.
type CommandKind string

const (
	// Set writes Value to Resource.
	Set CommandKind = "set"
	// Refresh asks the thing for its resources and their values again.
	Refresh CommandKind = "refresh"
	// Tell gives Value to the thing's management task, which may answer.
	Tell CommandKind = "message"
	// Shell runs Value, a line of Python, on the thing; its output is the answer.
	Shell CommandKind = "shell"
	// Restart makes a board boot; it is done when the board has.
	Restart CommandKind = "restart"
	// Identify makes a board show which one it is: its lights blink.
	Identify CommandKind = "identify"
	// FactoryReset makes a board forget its networks and settings; it keeps its key.
	FactoryReset CommandKind = "factory-reset"
)

// Fetched tells that things come and ask for commands of this kind, one by one, in
// one order for all of them.
func (k CommandKind) Fetched() bool {
	switch k {
	case Tell, Shell, Restart, Identify, FactoryReset:
		return true
	}
	return false
}

// Command is what is sent to a thing and answered by it.
type Command struct {
	ID string
	Ref
	Kind     CommandKind
	Resource string
	Value    Value
	State    CommandState
	Result   Value  // the thing's own answer, if it gave one
	Error    string // why it failed, for people
	By       string // who asked: a person's name, "token NAME", "pyaiot page"
	Created  time.Time
	Sent     time.Time // zero: not yet
	Ended    time.Time // zero: not yet
	Expires  time.Time
}
