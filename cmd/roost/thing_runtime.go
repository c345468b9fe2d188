package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/roost-iot/roost"
)

type thingIdentify struct {
	remote
	ID   string        `arg:"" help:"The thing's id."`
	Wait time.Duration `help:"How long to wait here until it says that it does; 0: not at all." default:"20s" env:"-"`
}

// Run makes a thing show which one it is.
func (t thingIdentify) Run(ctx context.Context, con console) error {
	return t.act(ctx, con, t.ID, "identify", t.Wait, "/identify", "%s blinks\n")
}

type thingReset struct {
	remote
	ID   string        `arg:"" help:"The thing's id."`
	Yes  bool          `help:"Do it: it forgets its Wi-Fi and its settings; one of Roost's own runtime keeps its key." env:"-"`
	Wait time.Duration `help:"How long to wait here until it says that it does; 0: not at all." default:"20s" env:"-"`
}

// Run makes a thing forget its networks and settings.
func (t thingReset) Run(ctx context.Context, con console) error {
	if !t.Yes {
		return fmt.Errorf("%s forgets its Wi-Fi and its settings, and cannot come until somebody sets it up again; if that is meant, add --yes", t.ID)
	}
	return t.act(ctx, con, t.ID, "factory-reset", t.Wait, "/board/factory-reset", "%s starts from the beginning\n")
}

// act makes a thing of Roost's own runtime do what a command says; a board of the board
// platform Roost asks itself, by a call of its own.
func (r remote) act(ctx context.Context, con console, id, kind string, wait time.Duration, path, done string) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	protocol, err := c.protocol(ctx, id)
	if err != nil {
		return err
	}
	if protocol != string(roost.BoardPlatform) {
		return r.ask(ctx, con, id, kind, wait, done)
	}
	if err := c.call(ctx, "POST", thingPath(id)+path, nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(con.out, done, id)
	return nil
}

// protocol gives the one that a thing speaks.
func (c *client) protocol(ctx context.Context, id string) (string, error) {
	var t apiThing
	err := c.call(ctx, "GET", thingPath(id), nil, &t)
	return t.Protocol, err
}

// ask sends a command without a value and prints what came of it.
func (r remote) ask(ctx context.Context, con console, id, kind string, wait time.Duration, done string) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	cmd, err := c.fetched(ctx, id, kind, nil, time.Hour, wait)
	switch {
	case err != nil:
		return err
	case r.JSON:
		return printJSON(con.out, cmd)
	case wait == 0:
		fmt.Fprintf(con.out, "%s gets it with its next sync\n", id)
		return nil
	case cmd.State != "done":
		return fmt.Errorf("%s: %s", cmd.State, cmd.Error)
	}
	fmt.Fprintf(con.out, done, id)
	return nil
}

type thingCrashes struct {
	remote
	ID     string `arg:"" optional:"" help:"The thing's id; without one, those of all."`
	App    string `help:"Only those of an app, by its id." env:"-"`
	Unseen bool   `help:"Only those that nobody has marked seen." env:"-"`
	Trace  bool   `help:"Print the tracebacks." env:"-"`
	Seen   string `help:"Mark one seen." placeholder:"CRASH" env:"-"`
	Forget string `help:"Forget one." placeholder:"CRASH" env:"-"`
}

// apiCrash is a group of crashes as far as it is printed.
type apiCrash struct {
	ID, AppName, Version, Part, Error, Traceback string
	Count, Last                                  int64
	Things                                       []string
}

// Run lists what broke on things, or marks one of it.
func (t thingCrashes) Run(ctx context.Context, con console) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	switch {
	case t.Seen != "" && t.Forget != "":
		return errors.New("say --seen or --forget")
	case t.Seen != "":
		return c.call(ctx, "POST", "/crashes/"+url.PathEscape(t.Seen)+"/seen", nil, nil)
	case t.Forget != "":
		return c.call(ctx, "DELETE", "/crashes/"+url.PathEscape(t.Forget), nil, nil)
	}
	query := url.Values{}
	if t.ID != "" {
		query.Set("thing", t.ID)
	}
	if t.App != "" {
		query.Set("app", t.App)
	}
	if t.Unseen {
		query.Set("unseen", "true")
	}
	path := "/crashes?" + query.Encode()
	if t.JSON {
		return printAnswer(ctx, c, con.out, path)
	}
	var answer struct{ Groups []apiCrash }
	if err := c.call(ctx, "GET", path, nil, &answer); err != nil {
		return err
	}
	return t.print(con, answer.Groups)
}

func (t thingCrashes) print(con console, groups []apiCrash) error {
	if len(groups) == 0 {
		fmt.Fprintln(con.out, "Nothing broke.")
		return nil
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "CRASH\tLAST\tTIMES\tTHINGS\tOF\tERROR")
	for _, g := range groups {
		of := g.AppName
		if g.Part == "os" {
			of = "runtime"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\n", g.ID, ago(g.Last), g.Count, len(g.Things), onOneLine(strings.TrimSpace(of+" "+g.Version)), onOneLine(g.Error))
	}
	if err := w.Flush(); err != nil || !t.Trace {
		return err
	}
	for _, g := range groups {
		fmt.Fprintf(con.out, "\n%s\n%s\n", g.ID, inLines(g.Traceback))
	}
	return nil
}
