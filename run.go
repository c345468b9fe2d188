package roost

import "time"

// Software is what runs on a thing and what shall run there.
type Software struct {
	Ref
	App       AppID
	Pool      string
	ByAccount bool           // it came with an account id: people choose its app
	Own       SettingsChange // what this thing has of its own, over its pool's
	Again     string         // changed to make the thing register again; "": never was
	Platform  string         // "esp8266", "Python", as the thing says
	Frozen    bool           // its OS is part of the firmware
	OS        string         // version that runs
	Version   string         // id of the commit that runs, "0" if none
	Encrypted bool           // its last registration began with payload encryption
	Updated   time.Time
}

// Part is what of a thing a status is about.
type Part string

// The parts that PythingsOS reports on.
const (
	PartOS         Part = "pythings"
	PartWorker     Part = "worker"
	PartManagement Part = "management"
)

// Status is what a part of a thing last said of itself.
type Status struct {
	OK    bool
	Known bool // it has said something
	Text  string
	At    time.Time // since when
	// Error is the last fault, which stays when the part says OK again; "" if none was.
	Error   string
	ErrorAt time.Time
}

// Run is one run of a thing from its registration to its silence: a session, in the
// words of pages.
type Run struct {
	Ref
	ID          string
	Started     time.Time
	LastContact time.Time
	Ended       time.Time // another began; zero: it is the last
	App         AppID
	Pool        string
	OS          string
	Version     string
	Platform    string
	Frozen      bool
	Encrypted   bool
	Address     string
	Statuses    map[Part]Status
}

// WorkerMessage is what a thing's worker task sent: any JSON at a time.
type WorkerMessage struct {
	Ref
	ID   int64 // rises; given by the store
	App  AppID // which the thing had then; "" if none
	At   time.Time
	Data Value
}

// LogLine is one line of what happened with a thing, for people.
type LogLine struct {
	Ref
	ID     int64 // rises; given by the store
	At     time.Time
	Level  string // "info", "warn", "error"
	Text   string
	Detail string // a traceback; "" if none
}

// MessageQuery says which messages of a thing are wanted. Their order is that of
// their times, and of their ids where times are equal.
type MessageQuery struct {
	From, To time.Time // both included; zero: no bound
	Before   int64     // those older than the message of this id; 0: no bound
	After    int64     // those newer than it; 0: no bound
	Oldest   bool      // oldest first instead of newest first
	App      AppID     // "": of all
	Limit    int       // at most so many; 0: as many as one answer gives
}
