package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/roost-iot/roost"
)

type thingHotfix struct {
	remote
	ID   string   `arg:"" help:"The thing's id."`
	File []string `arg:"" optional:"" help:"Files that it is to get over those of its app, by their own names." type:"existingfile"`
	Undo string   `help:"Take a hotfix back." placeholder:"HOTFIX" env:"-"`
	List bool     `help:"List its hotfixes, newest first." env:"-"`
}

// apiHotfix is a hotfix as far as it is printed.
type apiHotfix struct {
	ID, State, By string
	Files         []string
	At            int64
}

// Run gives a board files, takes them back, or lists what it was given.
func (t thingHotfix) Run(ctx context.Context, con console) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	switch {
	case t.List && t.Undo == "" && len(t.File) == 0:
		return t.list(ctx, c, con)
	case !t.List && t.Undo != "" && len(t.File) == 0:
		var h apiHotfix
		if err := c.call(ctx, "DELETE", thingPath(t.ID)+"/hotfixes/"+url.PathEscape(t.Undo), nil, &h); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "taken back: %s\n", strings.Join(h.Files, ", "))
		return nil
	case !t.List && t.Undo == "" && len(t.File) > 0:
		return t.give(ctx, c, con)
	}
	return errors.New("say which files, or --undo HOTFIX, or --list")
}

func (t thingHotfix) give(ctx context.Context, c *client, con console) error {
	files := map[string]string{}
	for _, path := range t.File {
		name := filepath.Base(path)
		if _, twice := files[name]; twice {
			return fmt.Errorf("two files are called %s; on a board all lie side by side", name)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files[name] = string(b)
	}
	var h apiHotfix
	if err := c.call(ctx, "POST", thingPath(t.ID)+"/hotfixes", map[string]any{"files": files}, &h); err != nil {
		return err
	}
	if t.JSON {
		return printJSON(con.out, h)
	}
	when := "at once if it is online, else when it comes"
	if protocol, err := c.protocol(ctx, t.ID); err != nil || protocol == string(roost.BoardPlatform) {
		when = "with the next heartbeat"
	}
	fmt.Fprintf(con.out, "%s: %s goes out %s; undo it with --undo %s\n", t.ID, strings.Join(h.Files, ", "), when, h.ID)
	return nil
}

func (t thingHotfix) list(ctx context.Context, c *client, con console) error {
	path := thingPath(t.ID) + "/hotfixes"
	if t.JSON {
		return printAnswer(ctx, c, con.out, path)
	}
	var answer struct{ Hotfixes []apiHotfix }
	if err := c.call(ctx, "GET", path, nil, &answer); err != nil {
		return err
	}
	if len(answer.Hotfixes) == 0 {
		fmt.Fprintln(con.out, "It has had none.")
		return nil
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "HOTFIX\tSTATE\tMADE\tBY\tFILES")
	for _, h := range answer.Hotfixes {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", h.ID, h.State, ago(h.At), onOneLine(h.By), onOneLine(strings.Join(h.Files, ", ")))
	}
	return w.Flush()
}

type thingRestart struct {
	remote
	ID      string        `arg:"" help:"The thing's id."`
	Now     bool          `help:"Ask the board itself, at its own address." env:"-"`
	Expires time.Duration `help:"How long it may take until the board comes." default:"1h" env:"-"`
	Wait    time.Duration `help:"How long to wait here until it has booted; 0: not at all." default:"0s" env:"-"`
}

// Run asks a thing to boot when it next comes, or a board at once.
func (t thingRestart) Run(ctx context.Context, con console) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	if t.Now {
		if err := c.call(ctx, "POST", thingPath(t.ID)+"/board/restart", nil, nil); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "%s restarts\n", t.ID)
		return nil
	}
	cmd, err := c.fetched(ctx, t.ID, "restart", nil, t.Expires, t.Wait)
	switch {
	case err != nil:
		return err
	case t.JSON:
		return printJSON(con.out, cmd)
	case t.Wait == 0:
		fmt.Fprintf(con.out, "%s restarts when it next comes\n", t.ID)
		return nil
	case cmd.State != "done":
		return fmt.Errorf("%s: %s", cmd.State, cmd.Error)
	}
	fmt.Fprintf(con.out, "%s has booted\n", t.ID)
	return nil
}

type thingAsk struct {
	remote
	ID    string `arg:"" help:"The board's id."`
	Log   string `arg:"" optional:"" help:"One of its logs; without it, its status and the names of its logs."`
	Lines int    `short:"n" help:"How many of the last lines of a log." default:"200" env:"-"`
}

// Run asks a board itself, at its own address, and prints what it says.
func (t thingAsk) Run(ctx context.Context, con console) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	path := thingPath(t.ID) + "/board"
	if t.Log != "" {
		var answer struct{ Text string }
		if err := c.call(ctx, "GET", fmt.Sprintf("%s/logs/%s?lines=%d", path, url.PathEscape(t.Log), t.Lines), nil, &answer); err != nil {
			return err
		}
		fmt.Fprintln(con.out, inLines(strings.TrimRight(answer.Text, "\n")))
		return nil
	}
	if t.JSON {
		return printAnswer(ctx, c, con.out, path+"/status")
	}
	var answer struct{ Status map[string]json.RawMessage }
	if err := c.call(ctx, "GET", path+"/status", nil, &answer); err != nil {
		return err
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(answer.Status)) {
		fmt.Fprintf(w, "%s\t%s\n", onOneLine(name), onOneLine(valueText(answer.Status[name])))
	}
	var logs struct{ Logs []string }
	if err := c.call(ctx, "GET", path+"/logs", nil, &logs); err != nil {
		return errors.Join(w.Flush(), err)
	}
	fmt.Fprintf(w, "logs\t%s\n", onOneLine(strings.Join(logs.Logs, " ")))
	return w.Flush()
}
