package roost

import "time"

// EventKind says what an Event tells.
type EventKind uint8

const (
	// Read: Resource of Thing has Value.
	Read EventKind = iota + 1
	// ThingChanged: the thing appeared, was approved, renamed, came online or went offline.
	ThingChanged
	// ThingReset: the thing restarted; the values known of it are forgotten.
	ThingReset
	// ThingForgotten: the thing and its readings were deleted.
	ThingForgotten
	// CommandChanged: Command has a new state.
	CommandChanged
	// AppChanged: App has a new commit, tag, draft or setting, or is gone.
	AppChanged
	// SoftwareChanged: Thing has another app, pool or version, a new run or a new status.
	SoftwareChanged
	// MessageArrived: Thing sent Message.
	MessageArrived
	// LogWritten: Line was written to the log of Thing.
	LogWritten
)

// Event is one line of the live feed. It is shared by all who read the feed and
// must not be changed once published.
type Event struct {
	Seq  uint64 // rises by one from event to event; set by the feed
	Kind EventKind
	Ref
	At       time.Time
	Resource string         // Read
	Value    Value          // Read
	Thing    *Thing         // ThingChanged
	Command  *Command       // CommandChanged
	App      AppID          // AppChanged
	Message  *WorkerMessage // MessageArrived
	Line     *LogLine       // LogWritten
}
