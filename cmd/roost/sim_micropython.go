package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/roost-iot/roost/sim"
	"github.com/roost-iot/roost/sim/apps"
	"github.com/roost-iot/roost/wire/agent"
)

// simMicroPython are the flags of virtual boards with Roost's own runtime.
type simMicroPython struct {
	remote
	To         string        `help:"URL or HOST:PORT of the server, as the boards reach it; without it, that of --server." placeholder:"ADDR" env:"-"`
	Count      int           `help:"How many boards." default:"1" env:"-"`
	App        string        `help:"What they run: a folder, the name of an app of the server, or one that Roost brings." placeholder:"DIR|NAME" default:"windowsill" env:"-"`
	Join       bool          `help:"Without a token: the boards join, and wait for approval; --app is then given there." env:"-"`
	UID        string        `name:"uid" help:"What they are called, with a number." default:"virtual-board-" env:"-"`
	Chip       string        `help:"What they are: any, or esp8266, with the runtime in a ROM." enum:"any,esp8266" default:"any" env:"-"`
	Profile    string        `help:"The runtime: full, or lean for boards with little memory." enum:"full,lean" default:"full" env:"-"`
	Flash      string        `help:"Keep what is on their flashes in this folder, for the next start; without it, in memory." placeholder:"DIR" type:"path" env:"-"`
	Memory     int           `help:"kB of memory that Python has on them, at least 64; 0: plenty. On an ESP8266 any number: tasks that hold more get a MemoryError; 46 are like a chip with 38; 0: these are told, but more are had." default:"0" env:"-"`
	CutEvery   time.Duration `help:"Their power fails about so often; 0: never. A signal SIGUSR1 lets it fail at once." default:"0s" env:"-"`
	JoinSpread time.Duration `help:"Switch them on spread over this time." default:"0s" env:"-"`
	Verbose    bool          `short:"v" help:"Log what the boards print." env:"-"`
}

// Run plays until it is stopped.
func (s simMicroPython) Run(ctx context.Context, con console) error {
	log := slog.New(slog.NewTextHandler(con.err, nil))
	r := sim.RuntimeConfig{ROM: s.Chip == "esp8266", Limit: s.Memory != 0, Profile: s.Profile, Flash: s.Flash, CutEvery: s.CutEvery, Memory: s.Memory << 10, Print: s.Verbose}
	if s.Memory < 0 || s.Memory != 0 && s.Memory < 64 && !r.ROM {
		return errors.New("--memory: 64 kB at least")
	}
	if !s.Join {
		c, err := s.client()
		if err != nil {
			return err
		}
		app, err := s.app(ctx, c)
		if err != nil {
			return err
		}
		s.To = cmp.Or(s.To, c.URL)
		r.Key = func(ctx context.Context, i int) (string, agent.Key, error) {
			return newKey(ctx, c, fmt.Sprint(s.UID, i+1), app)
		}
	}
	to := s.to()
	fleet := sim.Runtimes(sim.Config{To: to, Count: s.Count, UID: s.UID, JoinSpread: s.JoinSpread, Log: log}, r)
	fmt.Fprintf(con.out, "Running %d virtual boards against %s. Ctrl-C ends it.\n", s.Count, to)
	defer onPowerCut(func() {
		fmt.Fprintln(con.out, "The power fails.")
		fleet.PowerCut()
	})()
	err := fleet.Run(ctx)
	st := fleet.Stats()
	fmt.Fprintf(con.out, "%d boards ran; the power failed %d times\n", st.Joined, st.Dropped)
	return err
}

// to is where the boards reach the server.
func (s simMicroPython) to() string {
	return cmp.Or(s.To, strings.TrimRight(s.Server, "/"), "localhost:8080")
}

// newKey makes a thing for a board.
func newKey(ctx context.Context, c *client, name, app string) (id string, key agent.Key, err error) {
	var made struct{ ID, Key string }
	if err := c.call(ctx, "POST", "/boards", map[string]any{"name": name, "app": app}, &made); err != nil {
		return "", key, fmt.Errorf("make a thing for %s: %w", name, err)
	}
	key, err = agent.ParseKey(made.Key)
	return made.ID, key, err
}

// app gives the id of the app that the boards run; one of a folder is made or gets a commit.
func (s simMicroPython) app(ctx context.Context, c *client) (string, error) {
	dir, err := os.Stat(s.App)
	if err == nil && dir.IsDir() {
		files, err := readFolder(ctx, s.App)
		if err != nil {
			return "", err
		}
		path, err := filepath.Abs(s.App)
		if err != nil {
			return "", err
		}
		return ensureApp(ctx, c, filepath.Base(path), files)
	}
	a, err := c.app(ctx, s.App)
	if err == nil {
		return a.ID, nil
	}
	files, none := apps.Files(s.App)
	if none != nil {
		return "", err
	}
	return ensureApp(ctx, c, s.App, files)
}

// ensureApp gives the id of the app of a name, with these files as its newest commit.
func ensureApp(ctx context.Context, c *client, name string, files map[string]string) (string, error) {
	a, err := c.app(ctx, name)
	if err != nil {
		if err := c.call(ctx, "POST", "/apps", map[string]any{"name": name, "latest": true, "os": "factory"}, &a); err != nil {
			return "", fmt.Errorf("make the app %s: %w", name, err)
		}
	}
	in := map[string]any{"message": "For virtual boards", "files": files, "origin": "command line"}
	if err := c.call(ctx, "POST", appPath(a.ID)+"/commits", in, nil); err != nil && !strings.HasPrefix(err.Error(), "Nothing has changed") {
		return "", fmt.Errorf("commit %s: %w", name, err)
	}
	return a.ID, nil
}
