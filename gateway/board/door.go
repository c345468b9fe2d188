package board

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/telemetry"
)

// doorName is the Door of the identities that come through here.
const doorName = "board"

// Config says how the door behaves. What stands above the first gap is needed; all else
// works as zero.
type Config struct {
	Core      gateway.Core
	Releases  *release.Releases
	Telemetry *telemetry.Telemetry
	Commands  *command.Commands
	Registry  Fleet
	Store     Store
	Dir       string // folder of the directories; made if missing
	Log       *slog.Logger

	// Ask says which boards may be asked at their own HTTP servers: AskPrivate, which "" is,
	// AskAny or AskOff.
	Ask     string
	Project roost.ProjectID // of what arrives; "" is roost.Home
	Poll    time.Duration   // between looks at the directories; 1 s
	Stable  time.Duration   // how long a file must not have changed to be whole; 1 s
	MaxBody int             // bytes of a request; 64 KiB
	Burst   int             // calls of one board that pass at once; 60; and 10 times as many that fetch a file
	Every   time.Duration   // and one more, or 10 of these, each time that this has gone by; 1 s
}

// fetchesPerCall is how many more files than other calls a board may ask for: an app has up
// to 200, and a small board fetches each in pieces.
const fetchesPerCall = 10

func (c *Config) fill() {
	if c.Project == "" {
		c.Project = roost.Home
	}
	if c.Poll <= 0 {
		c.Poll = time.Second
	}
	if c.Stable <= 0 {
		c.Stable = time.Second
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 64 << 10
	}
	if c.Burst <= 0 {
		c.Burst = 60
	}
	if c.Every <= 0 {
		c.Every = time.Second
	}
}

// Fleet knows things; the registry is one.
type Fleet interface {
	Get(ref roost.Ref) (t roost.Thing, rs []roost.Resource, ok bool)
}

// Store keeps what boards say, their hotfixes, and what their directories agree with.
// store/sqlite has it. What it was given is durable when a call returns.
type Store interface {
	Boards(ctx context.Context) ([]roost.Board, error)
	SaveBoard(ctx context.Context, b roost.Board) error
	// DeleteBoard removes a board with its hotfixes.
	DeleteBoard(ctx context.Context, ref roost.Ref) error
	// OpenHotfixes gives those of all boards whose files are wanted, or are to be taken back or
	// archived, oldest first; Hotfixes those of one board, newest first, at most max (under 1: all).
	OpenHotfixes(ctx context.Context) ([]roost.Hotfix, error)
	Hotfixes(ctx context.Context, ref roost.Ref, max int) ([]roost.Hotfix, error)
	// HotfixContent gives a file; roost.NotFound.
	HotfixContent(ctx context.Context, id, name string) (string, error)
	// AddHotfix inserts a hotfix with the contents of its files in their order, or replaces
	// the one of its id; SaveHotfixes changes how some stand, all or none.
	AddHotfix(ctx context.Context, h roost.Hotfix, contents []string) error
	SaveHotfixes(ctx context.Context, all []roost.Hotfix) error
	BoardDirectories(ctx context.Context) ([]roost.BoardDirectory, error)
	SaveBoardDirectory(ctx context.Context, d roost.BoardDirectory) error
	DeleteBoardDirectory(ctx context.Context, project roost.ProjectID, board string) error
}

// Door serves /iot/. Its methods may be called from many goroutines.
type Door struct {
	cfg     Config
	calls   gateway.Limiter
	fetches gateway.Limiter
	sums    sums
	watch   *watch

	mu     sync.Mutex
	boards map[roost.Ref]*board
}

// New loads what is known of boards and opens their directories. Run watches these.
func New(ctx context.Context, cfg Config) (*Door, error) {
	cfg.fill()
	d := &Door{
		cfg: cfg, boards: map[roost.Ref]*board{}, calls: gateway.Limiter{Burst: cfg.Burst, Every: cfg.Every},
		fetches: gateway.Limiter{Burst: cfg.Burst * fetchesPerCall, Every: cfg.Every / fetchesPerCall},
	}
	d.sums.releases = cfg.Releases
	known, err := cfg.Store.Boards(ctx)
	if err != nil {
		return nil, fmt.Errorf("load boards: %w", err)
	}
	for _, facts := range known {
		if _, _, ok := cfg.Registry.Get(facts.Ref); !ok { // deleted as we stopped
			if err := cfg.Store.DeleteBoard(ctx, facts.Ref); err != nil {
				return nil, fmt.Errorf("forget a board: %w", err)
			}
			continue
		}
		d.board(facts.Ref).facts = facts
	}
	fixes, err := cfg.Store.OpenHotfixes(ctx)
	if err != nil {
		return nil, fmt.Errorf("load hotfixes: %w", err)
	}
	for i := range fixes {
		b := d.board(fixes[i].Ref)
		b.fixes = append(b.fixes, &fixes[i])
	}
	if d.watch, err = openWatch(ctx, d); err != nil {
		return nil, fmt.Errorf("open the directories of boards: %w", err)
	}
	return d, nil
}

// board gives what is kept of a board, at the first time nothing.
func (d *Door) board(ref roost.Ref) *board {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.boards[ref]
	if b == nil {
		b = &board{d: d, ref: ref, facts: roost.Board{Ref: ref}, asking: make(chan struct{}, 1), line: make(chan struct{}, 1+mostWaiting)}
		d.boards[ref] = b
	}
	return b
}

// known gives what is kept of a board, nil if nothing.
func (d *Door) known(ref roost.Ref) *board {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.boards[ref]
}

// Board gives what a board said of itself; false: nothing yet. Its Files must not be changed.
func (d *Door) Board(ref roost.Ref) (roost.Board, bool) {
	b := d.known(ref)
	if b == nil {
		return roost.Board{}, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.facts, b.facts.MAC != ""
}

// Forget drops all that is kept of a board. Error: roost.Unavailable.
func (d *Door) Forget(ctx context.Context, ref roost.Ref) error {
	b := d.known(ref)
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := d.cfg.Store.DeleteBoard(ctx, ref); err != nil {
		return roost.Because(roost.Unavailable, err, "What is known of the board could not be deleted.")
	}
	d.mu.Lock()
	delete(d.boards, ref)
	d.mu.Unlock()
	b.gone, b.fixes = true, nil
	return nil
}

// write puts a line into the log of a thing.
func (d *Door) write(ref roost.Ref, level, text string) {
	d.cfg.Telemetry.Write(roost.LogLine{Ref: ref, Level: level, Text: text})
}
