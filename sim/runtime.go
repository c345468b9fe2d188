package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/wire/agent"
)

// RuntimeConfig says what boards with Roost's own runtime are like: the runtime as it is,
// on the real MicroPython.
type RuntimeConfig struct {
	Profile string // "full" (the default) or "lean"
	// ROM makes them ESP8266s, with the lean runtime in a ROM; Limit has tasks that hold more
	// heap than these have fail. Under Flash the ROM of the i-th is the file i+1.rom.
	ROM, Limit bool
	// Key gives the i-th board its id and key, when its flash has none; nil: it joins, and
	// waits for approval.
	Key func(ctx context.Context, i int) (id string, key agent.Key, err error)
	// Flash is a folder: what is on the flash of the i-th board lies in its folder i+1, and
	// is still there the next time. "": in memory.
	Flash    string
	CutEvery time.Duration // their power fails about so often; 0: never
	Memory   int           // bytes that Python has; 0: 8 MB. The least is 64 kB. With a ROM: its heap; 0: as an ESP8266 has
	Print    bool          // what they print is logged
}

// runtimeBoard is one.
type runtimeBoard struct {
	*device
	f   *Fleet
	r   RuntimeConfig
	i   int
	log *slog.Logger

	mu    sync.Mutex
	board *desk.Board // nil while it is off
}

// Runtimes makes boards that run Roost's own runtime. Faults come out at Run.
func Runtimes(c Config, r RuntimeConfig) *Fleet {
	f := newFleet(c, "sim-board-", func(f *Fleet, d *device, i int) node {
		return &runtimeBoard{device: d, f: f, r: r, i: i, log: f.log(d, "agent")}
	})
	if !micropython.Available() {
		f.fault = errors.Join(f.fault, micropython.ErrUnavailable)
	}
	if r.CutEvery < 0 {
		f.fault = errors.Join(f.fault, fmt.Errorf("time %v: must not be negative", r.CutEvery))
	}
	return f
}

// PowerCut switches all boards off and on, in the midst of whatever they do.
func (f *Fleet) PowerCut() {
	var all sync.WaitGroup
	for _, n := range f.nodes {
		if b, ok := n.(*runtimeBoard); ok {
			all.Go(b.cut)
		}
	}
	all.Wait()
}

func (n *runtimeBoard) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.board == nil {
		return
	}
	if err := n.board.Stop(); err != nil {
		n.log.Error("the board had stopped", "err", err)
	}
	n.board.Flash().RemoveFile(quickStarts)
	n.board.Start()
}

// quickStarts is where a board counts power-ons that follow each other quickly, by which a
// person asks for its set-up. Nobody sets up those here.
const quickStarts = "/_s/ons"

// live runs the board until ctx ends.
func (n *runtimeBoard) live(ctx context.Context) (err error) {
	release, err := micropython.Keep(ctx)
	if err != nil {
		return err
	}
	defer release()
	c, save, err := n.config(ctx)
	if err != nil {
		return err
	}
	board, err := desk.NewBoard(c)
	if err != nil {
		return err
	}
	keep, done := context.WithCancel(ctx)
	var keeping sync.WaitGroup
	if save != nil {
		keeping.Go(func() { save.run(keep, board.Flash(), n.log) })
	}
	defer func() {
		n.mu.Lock()
		n.board = nil
		n.mu.Unlock()
		stopped := board.Stop()
		done()
		keeping.Wait()
		if err == nil && stopped != nil {
			n.log.Error("the board stopped", "err", stopped)
		}
	}()
	n.mu.Lock()
	n.board = board
	n.mu.Unlock()
	board.Start()
	n.f.count.joined.Add(1)
	for n.wait(ctx, board) {
		n.f.count.dropped.Add(1)
		n.cut()
	}
	return nil
}

// wait waits until the power is to fail, or ctx ends: false.
func (n *runtimeBoard) wait(ctx context.Context, board *desk.Board) bool {
	if n.r.CutEvery > 0 {
		return pause(ctx, n.r.CutEvery/2+rand.N(n.r.CutEvery))
	}
	select {
	case <-board.Off(): // its programs have ended, which the runtime's never do
		return pause(ctx, time.Second)
	case <-ctx.Done():
		return false
	}
}

// config is the board as desk has it, and who keeps its flash.
func (n *runtimeBoard) config(ctx context.Context) (desk.BoardConfig, *flashFolder, error) {
	to := n.f.c.To
	if !strings.Contains(to, "://") {
		to = "http://" + to
	}
	c := desk.BoardConfig{URL: to, Profile: n.r.Profile, MAC: macOf(n.id), Memory: n.r.Memory, Heap: n.r.Memory}
	c.ADC = func(pin int) int { return micropython.Daylight(time.Now(), pin+n.i) }
	if n.r.Print {
		c.Print = func(text string) { n.log.Info("printed", "text", strings.TrimRight(text, "\n")) }
	}
	var save *flashFolder
	if n.r.Flash != "" {
		save = &flashFolder{dir: filepath.Join(n.r.Flash, fmt.Sprint(n.i+1))}
	}
	if n.r.ROM {
		if err := n.addROM(&c, save); err != nil {
			return c, nil, err
		}
	}
	if save != nil {
		files, err := save.read()
		if err != nil {
			return c, nil, err
		}
		if delete(files, quickStarts); len(files) > 0 {
			c.Flash = micropython.NewFlash(files)
			if c.ROM != nil {
				c.Flash.Size = desk.ROMFlash
			}
			return c, save, nil
		}
	}
	if n.r.Key == nil {
		c.Joins = true
		return c, save, nil
	}
	var err error
	c.ID, c.Key, err = n.r.Key(ctx, n.i)
	return c, save, err
}

// addROM makes the board an ESP8266, with the ROM that it had before.
func (n *runtimeBoard) addROM(c *desk.BoardConfig, save *flashFolder) (err error) {
	c.Limit, c.Memory = n.r.Limit, 0
	c.Settings = map[string]any{"setup_at_start": false} // by their profile they would wait for somebody
	if save != nil {
		c.ROM, err = save.readROM()
	}
	if c.ROM == nil && err == nil {
		c.ROM, err = desk.NewROM()
	}
	if save != nil {
		save.rom = c.ROM
	}
	return err
}

// runtimeKey reads what a Starter is given for a board: "ID KEY".
func runtimeKey(brings string) (id string, key agent.Key, err error) {
	id, text, _ := strings.Cut(brings, " ")
	if key, err = agent.ParseKey(text); err != nil {
		return "", key, fmt.Errorf("the key of a simulated board: %w", err)
	}
	return id, key, nil
}

// RuntimeIDs gives the MACs of boards that join, by which they get their ids.
func (f *Fleet) RuntimeIDs() (ids []string) {
	for _, n := range f.nodes {
		if b, ok := n.(*runtimeBoard); ok {
			ids = append(ids, "roost-"+macOf(b.id))
		}
	}
	return ids
}
