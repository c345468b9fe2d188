package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

type thingCmd struct {
	Ls      thingLs      `cmd:"" help:"List things."`
	Show    thingShow    `cmd:"" help:"Show one thing and its resources."`
	Set     thingSet     `cmd:"" help:"Set a resource and wait for the thing's own word."`
	Approve thingApprove `cmd:"" help:"Let waiting things in."`

	Send      thingSend      `cmd:"" help:"Send a message to a thing's app and wait for its reply."`
	Shell     thingShell     `cmd:"" help:"Run lines of Python on a thing."`
	Logs      thingLogs      `cmd:"" help:"Show what happened with a thing."`
	Install   thingInstall   `cmd:"" help:"Put an app on a thing that came with an account id."`
	Uninstall thingUninstall `cmd:"" help:"Take its app from a thing that came with an account id."`
	Pack      thingPack      `cmd:"" help:"Make a thing for a computer: a zip to be unpacked there."`
	Hotfix    thingHotfix    `cmd:"" help:"Give one thing files over those of its app, or take them back."`
	Restart   thingRestart   `cmd:"" help:"Make a board or a thing of Roost's own runtime start anew when it next comes."`

	Identify thingIdentify `cmd:"" help:"Make a board or a thing of Roost's own runtime blink."`
	Reset    thingReset    `cmd:"" help:"Make a board or a thing of Roost's own runtime forget its Wi-Fi and settings."`
	Ask      thingAsk      `cmd:"" help:"Ask a board itself for its status or its logs."`
	Crashes  thingCrashes  `cmd:"" help:"List what broke on things."`
	Starts   thingStarts   `cmd:"" help:"List the last starts of a thing of Roost's own runtime, with their causes."`
}

// apiThing is what the API says of a thing, as far as it is printed.
type apiThing struct {
	ID, Name, Protocol, State, Address string
	Online                             bool
	LastHeard                          int64 `json:"last_heard"`
	Tags                               []string
	Resources                          []struct {
		Name  string
		Value json.RawMessage
		At    int64
	}
}

type thingLs struct {
	remote
	Query string `arg:"" optional:"" help:"Part of a name, id, tag or resource."`
	State string `help:"Only waiting, enrolled or ignored ones." placeholder:"STATE" env:"-"`
}

// Run prints a line a thing.
func (l thingLs) Run(ctx context.Context, con console) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	query := url.Values{"q": {l.Query}}
	if l.State != "" {
		query.Set("state", l.State)
	}
	if l.JSON {
		return printAnswer(ctx, c, con.out, "/things?"+query.Encode())
	}
	var answer struct{ Things []apiThing }
	if err := c.call(ctx, "GET", "/things?"+query.Encode(), nil, &answer); err != nil {
		return err
	}
	if len(answer.Things) == 0 {
		fmt.Fprintln(con.out, "No things. Point a device at this Roost, or try: roost sim coap --count 3")
		return nil
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tPROTOCOL\tSTATE\tHEARD\tADDRESS")
	for _, t := range answer.Things {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, onOneLine(t.Name), onOneLine(t.Protocol), stateWord(t), ago(t.LastHeard), onOneLine(t.Address))
	}
	return w.Flush()
}

// onOneLine makes what a thing says of itself fit for a terminal, which would obey
// control characters.
func onOneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

func printAnswer(ctx context.Context, c *client, w io.Writer, path string) error {
	var answer any
	if err := c.call(ctx, "GET", path, nil, &answer); err != nil {
		return err
	}
	return printJSON(w, answer)
}

func stateWord(t apiThing) string {
	switch {
	case t.State != "enrolled":
		return t.State
	case t.Online:
		return "online"
	}
	return "offline"
}

// ago tells how long ago a time in Unix ms was.
func ago(ms int64) string {
	if ms == 0 {
		return "never"
	}
	return time.Since(time.UnixMilli(ms)).Round(time.Second).String() + " ago"
}

type thingShow struct {
	remote
	ID string `arg:"" help:"Its id."`
}

// Run prints one thing.
func (s thingShow) Run(ctx context.Context, con console) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	path := "/things/" + url.PathEscape(s.ID)
	if s.JSON {
		return printAnswer(ctx, c, con.out, path)
	}
	var t apiThing
	if err := c.call(ctx, "GET", path, nil, &t); err != nil {
		return err
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "id\t%s\nname\t%s\nprotocol\t%s\nstate\t%s\nheard\t%s\naddress\t%s\ntags\t%s\n",
		t.ID, onOneLine(t.Name), onOneLine(t.Protocol), stateWord(t), ago(t.LastHeard), onOneLine(t.Address), strings.Join(t.Tags, ", "))
	for _, r := range t.Resources {
		fmt.Fprintf(w, "%s\t%s\t(%s)\n", onOneLine(r.Name), onOneLine(valueText(r.Value)), ago(r.At))
	}
	return w.Flush()
}

// valueText shows text without quotes and other JSON as it is.
func valueText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

type thingSet struct {
	remote
	ID       string        `arg:"" help:"The thing's id."`
	Resource string        `arg:"" help:"The resource, led for example."`
	Value    string        `arg:"" help:"The value; sent as text unless --raw."`
	Raw      bool          `help:"The value is JSON." env:"-"`
	Wait     time.Duration `help:"How long the thing has to confirm." default:"30s" env:"-"`
}

// apiCommand is what the API says of a command, as far as it is printed.
type apiCommand struct {
	ID, State, Error string
	Result           json.RawMessage
}

// Run sends the command and follows it to its end.
func (s thingSet) Run(ctx context.Context, con console) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	value, err := json.Marshal(s.Value)
	if err != nil {
		return err
	}
	if s.Raw {
		if value = []byte(s.Value); !json.Valid(value) {
			return fmt.Errorf("%q is not JSON", s.Value)
		}
	}
	var cmd apiCommand
	err = c.call(ctx, "POST", "/things/"+url.PathEscape(s.ID)+"/commands", map[string]any{
		"resource": s.Resource, "value": json.RawMessage(value), "expires_in": max(1, int(s.Wait.Seconds())),
	}, &cmd)
	if err != nil {
		return err
	}
	if cmd, err = c.ended(ctx, cmd); err != nil {
		return err
	}
	if cmd.State != "done" {
		return fmt.Errorf("%s: %s", cmd.State, cmd.Error)
	}
	fmt.Fprintf(con.out, "done: %s %s = %s\n", s.ID, s.Resource, s.Value)
	return nil
}

// ended follows a command to its end.
func (c *client) ended(ctx context.Context, cmd apiCommand) (apiCommand, error) {
	for cmd.State == "queued" || cmd.State == "sent" {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return cmd, ctx.Err()
		}
		if err := c.call(ctx, "GET", "/commands/"+cmd.ID, nil, &cmd); err != nil {
			return cmd, err
		}
	}
	return cmd, nil
}

type thingApprove struct {
	remote
	ID  []string `arg:"" optional:"" help:"Their ids."`
	All bool     `help:"All that wait." env:"-"`
	Key string   `help:"Which key is let in, when several were asked for in the name of a board: as its console tells it." placeholder:"KEY" env:"-"`
}

// Run approves and says so a line each.
func (a thingApprove) Run(ctx context.Context, con console) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	if a.All {
		var answer struct{ Things []apiThing }
		if err := c.call(ctx, "GET", "/things?state=waiting", nil, &answer); err != nil {
			return err
		}
		for _, t := range answer.Things {
			a.ID = append(a.ID, t.ID)
		}
	} else if len(a.ID) == 0 {
		return fmt.Errorf("say which things: their ids, or --all")
	}
	if a.Key != "" && (a.All || len(a.ID) != 1) {
		return fmt.Errorf("a key is one thing's: name that thing only")
	}
	for _, id := range a.ID {
		path := "/things/" + url.PathEscape(id) + "/approve"
		if a.Key != "" {
			path += "?key=" + url.QueryEscape(a.Key)
		}
		if err := c.call(ctx, "POST", path, nil, nil); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		fmt.Fprintln(con.out, "approved", id)
	}
	if len(a.ID) == 0 {
		fmt.Fprintln(con.out, "Nothing waits.")
	}
	return nil
}
