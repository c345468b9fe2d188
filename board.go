package roost

import (
	"strings"
	"time"
)

// Board is what a board of the board platform said of itself.
type Board struct {
	Ref
	MAC        string        // 12 hex digits, lower case
	AppType    string        // the kind of board that it is
	DeviceType string        // "pico_w", "esp32": a label
	Firmware   string        // version of its app
	Version    string        // that its boot program keeps, "" if it tells none
	IP         string        // that it has in its own network
	Meta       Value         // what its app says of itself: a JSON object; "": nothing
	Interval   time.Duration // from one heartbeat to the next
	Booted     time.Time     // when it last asked for files
	// Files are the MD5 of the files that it had then, by name; nil: it has not asked.
	Files map[string]string
}

// HotfixState says where a hotfix stands.
type HotfixState string

// A waiting hotfix goes out with the next heartbeat or boot; a served one is part of
// what its board shall have. The others are over.
const (
	HotfixWaiting   HotfixState = "waiting"
	HotfixServed    HotfixState = "served"
	HotfixUndone    HotfixState = "undone"
	HotfixOvertaken HotfixState = "overtaken" // the app has newer files of the same names
)

// Open tells that its files are wanted on the board.
func (s HotfixState) Open() bool { return s == HotfixWaiting || s == HotfixServed }

// Hotfix is files for one board, over those of its app.
type Hotfix struct {
	Ref
	ID     string
	State  HotfixState
	By     string // who made it; "directory": the files were put there
	Undoer string // who took it back; "" if nobody
	At     time.Time
	Served time.Time // zero: not yet
	Ended  time.Time // zero: its files are wanted

	// Dropped: its files lie in the board's directory until they are served.
	Dropped bool
	// Reverting: it was taken back, and the board has not been given the app's own files since.
	Reverting bool
	Files     []HotfixFile // by name
}

// FileNames gives the names of its files, in words.
func (h Hotfix) FileNames() string {
	var names []string
	for _, f := range h.Files {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// HotfixFile is a file of a hotfix, without its content.
type HotfixFile struct {
	Name   string
	Digest Digest
	MD5    string
	Size   int
	Base   string // SHA-256 of the app's own file when the hotfix was made, in hex; "": it had none
	Over   bool   // the app's own file has changed since
}

// BoardDirectory says which commit the directory of a kind of board last agreed with.
type BoardDirectory struct {
	Project ProjectID
	Board   string
	App     AppID
	Commit  string
}

// BoardFile is a file that a board has, or shall have.
type BoardFile struct {
	Name   string
	Wanted string // MD5 of what it shall be; "": it is not of its app
	There  string // MD5 of what it was at the last boot; "": it was not there
	Size   int    // of what it shall be
	Hotfix string // id of the hotfix that it is of; "": the app's own
}
