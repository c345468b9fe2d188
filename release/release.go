// Package release knows the apps of all projects: their source, commits and tags, the
// pools whose settings their things follow, what runs on which thing, and the shelf of
// operating systems that things can be moved to.
package release

import (
	"context"
	"log/slog"

	"github.com/roost-iot/roost/live"
)

// Config is what the room needs.
type Config struct {
	Store    Store
	Feed     *live.Feed
	Compiler Compiler // nil: syntax is not checked
	Shelf    string   // folder of OS releases; made when the first is added
	Log      *slog.Logger
}

// Compiler finds faults in source without running it.
type Compiler interface {
	// Check gives what is wrong with one file; an error when it could not be checked.
	Check(ctx context.Context, name string, source []byte) ([]Problem, error)
}

// How much a Problem weighs: only errors stand in the way of a commit.
const (
	Fault   = "error"
	Warning = "warning"
)

// Problem is what is wrong with a file.
type Problem struct {
	File         string // "": all of them together
	Line, Column int    // from 1; 0: unknown
	Text         string
	Severity     string // Fault or Warning
}

// CheckError tells why files cannot be committed. It is a roost.Invalid error.
type CheckError struct{ Problems []Problem }
