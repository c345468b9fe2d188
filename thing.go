package roost

import "time"

// Protocol is the label that a person sees on a thing.
type Protocol string

// The protocols as Pyaiot spells them in the resource "protocol".
const (
	CoAP      Protocol = "CoAP"
	WebSocket Protocol = "WebSocket"
	MQTT      Protocol = "MQTT"
	MQTTSN    Protocol = "MQTT-SN"
)

// PythingsOS is the label of devices that speak Pythings' HTTP API.
const PythingsOS Protocol = "PythingsOS"

// BoardPlatform is the label of boards that ask for their files at each boot.
const BoardPlatform Protocol = "board"

// Runtime is the label of things that run Roost's own runtime.
const Runtime Protocol = "Roost"

// TakesSets tells that values can be written to things of this protocol; to others they
// never are, whatever their resources are called.
func (p Protocol) TakesSets() bool { return p != PythingsOS && p != BoardPlatform }

// Enrolment says whether a thing belongs to the project.
type Enrolment string

// A waiting thing is known by who it is, from where and when; nothing else of
// it is kept and nothing is sent to it. An ignored one is waiting, out of sight.
const (
	Waiting  Enrolment = "waiting"
	Enrolled Enrolment = "enrolled"
	Ignored  Enrolment = "ignored"
)

// Identity is how a thing is known to the door that it came in by.
type Identity struct {
	Door string // "coap", "ws", "pyaiot": the name of a door
	Own  string // the id that the device gave, or that the door made from its address
}

// Thing is one device. Resources are kept beside it (see Resource).
type Thing struct {
	Ref
	Identity    Identity
	GivenName   string // by a person; "" if none
	Protocol    Protocol
	Enrolment   Enrolment
	Address     string // where it was last heard from
	Gateway     string // the far gateway that vouches for it; "" if it came to our own door
	Tags        []string
	Widgets     map[string]string // how people want resources shown: "gauge"; replaced, never changed
	FirstHeard  time.Time
	LastHeard   time.Time
	Online      bool
	OnlineSince time.Time // when Online last changed
}

// Resource is a named value of a thing: its last one.
type Resource struct {
	Name     string
	Value    Value
	At       time.Time
	Writable bool // the thing is known to take a set of it

	// Event is the number of the event that told the value; 0: it was told before the
	// server started. Not kept.
	Event uint64
}

// Reading is one value of a resource at one time.
type Reading struct {
	Ref
	Resource string
	Value    Value
	At       time.Time
}

// ResourceOf is a resource and whose it is. Place is its rank among the thing's
// resources in the order in which they were first heard.
type ResourceOf struct {
	Ref
	Resource
	Place int
}

// TextReading is a reading that is no number: kept as it was sent.
type TextReading struct {
	Series int64
	At     time.Time
	Value  Value
}

// Settable tells that things which have a resource of this name take a set of
// it, by long custom. Of others it is learnt.
func Settable(name string) bool {
	switch name {
	case "led", "rgb", "text", "lcd", "robot", "ribot", "js", "buzzer", "relay", "servo":
		return true
	}
	return false
}
