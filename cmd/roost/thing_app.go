package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/roost-iot/roost"
)

// thingPath is where the API has a thing.
func thingPath(id string) string { return "/things/" + url.PathEscape(id) }

// fetched sends what a thing comes and asks for, and follows it to its end unless wait is 0.
func (c *client) fetched(ctx context.Context, id, kind string, value json.RawMessage, expires, wait time.Duration) (cmd apiCommand, err error) {
	err = c.call(ctx, "POST", thingPath(id)+"/commands", map[string]any{
		"kind": kind, "value": value, "expires_in": max(1, int(expires.Seconds())),
	}, &cmd)
	if err != nil || wait == 0 {
		return cmd, err
	}
	within, stop := context.WithTimeout(ctx, wait)
	defer stop()
	cmd, err = c.ended(within, cmd)
	if err != nil && ctx.Err() == nil {
		return cmd, fmt.Errorf("no answer within %s; it is %s, and waits for the thing until it expires (%s)", wait, cmd.State, cmd.ID)
	}
	return cmd, err
}

type thingSend struct {
	remote
	ID      string        `arg:"" help:"The thing's id."`
	Message string        `arg:"" help:"The message; sent as text unless --raw."`
	Raw     bool          `help:"The message is JSON." env:"-"`
	Expires time.Duration `help:"How long it may wait for the thing." default:"24h" env:"-"`
	Wait    time.Duration `help:"How long to wait for the reply here; 0: not at all." default:"5m" env:"-"`
}

// Run sends a message and prints the reply.
func (s thingSend) Run(ctx context.Context, con console) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	value, err := json.Marshal(s.Message)
	if err != nil {
		return err
	}
	if s.Raw {
		if value = []byte(s.Message); !json.Valid(value) {
			return fmt.Errorf("%q is not JSON", s.Message)
		}
	}
	cmd, err := c.fetched(ctx, s.ID, "message", value, s.Expires, s.Wait)
	switch {
	case err != nil:
		return err
	case s.JSON:
		return printJSON(con.out, cmd)
	case s.Wait == 0:
		fmt.Fprintln(con.out, cmd.ID)
		return nil
	case cmd.State != "done":
		return fmt.Errorf("%s: %s", cmd.State, cmd.Error)
	}
	fmt.Fprintln(con.out, valueText(cmd.Result))
	return nil
}

type thingShell struct {
	remote
	ID   string        `arg:"" help:"The thing's id."`
	Line string        `arg:"" optional:"" help:"A line to run; without it, lines are read one by one."`
	Wait time.Duration `help:"How long to wait for each answer." default:"5m" env:"-"`
}

// Run runs a line, or lines until the input ends.
func (s thingShell) Run(ctx context.Context, con console) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	if s.Line != "" {
		return s.run(ctx, c, con, s.Line)
	}
	names := "names last until its next start"
	if protocol, err := c.protocol(ctx, s.ID); err == nil && protocol == string(roost.PythingsOS) {
		names = "names do not last from one to the next"
	}
	fmt.Fprintf(con.err, "Each line runs on %s when it next comes; %s. End with Ctrl-D.\n>>> ", s.ID, names)
	for lines := bufio.NewScanner(con.in); ; fmt.Fprint(con.err, ">>> ") {
		more, err := typed(ctx, func() (bool, error) { return lines.Scan(), nil })
		if !more {
			fmt.Fprintln(con.err)
			return err
		}
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		if err := s.run(ctx, c, con, lines.Text()); err != nil {
			fmt.Fprintln(con.err, err)
		}
	}
}

func (s thingShell) run(ctx context.Context, c *client, con console, line string) error {
	value, err := json.Marshal(line)
	if err != nil {
		return err
	}
	cmd, err := c.fetched(ctx, s.ID, "shell", value, s.Wait, s.Wait)
	if err != nil {
		return err
	}
	if cmd.State != "done" {
		return fmt.Errorf("%s: %s", cmd.State, cmd.Error)
	}
	said := valueText(cmd.Result)
	if said == "null" {
		return nil
	}
	_, err = fmt.Fprint(con.out, inLines(said))
	return err
}

// inLines is text of a thing for a terminal, which would obey control characters.
func inLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = onOneLine(l)
	}
	return strings.Join(lines, "\n")
}

type thingLogs struct {
	remote
	ID     string `arg:"" help:"The thing's id."`
	Lines  int    `short:"n" help:"How many of the newest lines." default:"50" env:"-"`
	Follow bool   `short:"f" help:"Go on as lines come." env:"-"`
}

// apiLine is a line of a thing's log.
type apiLine struct {
	ID, At              int64
	Level, Text, Detail string
}

// Run prints lines, oldest first.
func (l thingLogs) Run(ctx context.Context, con console) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	var last int64
	for first := true; ; first = false {
		limit := l.Lines
		if !first {
			limit = 500
		}
		var answer struct{ Log []apiLine }
		if err := c.call(ctx, "GET", fmt.Sprintf("%s/log?limit=%d", thingPath(l.ID), limit), nil, &answer); err != nil {
			return err
		}
		slices.Reverse(answer.Log)
		for _, line := range answer.Log {
			if line.ID > last {
				last = line.ID
				l.print(con, line)
			}
		}
		if first && last == 0 && !l.Follow {
			fmt.Fprintln(con.out, "Nothing has been written yet.")
		}
		if !l.Follow {
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil
		}
	}
}

func (l thingLogs) print(con console, line apiLine) {
	if l.JSON {
		_ = printJSON(con.out, line) // a terminal that is gone is not our fault
		return
	}
	fmt.Fprintf(con.out, "%s  %-5s  %s\n", time.UnixMilli(line.At).Format(time.DateTime), line.Level, onOneLine(line.Text))
	if line.Detail != "" {
		fmt.Fprintln(con.out, "    "+strings.ReplaceAll(inLines(strings.TrimRight(line.Detail, "\n")), "\n", "\n    "))
	}
}

type thingInstall struct {
	remote
	ID   string `arg:"" help:"The thing's id."`
	App  string `arg:"" help:"The app's name or id."`
	Pool string `help:"Which pool; without it, the one where new things go." env:"-"`
}

// Run moves the thing to an app.
func (i thingInstall) Run(ctx context.Context, con console) error {
	c, a, err := i.open(ctx, i.App, "")
	if err != nil {
		return err
	}
	if err := c.call(ctx, "PUT", thingPath(i.ID)+"/app", map[string]any{"app": a.ID, "pool": i.Pool}, nil); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s gets %s when it next comes\n", i.ID, a.Name)
	return nil
}

type thingUninstall struct {
	remote
	ID string `arg:"" help:"The thing's id."`
}

// Run takes the thing's app away.
func (u thingUninstall) Run(ctx context.Context, con console) error {
	c, err := u.client()
	if err != nil {
		return err
	}
	if u.ID == "" {
		return errors.New("say which thing")
	}
	return c.call(ctx, "DELETE", thingPath(u.ID)+"/app", nil, nil)
}
