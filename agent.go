package roost

import "time"

// Agent is what is known of a thing that runs Roost's own runtime.
type Agent struct {
	Ref `json:"-"`
	Key [32]byte `json:"-"` // what the thing and Roost have in common; never shown
	N   int64    `json:"-"` // of the last envelope that was made for it

	MAC      string // 12 hex digits, lower case; "" until it has come
	Platform string // "esp32", "linux"
	Machine  string
	Python   string // "micropython 1.27.0"
	Profile  string // "lean", "full", "python"
	MPY      int    // version of compiled files that it takes; 0: none
	ROM      int    // bytes of a part of its ROM, in which the runtime lies; 0: it has none
	Max      int    // the longest answer that it takes, in bytes; 0: any
	Kind     string // that it asked for when it joined, "" for none

	Boot     string // its name for its last boot
	Booted   time.Time
	Reset    string            // why it booted: "power on", "watchdog"
	Why      string            // its word on a planned one: "update"
	IP       string            // in its own network
	Memory   int64             // free bytes
	Flash    int64             // free bytes
	Owner    string            // of the release key that it asks for, in short; "": it asks for none
	Meta     Value             // what its app says of itself: a JSON object; "": nothing
	Settable []string          // resources that take a set
	Files    map[string]string // first 16 hex digits of SHA-256 of those of its app, by name

	SSID    string   `json:",omitempty"` // by which it came; "": it did not tell
	NoSSIDs []string `json:",omitempty"` // that it tried in vain

	OS, App Slots

	// Joins are the keys that were given for its MAC while it waits, the first at the head.
	Joins     []Join `json:",omitempty"`
	Given     string // id of the last command that it was given to fetch
	GivenBoot string // in which boot
	Offer     *Offer // the last update that it was offered; nil: none
	// Offers are the last versions that it was offered, the latest last: it may tell of these only.
	Offers []OfferMade `json:",omitempty"`
	// Failures are the updates that it does not get again, by "os" and "app".
	Failures map[string]Failure
	Crashed  string // marks the last crash that it told of
	// CrashLine is the time of the last line of its log that was counted as a crash, in ms by its clock.
	CrashLine int64 `json:",omitempty"`
	// Moved are entries of a clock that was ahead: their times, and those at which they are
	// kept, in ms; by the first.
	Moved [][2]int64 `json:",omitempty"`
	Fixes []Hotfix   // that it has or had, the oldest first
}

// Join is a key that was given to who asked for one.
type Join struct {
	Key      []byte // never shown
	Print    string // what people know it by
	Address  string // without its port
	Platform string
	Machine  string
	At       time.Time
}

// Slots says what of the runtime or of the app runs on a thing, and what ran before.
type Slots struct {
	Slot            string // "_a"; "": none, or the factory's
	Version         string // "0": none
	Previous        string
	PreviousVersion string
	Trial           int      // boots of the trial that is under way, from 1; 0: none is
	Bad             []string // versions that failed
	N               int64    // of the last envelope that was taken or refused
	Factory         bool
}

// Boot is a start of a thing of the runtime.
type Boot struct {
	Ref
	Name    string // the thing's own, 8 hex digits
	At      time.Time
	Reset   string // "power on", "watchdog"; "": the thing did not tell
	Why     string // its word on a planned one: "update"
	OS, App string // versions; "0": none
	// Before is how long the boot before this one ran, as far as it was heard; 0: not known.
	Before time.Duration
}

// OfferState says where an update of a thing stands.
type OfferState string

// The states of an offer. Held is for one that is not made, too, and Why says why not.
const (
	Offered        OfferState = "offered"
	OfferFetching  OfferState = "fetching"
	OfferInstalled OfferState = "installed"
	OfferTrial     OfferState = "trial"
	OfferConfirmed OfferState = "confirmed"
	OfferRefused   OfferState = "refused"
	OfferReturned  OfferState = "returned"
	OfferHeld      OfferState = "held"
)

// Offer is an update that a thing was offered.
type Offer struct {
	Kind    string // "os" or "app"
	Version string
	State   OfferState
	Why     string
	N       int64
	Text    string // of the envelope; "": it was not made yet
	Release string // key of the release in the store
	Use     []string
	Done    int64 // bytes
	Of      int64
	At      time.Time // of the last change of State
}

// OfferMade is a version that a thing was offered, and in which pool of which app it was then.
type OfferMade struct {
	Kind    string // "os" or "app"
	Version string
	App     AppID
	Pool    string
	// Returned: it returned from it.
	Returned bool `json:",omitempty"`
}

// Failure is an update that a thing returned from or refused.
type Failure struct {
	Version  string
	App      AppID
	Pool     string
	Returned bool // it ran, and failed
	Why      string
	Again    string // see Software: another lets it be offered again
	At       time.Time
}

// Release is r of docs/protocols/agent.md: the text of a release, kept as it was made.
type Release struct {
	Key  string // of the store
	Text string
}

// Signature is an owner's word on a release.
type Signature struct {
	Release string // its key
	Owner   string // in short, as things tell it
	Public  string // the owner's public key in hex; "": kept before it was
	Text    string // in hex
	By      string // who brought it
	At      time.Time
}

// What KeptRuntime.Origin says.
const (
	OfProgram = "program" // of a Roost that ran here
	OfFile    = "file"
)

// KeptRuntime is a version of Roost's own runtime that things can be moved to.
type KeptRuntime struct {
	Version string
	Origin  string // OfProgram or OfFile
	By      string // who brought the file
	Added   time.Time
}

// Crash is an end of an app or of the runtime that nobody wanted.
type Crash struct {
	Ref
	App     AppID
	Version string
	Part    string // "app" or "os"
	Error   string // the last line of the traceback
	Text    string // the traceback
	At      time.Time
}

// CrashGroup is the crashes with one traceback of one version of an app.
type CrashGroup struct {
	ID      string
	Project ProjectID
	App     AppID
	Version string
	Part    string
	Error   string
	Text    string
	Count   int64
	Things  []ThingID // that had it, the latest first
	First   time.Time
	Last    time.Time
	Seen    bool
}

// Rollout is the move of a pool to a version from which things returned.
type Rollout struct {
	Pool    string
	Kind    string // "os" or "app"
	Version string
	Failed  []ThingID // that returned
	Halted  bool      // no other thing of the pool gets it
	Resumed bool      // a person let it go on all the same
}

// AgentState is what is known of a thing of the runtime, and how it stands.
type AgentState struct {
	Agent
	Print     string // what people know its key by
	RSSI      int    // dBm; 0: not told
	NewestOS  string // version of the runtime that this Roost has; "": it has none
	WantedOS  string // that the thing shall run; "": it keeps what it has
	WantedApp string // commit; "": it has no app
	AppFiles  []AgentFile
}

// AgentFile is a file of the app on a thing, held against the release that it runs.
type AgentFile struct {
	Name   string
	Size   int64  // of what it shall be; 0 for one of its own
	SHA256 string // of what it shall be; "": it is its own
	There  string // the first digits of what it is; "": it is not there
}

// RuntimeState is a version of the runtime as it stands on the shelf.
type RuntimeState struct {
	KeptRuntime
	Own     bool     // it is this program's: what Latest means
	Forms   []string // "full/6", "rom/6"
	Bytes   int64    // of all its files
	Owners  []RuntimeOwner
	Running int // things that run it
	Pools   int // that are told to run it
	Things  int // whose own settings tell them to
}

// RuntimeOwner is an owner who has signed all forms of a runtime.
type RuntimeOwner struct {
	Owner string // in short, as things tell it
	Down  bool   // those for things with a newer one, too
	By    string // who brought the signatures
	At    time.Time
}
