package release

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/roost-iot/roost"
)

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

// CheckError tells why files are not taken, for a commit or a hotfix. It is a roost.Invalid error.
type CheckError struct{ Problems []Problem }

// Error says what is wrong first, and how much more there is.
func (e *CheckError) Error() string { return roost.Message(e.Unwrap()) }

// Unwrap gives the roost.Error that it is.
func (e *CheckError) Unwrap() error {
	var faults []Problem
	for _, p := range e.Problems {
		if p.Severity == Fault {
			faults = append(faults, p)
		}
	}
	if len(faults) == 0 {
		return roost.Errorf(roost.Invalid, "These files are not taken.")
	}
	text := "These files are not taken: " + faults[0].String()
	switch more := len(faults) - 1; more {
	case 0:
	case 1:
		text += " There is 1 more fault."
	default:
		text += fmt.Sprintf(" There are %d more faults.", more)
	}
	return roost.Errorf(roost.Invalid, "%s", text)
}

// String is the problem as a sentence with its place.
func (p Problem) String() string {
	switch {
	case p.File == "":
		return p.Text
	case p.Line == 0:
		return p.File + ": " + p.Text
	case p.Column == 0:
		return fmt.Sprintf("%s, line %d: %s", p.File, p.Line, p.Text)
	}
	return fmt.Sprintf("%s, line %d, column %d: %s", p.File, p.Line, p.Column, p.Text)
}

// Check gives what is wrong with files that may be committed to an app, by file. Errors:
// roost.NotFound for the app, and that of ctx.
func (r *Releases) Check(ctx context.Context, p roost.ProjectID, id roost.AppID, files map[string]string) ([]Problem, error) {
	r.mu.RLock()
	e := r.apps[appKey{p, id}]
	var how checks
	if e != nil {
		how = e.checks()
	}
	r.mu.RUnlock()
	if e == nil {
		return nil, noApp(id)
	}
	return r.check(ctx, how, files)
}

// checks is which ones an app wants.
type checks struct {
	syntax  bool
	encrypt bool // some of its things speak Pythings' own encryption
	board   bool // it is for boards, which take any files and any text
}

// checks reads e; the caller holds r.mu or e.changing.
func (e *entry) checks() checks {
	return checks{
		syntax:  !e.app.Unchecked,
		board:   e.app.Board != "",
		encrypt: slices.ContainsFunc(e.pools, func(p *pool) bool { return p.Settings.Encrypt }),
	}
}

// passes gives a *CheckError when files may not be committed.
func (r *Releases) passes(ctx context.Context, how checks, files map[string]string) error {
	problems, err := r.check(ctx, how, files)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Fault }) {
		return &CheckError{problems}
	}
	return nil
}

func (r *Releases) check(ctx context.Context, how checks, files map[string]string) (all []Problem, err error) {
	all = checkAmount(files)
	if len(all) > 0 { // no more work for what is too much anyway
		return all, nil
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text := files[name]
		found := checkFile(name, text, how.board)
		if len(found) == 0 && how.syntax && strings.HasSuffix(name, ".py") {
			if found, err = r.syntax.check(ctx, name, text); err != nil {
				return nil, err
			}
		}
		all = append(all, found...)
		if i := strings.IndexByte(text, '&'); how.encrypt && i >= 0 {
			all = append(all, at(name, text, i, Warning, "Devices with payload encryption lose the sign &; "+
				"this file goes to them in a way that keeps it, but replies and values that they send do not."))
		}
	}
	all = append(all, checkHidden(files)...)
	if how.board {
		return all, nil
	}
	return append(all, checkTasks(files)...), nil
}

func checkAmount(files map[string]string) []Problem {
	total := 0
	for _, text := range files {
		total += len(text)
	}
	switch {
	case len(files) == 0:
		return []Problem{{Text: "A commit without files leaves its things with nothing to run.", Severity: Fault}}
	case len(files) > maxFiles:
		return []Problem{{Text: fmt.Sprintf("A commit has at most %d files; this one has %d.", maxFiles, len(files)), Severity: Fault}}
	case total > maxCommit:
		return []Problem{{Text: fmt.Sprintf("The files of a commit have at most %d bytes; these have %d.", maxCommit, total), Severity: Fault}}
	}
	return nil
}

// checkFile looks at what needs no compiler. Boards take any text.
func checkFile(name, text string, board bool) []Problem {
	if err := checkDraft(name, text); err != nil {
		return []Problem{{File: name, Text: roost.Message(err), Severity: Fault}}
	}
	if board || !strings.HasSuffix(name, ".py") {
		return nil
	}
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			c, _ := utf8.DecodeRuneInString(text[i:])
			return []Problem{at(name, text, i, Fault, fmt.Sprintf("%q is not ASCII, and devices stop reading there; in a text write %+q.", string(c), string(c)))}
		}
	}
	return nil
}

// at is a problem at byte i of a file.
func at(name, text string, i int, severity, what string) Problem {
	line := 1 + strings.Count(text[:i], "\n")
	column := 1 + utf8.RuneCountInString(text[strings.LastIndexByte(text[:i], '\n')+1:i])
	return Problem{File: name, Line: line, Column: column, Text: what, Severity: severity}
}
