package release

import (
	"cmp"
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"
	"sync"

	"github.com/roost-iot/roost"
)

// Compiler finds faults in source without running it.
type Compiler interface {
	// Check gives what is wrong with one file; an error when it could not be checked.
	Check(ctx context.Context, name string, source []byte) ([]Problem, error)
}

// maxVerdicts is how many files' verdicts are kept.
const maxVerdicts = 1000

// syntax asks the compiler, once for the same text: an editor checks all files of an app
// at each of its saves, and the commit does so again.
type syntax struct {
	compiler Compiler // nil: nothing is checked
	log      *slog.Logger

	mu       sync.Mutex
	verdicts map[verdict][]Problem
}

type verdict struct {
	name string
	text roost.Digest
}

// check gives what is wrong with a file. That the compiler cannot tell stands in nobody's
// way; the only error is that of ctx.
func (s *syntax) check(ctx context.Context, name, text string) ([]Problem, error) {
	if s.compiler == nil {
		return nil, nil
	}
	key := verdict{name, sha256.Sum256([]byte(text))}
	s.mu.Lock()
	found, ok := s.verdicts[key]
	s.mu.Unlock()
	if ok {
		return slices.Clone(found), nil
	}
	found, err := s.compiler.Check(ctx, name, []byte(text))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		s.log.Warn("syntax not checked", "file", name, "err", err)
		return []Problem{{File: name, Text: "The syntax could not be checked.", Severity: Warning}}, nil
	}
	for i := range found {
		found[i].File = cmp.Or(found[i].File, name)
		found[i].Severity = cmp.Or(found[i].Severity, Fault)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verdicts == nil || len(s.verdicts) >= maxVerdicts {
		s.verdicts = map[verdict][]Problem{}
	}
	s.verdicts[key] = slices.Clone(found)
	return found, nil
}
